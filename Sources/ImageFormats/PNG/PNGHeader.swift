import Pipelines

/// How the samples of a PNG file are to be understood (IHDR's colour type).
package enum PNGColorType: UInt8, Hashable, Sendable {
    case gray = 0
    case rgb = 2
    case palette = 3
    case grayAlpha = 4
    case rgba = 6

    /// Samples of a pixel in the file.
    package var channelCount: Int {
        switch self {
        case .gray, .palette: 1
        case .grayAlpha: 2
        case .rgb: 3
        case .rgba: 4
        }
    }

    package var allowedBitDepths: Set<Int> {
        switch self {
        case .gray: [1, 2, 4, 8, 16]
        case .palette: [1, 2, 4, 8]
        case .rgb, .grayAlpha, .rgba: [8, 16]
        }
    }
}

/// The chunks before the image data that decide how it decodes: IHDR, PLTE and tRNS.
package struct PNGHeader: Hashable, Sendable {
    package static let byteCount = 13

    package let width: Int
    package let height: Int
    /// Bits of a sample in the file: 1, 2, 4, 8 or 16.
    package let bitDepth: Int
    package let colorType: PNGColorType
    package let isInterlaced: Bool
    /// The palette's colours, three bytes each; empty when the colour type has none.
    package fileprivate(set) var palette: [UInt8] = []
    /// tRNS as it is in the file: an alpha for each of the first palette colours, or the 16-bit samples of the colour
    /// that is transparent. Empty when there is none.
    package fileprivate(set) var transparency: [UInt8] = []

    /// The decoded image: palettes are RGB, fewer than 8 bits are 8, and tRNS is an alpha channel.
    package var shape: ImageShape {
        let isTransparent = !transparency.isEmpty
        let layout: ChannelLayout =
            switch colorType {
            case .gray: isTransparent ? .grayAlpha : .gray
            case .rgb, .palette: isTransparent ? .rgba : .rgb
            case .grayAlpha: .grayAlpha
            case .rgba: .rgba
            }
        return ImageShape(width: width, height: height, format: PixelFormat(layout, bitDepth == 16 ? .sixteen : .eight))
    }

    /// Bytes of a row in the file, without the byte that names its filter.
    package var storedBytesPerRow: Int { (width * colorType.channelCount * bitDepth + 7) / 8 }

    /// The distance of a byte from the one that a filter calls its left neighbour.
    package var filterDistance: Int { max(1, colorType.channelCount * bitDepth / 8) }

    /// Reads and checks the data of IHDR.
    ///
    ///     u32 width | u32 height | u8 bit depth | u8 colour type | u8 compression = 0 | u8 filter = 0 | u8 interlace
    package init(_ data: [UInt8], fileByteCount: UInt64, limits: DecodingLimits) throws(CodecError) {
        guard data.count == PNGHeader.byteCount else {
            throw .corrupt("The PNG file is damaged: its header (IHDR) has \(data.count) bytes instead of 13.")
        }
        let width = bigEndianInteger(data[0..<4])
        let height = bigEndianInteger(data[4..<8])
        guard (1...0x7fff_ffff).contains(width), (1...0x7fff_ffff).contains(height) else {
            throw .corrupt("The PNG file is damaged: its header says \(width) x \(height) pixels.")
        }
        guard let colorType = PNGColorType(rawValue: data[9]) else {
            throw .corrupt(
                "The PNG file is damaged: its header says colour type \(data[9]); there are 0, 2, 3, 4 and 6.")
        }
        guard colorType.allowedBitDepths.contains(Int(data[8])) else {
            throw .corrupt(
                "The PNG file is damaged: its header says \(data[8]) bits per sample, which colour type \(data[9]) cannot have."
            )
        }
        guard data[10] == 0, data[11] == 0, data[12] <= 1 else {
            throw .unsupported(
                "The PNG file uses compression \(data[10]), filter \(data[11]) and interlace method \(data[12]); "
                    + "PNG defines 0, 0, and 0 or 1.")
        }
        self.width = Int(width)
        self.height = Int(height)
        bitDepth = Int(data[8])
        self.colorType = colorType
        isInterlaced = data[12] == 1
        try check(fileByteCount: fileByteCount, limits)
    }

    /// Refuses an image that is too large to decode, or that a small file blows up to a large one.
    fileprivate func check(fileByteCount: UInt64, _ limits: DecodingLimits) throws(CodecError) {
        guard max(width, height) <= limits.maximumSide else {
            throw .overLimit(
                "The image is \(width) x \(height) pixels; a side may have at most \(limits.maximumSide). Cut it into parts."
            )
        }
        // Both are below 2^31, so that the product, and 2^56 pixels of 8 bytes, are below 2^63.
        let pixelCount = UInt64(width) * UInt64(height)
        let maximum = min(limits.maximumPixelCount, 1 << 56)
        guard pixelCount <= maximum else {
            throw .overLimit(
                "The image has \(width) x \(height) = \(pixelCount) pixels; at most \(maximum) are allowed. "
                    + "Raise the job's pixel limit, or scale the image down.")
        }
        let byteCount = UInt64(shape.byteCount)
        if byteCount > limits.expansionFreeByteCount, byteCount / limits.maximumExpansion > fileByteCount {
            throw .overLimit(
                "The file of \(fileByteCount) bytes would decode to \(byteCount), more than \(limits.maximumExpansion) times "
                    + "its size. Save the image with less compression, if it is meant.")
        }
        if isInterlaced, byteCount > limits.maximumInterlacedByteCount {
            throw .overLimit(
                "The image is interlaced and decodes to \(byteCount) bytes; an interlaced image is held in memory as a whole "
                    + "and may have at most \(limits.maximumInterlacedByteCount). Save it without interlacing.")
        }
    }
}

/// Follows the chunks of a PNG file in order, keeps what decides how the image decodes, and refuses what breaks the rules.
///
/// The caller walks the file and shows every chunk's head; the scanner asks for the data of the few that it looks into.
package struct PNGHeaderScanner {
    package enum Stage { case start, beforeImageData, inImageData, afterImageData, end }

    private let fileByteCount: UInt64
    private let limits: DecodingLimits
    package private(set) var stage = Stage.start
    package private(set) var header: PNGHeader?
    private var ancillaryChunkCount = 0

    package init(fileByteCount: UInt64, limits: DecodingLimits) {
        self.fileByteCount = fileByteCount
        self.limits = limits
    }

    /// - Parameter data: returns the chunk's data after checking its CRC; called only for chunks of a few bytes.
    package mutating func take(_ chunk: PNGChunkHead, data: () throws -> [UInt8]) throws {
        guard stage != .start || chunk.type == .header else {
            throw CodecError.corrupt(
                "The PNG file is damaged: it begins with a \(chunk.type) chunk instead of its header (IHDR).")
        }
        if chunk.type != .imageData, stage == .inImageData { stage = .afterImageData }
        switch chunk.type {
        case .header:
            guard stage == .start else {
                throw CodecError.corrupt("The PNG file is damaged: it has two headers (IHDR).")
            }
            // Not read when its length is wrong: it could be anything.
            header = try PNGHeader(
                chunk.byteCount == PNGHeader.byteCount
                    ? try data() : [UInt8](repeating: 0, count: min(chunk.byteCount, 14)),
                fileByteCount: fileByteCount, limits: limits)
            stage = .beforeImageData
        case .palette: try takePalette(chunk, data)
        case .transparency:
            try count(chunk)
            try takeTransparency(chunk, data)
        case .imageData:
            guard stage != .afterImageData else {
                throw CodecError.corrupt("The PNG file is damaged: other chunks are among its image data (IDAT).")
            }
            if stage == .beforeImageData { try checkBeforeImageData() }
            stage = .inImageData
        case .end:
            guard stage == .afterImageData else {
                throw CodecError.corrupt("The PNG file is damaged: it has no image data (IDAT).")
            }
            guard chunk.byteCount == 0 else {
                throw CodecError.corrupt(
                    "The PNG file is damaged: its end mark (IEND) has \(chunk.byteCount) bytes of data.")
            }
            stage = .end
        default:
            guard !chunk.type.isCritical else {
                throw CodecError.unsupported(
                    "The PNG file needs a feature that PNG does not define: its \(chunk.type) chunk. Save it as plain PNG."
                )
            }
            try count(chunk)
        }
    }

    private func checkBeforeImageData() throws(CodecError) {
        guard let header else { return }
        guard header.colorType != .palette || !header.palette.isEmpty else {
            throw .corrupt("The PNG file is damaged: it has colours by palette, and no palette (PLTE).")
        }
        // Once more: tRNS has added a channel.
        try header.check(fileByteCount: fileByteCount, limits)
    }

    private mutating func takePalette(_ chunk: PNGChunkHead, _ data: () throws -> [UInt8]) throws {
        guard let colorType = header?.colorType, stage == .beforeImageData else {
            throw CodecError.corrupt("The PNG file is damaged: its palette (PLTE) comes after the image data.")
        }
        guard colorType != .gray, colorType != .grayAlpha else {
            throw CodecError.corrupt("The PNG file is damaged: it is gray, and has a palette (PLTE).")
        }
        guard chunk.byteCount > 0, chunk.byteCount <= 768, chunk.byteCount % 3 == 0 else {
            throw CodecError.corrupt(
                "The PNG file is damaged: its palette (PLTE) has \(chunk.byteCount) bytes; 3 for each of 1 to 256 colours."
            )
        }
        // For RGB it is but a suggestion to displays that have few colours.
        guard colorType == .palette else { return }
        guard header?.palette.isEmpty == true else {
            throw CodecError.corrupt("The PNG file is damaged: it has two palettes (PLTE).")
        }
        guard chunk.byteCount / 3 <= 1 << (header?.bitDepth ?? 0) else {
            throw CodecError.corrupt(
                "The PNG file is damaged: its palette (PLTE) has \(chunk.byteCount / 3) colours, more than "
                    + "\(header?.bitDepth ?? 0) bits can name.")
        }
        header?.palette = try data()
    }

    private mutating func takeTransparency(_ chunk: PNGChunkHead, _ data: () throws -> [UInt8]) throws {
        guard let header, stage == .beforeImageData, header.transparency.isEmpty else {
            throw CodecError.corrupt(
                "The PNG file is damaged: its transparency (tRNS) is there twice, or after the image data.")
        }
        let expected: ClosedRange<Int>
        switch header.colorType {
        case .gray: expected = 2...2
        case .rgb: expected = 6...6
        case .palette:
            guard !header.palette.isEmpty else {
                throw CodecError.corrupt(
                    "The PNG file is damaged: its transparency (tRNS) comes before its palette (PLTE).")
            }
            expected = 1...(header.palette.count / 3)
        case .grayAlpha, .rgba:
            throw CodecError.corrupt(
                "The PNG file is damaged: it has an alpha channel, and transparency (tRNS) besides.")
        }
        guard expected.contains(chunk.byteCount) else {
            throw CodecError.corrupt(
                "The PNG file is damaged: its transparency (tRNS) has \(chunk.byteCount) bytes; \(expected) are allowed."
            )
        }
        self.header?.transparency = try data()
    }

    private mutating func count(_ chunk: PNGChunkHead) throws(CodecError) {
        ancillaryChunkCount += 1
        guard ancillaryChunkCount <= limits.maximumAncillaryChunkCount else {
            throw .overLimit(
                "The PNG file has more than \(limits.maximumAncillaryChunkCount) ancillary chunks. Save it without metadata."
            )
        }
        guard chunk.byteCount <= limits.maximumAncillaryChunkByteCount else {
            throw .overLimit(
                "The PNG file's \(chunk.type) chunk has \(chunk.byteCount) bytes; an ancillary chunk may have at most "
                    + "\(limits.maximumAncillaryChunkByteCount). Save it without metadata.")
        }
    }
}
