import ImageFormats
import Pipelines

/// Turns the rows of a PNG file, unfiltered, into rows of the decoded image.
struct PNGExpansion {
    private let header: PNGHeader
    /// The decoded bytes of every palette index, or of every gray sample of up to 8 bits, one pixel after the other.
    private let table: [UInt8]
    private let bytesPerPixel: Int
    /// The colour that is transparent, as samples of the file; empty when there is none.
    private let key: [UInt16]

    init(_ header: PNGHeader) {
        self.header = header
        bytesPerPixel = header.shape.format.bytesPerPixel
        switch header.colorType {
        case .palette:
            key = []
            table = PNGExpansion.paletteTable(header)
        case .gray where header.bitDepth <= 8:
            key = PNGExpansion.key(header)
            table = PNGExpansion.grayTable(header, key: key)
        case .gray, .rgb, .grayAlpha, .rgba:
            key = PNGExpansion.key(header)
            table = []
        }
    }

    /// Whether rows are the same in the file and decoded.
    var isIdentity: Bool {
        header.bitDepth == 8 && header.colorType != .palette && header.transparency.isEmpty
    }

    /// - Parameters:
    ///   - stored: a row of the file, or of a pass of it, unfiltered, without the filter's number.
    ///   - width: pixels in the row.
    ///   - destination: room for the decoded row, aligned for its samples.
    func expand(_ stored: UnsafePointer<UInt8>, width: Int, to destination: UnsafeMutableRawPointer) {
        if !table.isEmpty {
            expandByTable(stored, width: width, to: destination.assumingMemoryBound(to: UInt8.self))
        } else if header.bitDepth == 16 {
            let samples = UnsafeRawPointer(stored)
            expand(width, to: destination.assumingMemoryBound(to: UInt16.self), alpha: .max) { index in
                UInt16(bigEndian: samples.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self))
            }
        } else {
            expand(width, to: destination.assumingMemoryBound(to: UInt8.self), alpha: .max) { stored[$0] }
        }
    }

    /// One look-up per pixel, of indices or samples of 1, 2, 4 or 8 bits; the first pixel is in the highest bits of a byte.
    private func expandByTable(
        _ stored: UnsafePointer<UInt8>, width: Int, to destination: UnsafeMutablePointer<UInt8>
    ) {
        let bits = header.bitDepth
        let mask = UInt8(truncatingIfNeeded: 1 << bits - 1)
        table.withUnsafeBufferPointer { table in
            for x in 0..<width {
                let position = x * bits
                let value = Int(stored[position >> 3] >> UInt8(8 - bits - position & 7) & mask)
                for channel in 0..<bytesPerPixel {
                    destination[x * bytesPerPixel + channel] = table[value * bytesPerPixel + channel]
                }
            }
        }
    }

    /// Copies samples, and adds an alpha channel when one colour is transparent.
    @inline(__always)
    private func expand<Sample: FixedWidthInteger & UnsignedInteger>(
        _ width: Int, to destination: UnsafeMutablePointer<Sample>, alpha opaque: Sample, sample: (Int) -> Sample
    ) {
        let channelCount = header.colorType.channelCount
        guard !key.isEmpty else {
            for index in 0..<width * channelCount { destination[index] = sample(index) }
            return
        }
        for x in 0..<width {
            var isTransparent = true
            for channel in 0..<channelCount {
                let value = sample(x * channelCount + channel)
                destination[x * (channelCount + 1) + channel] = value
                isTransparent = isTransparent && value == Sample(key[channel])
            }
            destination[x * (channelCount + 1) + channelCount] = isTransparent ? 0 : opaque
        }
    }

    /// The samples of tRNS; only the bits that a sample has count.
    private static func key(_ header: PNGHeader) -> [UInt16] {
        let mask = UInt16.max >> UInt16(16 - header.bitDepth)
        return stride(from: 0, to: header.transparency.count, by: 2).map {
            (UInt16(header.transparency[$0]) << 8 | UInt16(header.transparency[$0 + 1])) & mask
        }
    }

    /// 256 entries, so that no index is outside: those beyond the palette are black and opaque.
    private static func paletteTable(_ header: PNGHeader) -> [UInt8] {
        (0..<256).flatMap { index -> [UInt8] in
            let isPresent = 3 * index < header.palette.count
            let color = isPresent ? Array(header.palette[3 * index..<3 * index + 3]) : [0, 0, 0]
            guard !header.transparency.isEmpty else { return color }
            return color + [index < header.transparency.count ? header.transparency[index] : 255]
        }
    }

    private static func grayTable(_ header: PNGHeader, key: [UInt16]) -> [UInt8] {
        let maximum = 1 << header.bitDepth - 1
        return (0...maximum).flatMap { value -> [UInt8] in
            let gray = UInt8(value * 255 / maximum)
            return key.isEmpty ? [gray] : [gray, value == Int(key[0]) ? 0 : 255]
        }
    }
}
