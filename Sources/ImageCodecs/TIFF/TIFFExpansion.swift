import ImageFormats
import Pipelines

/// Makes pixels of the samples of a TIFF file: bits are unpacked and widened, white as zero is turned round, indices become
/// colours, planes come together.
struct TIFFExpansion {
    private let encoding: TIFFEncoding
    private let channelCount: Int
    private let alphaChannel: Int?
    /// For each value of a sample of up to 8 bits, the colour (one byte, or three of a palette) and the alpha.
    private let colors: [UInt8]
    private let alphas: [UInt8]
    /// Whether pixels in memory are as they are in the piece.
    private let isIdentity: Bool

    init(_ encoding: TIFFEncoding) {
        self.encoding = encoding
        channelCount = encoding.expandedChannelCount
        alphaChannel = encoding.format.layout.hasAlpha ? encoding.format.channelCount - 1 : nil
        let maximum = encoding.bitDepth < 8 ? (1 << encoding.bitDepth) - 1 : 255
        let values = (0..<256).map { UInt8(min($0, maximum) * 255 / maximum) }
        alphas = values
        switch encoding.photometric {
        case .whiteIsZero: colors = values.map { 255 - $0 }
        case .palette: colors = encoding.palette + [UInt8](repeating: 0, count: 768 - encoding.palette.count)
        case .blackIsZero, .rgb, .yCbCr, .separated: colors = values
        }
        isIdentity =
            encoding.bitDepth >= 8 && !encoding.isPlanar && encoding.sampleCount == channelCount
            && encoding.photometric != .whiteIsZero && encoding.photometric != .palette
    }

    /// Whether the pixels of a row have to be divided by their alpha once all of their samples are there.
    var dividesByAlpha: Bool { encoding.extra == .associatedAlpha }

    /// Makes pixels of a part of a row of a piece.
    ///
    /// - Parameters:
    ///   - source: the row of the piece, aligned for its samples; 16 bits are in the machine's byte order.
    ///   - plane: the sample that the piece has, where each has pieces of its own.
    ///   - destination: the first of `count` pixels; of planes, only this one's samples are written.
    func expand(_ source: UnsafeRawPointer, plane: Int, count: Int, to destination: UnsafeMutableRawPointer) {
        if isIdentity {
            destination.copyMemory(from: source, byteCount: count * channelCount * encoding.bitDepth / 8)
        } else if encoding.bitDepth == 16 {
            expandWords(
                source.assumingMemoryBound(to: UInt16.self), plane, count,
                to: destination.assumingMemoryBound(to: UInt16.self))
        } else {
            expandBytes(
                source.assumingMemoryBound(to: UInt8.self), plane, count,
                to: destination.assumingMemoryBound(to: UInt8.self))
        }
    }

    /// Samples of a pixel of the piece that become channels.
    private func keptCount(_ plane: Int) -> Int {
        encoding.isPlanar ? (plane < channelCount ? 1 : 0) : min(encoding.sampleCount, channelCount)
    }

    private func expandWords(
        _ source: UnsafePointer<UInt16>, _ plane: Int, _ count: Int, to destination: UnsafeMutablePointer<UInt16>
    ) {
        let stored = encoding.samplesPerPiece
        for sample in 0..<keptCount(plane) {
            let channel = plane + sample
            let mask: UInt16 = encoding.photometric == .whiteIsZero && channel != alphaChannel ? 0xffff : 0
            for x in 0..<count { destination[x * channelCount + channel] = source[x * stored + sample] ^ mask }
        }
    }

    private func expandBytes(
        _ source: UnsafePointer<UInt8>, _ plane: Int, _ count: Int, to destination: UnsafeMutablePointer<UInt8>
    ) {
        let stored = encoding.samplesPerPiece
        let bits = encoding.bitDepth
        let mask = UInt8(truncatingIfNeeded: 1 << bits - 1)
        // The first sample is in the highest bits.
        func value(_ index: Int) -> Int {
            if bits == 8 { return Int(source[index]) }
            let bit = index * bits
            return Int(source[bit >> 3] >> UInt8(8 - bits - bit & 7) & mask)
        }
        if encoding.photometric == .palette {
            colors.withUnsafeBufferPointer { colors in
                for x in 0..<count {
                    let color = 3 * value(x)
                    for channel in 0..<3 { destination[x * 3 + channel] = colors[color + channel] }
                }
            }
            return
        }
        for sample in 0..<keptCount(plane) {
            let channel = plane + sample
            let table = channel == alphaChannel ? alphas : colors
            table.withUnsafeBufferPointer { table in
                for x in 0..<count { destination[x * channelCount + channel] = table[value(x * stored + sample)] }
            }
        }
    }

    /// Divides the colours of whole pixels by their alpha, as Pillow does: without rounding, at most the largest value; 0 where
    /// alpha is 0.
    func divideByAlpha(_ row: UnsafeMutableRawPointer, count: Int) {
        switch encoding.format.depth {
        case .eight: divide(row.assumingMemoryBound(to: UInt8.self), count)
        case .sixteen: divide(row.assumingMemoryBound(to: UInt16.self), count)
        }
    }

    private func divide<Sample: FixedWidthInteger & UnsignedInteger>(_ row: UnsafeMutablePointer<Sample>, _ count: Int)
    {
        let maximum = UInt32(Sample.max)
        for x in 0..<count {
            let pixel = row + x * channelCount
            let alpha = UInt32(pixel[channelCount - 1])
            if alpha == maximum { continue }
            for channel in 0..<channelCount - 1 {
                pixel[channel] = alpha == 0 ? 0 : Sample(min(maximum, UInt32(pixel[channel]) * maximum / alpha))
            }
        }
    }
}
