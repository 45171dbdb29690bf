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

/// A part of an image that is stored by itself: each `columnStep`th pixel of each `rowStep`th row.
package struct PNGPass: Hashable, Sendable {
    package let x: Int
    package let y: Int
    package let columnStep: Int
    package let rowStep: Int
    package let width: Int
    package let height: Int
    /// Bytes of a row in the file, without the byte that names its filter.
    package let storedBytesPerRow: Int
}

/// The chunks before the image data that decide how it decodes and is shown: IHDR, PLTE, tRNS and eXIf.
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
    /// How the picture is to be shown, as eXIf's Orientation says.
    package fileprivate(set) var orientation: UInt8 = 1

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

    /// Bytes of a row of the whole image in the file, without the byte that names its filter.
    package var storedBytesPerRow: Int { (width * colorType.channelCount * bitDepth + 7) / 8 }

    /// The parts in which the image is stored, one after the other: the image itself, or seven coarser ones where it is
    /// interlaced (Adam7), of which those without a pixel are left out.
    package var passes: [PNGPass] {
        let grids =
            isInterlaced
            ? [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
            : [(0, 0, 1, 1)]
        return grids.compactMap { x, y, columnStep, rowStep in
            let columns = (width - x + columnStep - 1) / columnStep
            let rows = (height - y + rowStep - 1) / rowStep
            guard columns > 0, rows > 0 else { return nil }
            return PNGPass(
                x: x, y: y, columnStep: columnStep, rowStep: rowStep, width: columns, height: rows,
                storedBytesPerRow: (columns * colorType.channelCount * bitDepth + 7) / 8)
        }
    }

    /// Bytes of the image data when it is inflated: every row of every pass, with the byte that names its filter.
    package var storedByteCount: UInt64 {
        passes.reduce(0) { $0 + UInt64($1.height) * UInt64($1.storedBytesPerRow + 1) }
    }

    /// The distance of a byte from the one that a filter calls its left neighbour.
    package var filterDistance: Int { max(1, colorType.channelCount * bitDepth / 8) }

    /// Reads and checks the data of IHDR.
    ///
    ///     u32 width | u32 height | u8 bit depth | u8 colour type | u8 compression = 0 | u8 filter = 0 | u8 interlace
    package init(_ data: [UInt8], fileByteCount: UInt64, limits: DecodingLimits) throws(CodecError) {
        precondition(data.count == PNGHeader.byteCount, "\(data.count) bytes of IHDR")
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

    /// Refuses an image that is too large to decode, or that its file cannot have.
    fileprivate func check(fileByteCount: UInt64, _ limits: DecodingLimits) throws(CodecError) {
        try limits.check(width: width, height: height)
        let storedByteCount = storedByteCount
        let least = storedByteCount / DecodingLimits.deflateExpansion
        if storedByteCount > DecodingLimits.unquestionedByteCount, least > fileByteCount {
            throw .corrupt(
                "The PNG file is damaged: it claims \(width) x \(height) pixels, which need at least \(least) bytes, and has "
                    + "\(fileByteCount). Send an intact copy.")
        }
        let byteCount = UInt64(shape.byteCount)
        try limits.check(unpackedByteCount: byteCount, ofFileOf: fileByteCount)
        if isInterlaced, byteCount > limits.maximumInterlacedByteCount {
            throw .overLimit(
                "The image is interlaced and decodes to \(byteCount) bytes; an interlaced image is held in memory as a whole "
                    + "and may have at most \(limits.maximumInterlacedByteCount). Save it without interlacing, or raise "
                    + "max-interlaced-bytes of the master.")
        }
    }
}

/// Follows the chunks of a PNG file in order, keeps what decides how the image decodes, refuses what breaks the rules that
/// matter, and passes over what decoders pass over (libpng is the measure; docs/formats.md has the table).
///
/// The caller walks the file and shows every chunk's head; the scanner asks for the data of the few that it looks into.
package struct PNGHeaderScanner {
    package enum Stage { case start, beforeImageData, inImageData, afterImageData, end }

    private let fileByteCount: UInt64
    private let limits: DecodingLimits
    package private(set) var stage = Stage.start
    package private(set) var header: PNGHeader?
    /// Whether a palette has come, needed or not: colour space chunks behind it do not count.
    package private(set) var hasPalette = false
    /// Parts that would decide how the image decodes, and do not where they are, or as they are.
    package private(set) var ignored = PNGIgnoredParts()
    /// Whether a well-formed tRNS has come: any other does not count, even if the first was cancelled.
    private var hasTransparency = false
    /// Whether a well-formed eXIf has come: it is the first that counts.
    private var hasEXIF = false

    package init(fileByteCount: UInt64, limits: DecodingLimits) {
        self.fileByteCount = fileByteCount
        self.limits = limits
    }

    /// - Parameter data: returns the chunk's data, `nil` when its CRC is wrong; called only for chunks of a few bytes, and for
    ///   EXIF data within the limit of metadata.
    package mutating func take(_ chunk: PNGChunkHead, data: () throws -> [UInt8]?) throws {
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
            guard chunk.byteCount == PNGHeader.byteCount else {
                throw CodecError.corrupt(
                    "The PNG file is damaged: its header (IHDR) has \(chunk.byteCount) bytes instead of 13.")
            }
            header = try PNGHeader(
                try intact(chunk, data), fileByteCount: fileByteCount, limits: limits)
            stage = .beforeImageData
        case .palette: try takePalette(chunk, data)
        case .transparency: try takeTransparency(chunk, data)
        case .exif: try takeEXIF(chunk, data)
        case .imageData:
            // Data behind other chunks is not the image's: it is complete without, or too short.
            if stage == .afterImageData { return ignored.add(chunk) }
            if stage == .beforeImageData { try checkBeforeImageData() }
            stage = .inImageData
        case .end:
            guard stage == .afterImageData else {
                throw CodecError.corrupt("The PNG file is damaged: it has no image data (IDAT).")
            }
            stage = .end
        default:
            guard !chunk.type.isCritical else {
                throw CodecError.unsupported(
                    "The PNG file needs a feature that PNG does not define: its \(chunk.type) chunk. Save it as plain PNG."
                )
            }
        }
    }

    private func intact(_ chunk: PNGChunkHead, _ data: () throws -> [UInt8]?) throws -> [UInt8] {
        guard let data = try data() else { throw chunk.checksumMismatch() }
        return data
    }

    private func checkBeforeImageData() throws(CodecError) {
        guard let header else { return }
        guard header.colorType != .palette || !header.palette.isEmpty else {
            throw .corrupt("The PNG file is damaged: it has colours by palette, and no palette (PLTE).")
        }
        // Once more: tRNS has added a channel.
        try header.check(fileByteCount: fileByteCount, limits)
    }

    private mutating func takePalette(_ chunk: PNGChunkHead, _ data: () throws -> [UInt8]?) throws {
        guard let header else { return }
        let isWellFormed = (3...768).contains(chunk.byteCount) && chunk.byteCount % 3 == 0
        guard header.colorType == .palette else {
            // Of colours without a palette it is a suggestion to displays that have few.
            let counts = stage == .beforeImageData && !hasPalette
            if stage == .beforeImageData { hasPalette = true }
            guard counts, isWellFormed, header.colorType == .rgb || header.colorType == .rgba else {
                return ignored.add(chunk)
            }
            // tRNS must be behind PLTE.
            if !header.transparency.isEmpty {
                self.header?.transparency = []
                ignored.add(chunk)
            }
            return
        }
        guard !hasPalette else {
            throw CodecError.corrupt("The PNG file is damaged: it has two palettes (PLTE).")
        }
        hasPalette = true
        guard isWellFormed else {
            throw CodecError.corrupt(
                "The PNG file is damaged: its palette (PLTE) has \(chunk.byteCount) bytes; 3 for each of 1 to 256 colours."
            )
        }
        // No index names the colours beyond.
        let colors = try intact(chunk, data).prefix(3 << header.bitDepth)
        self.header?.palette = Array(colors)
    }

    private mutating func takeTransparency(_ chunk: PNGChunkHead, _ data: () throws -> [UInt8]?) throws {
        guard let header, stage == .beforeImageData, !hasTransparency else { return ignored.add(chunk) }
        let isWellFormed =
            switch header.colorType {
            case .gray: chunk.byteCount == 2
            case .rgb: chunk.byteCount == 6
            // None before the palette.
            case .palette: chunk.byteCount >= 1 && chunk.byteCount <= header.palette.count / 3
            case .grayAlpha, .rgba: false
            }
        guard isWellFormed, let data = try data() else { return ignored.add(chunk) }
        hasTransparency = true
        self.header?.transparency = data
    }

    /// Behind the image data it is kept, but the picture is stored by then: programs that show it as it arrives do not turn it.
    private mutating func takeEXIF(_ chunk: PNGChunkHead, _ data: () throws -> [UInt8]?) throws {
        guard stage == .beforeImageData, !hasEXIF,
            UInt64(chunk.byteCount + PNGLayout.chunkOverhead) <= limits.maximumMetadataByteCount,
            let exif = try data().flatMap(EXIFData.init)
        else { return }
        hasEXIF = true
        header?.orientation = exif.orientation
    }
}

/// Parts of a file that were passed over, counted for a remark.
package struct PNGIgnoredParts: Hashable, Sendable {
    package private(set) var count: UInt32 = 0
    package private(set) var byteCount: UInt64 = 0

    package init() {}

    package mutating func add(_ chunk: PNGChunkHead) { add(byteCount: chunk.byteCount) }

    package mutating func add(byteCount: Int) {
        if count < .max { count += 1 }
        self.byteCount += UInt64(byteCount)
    }

    package static func + (left: PNGIgnoredParts, right: PNGIgnoredParts) -> PNGIgnoredParts {
        var sum = PNGIgnoredParts()
        sum.count = left.count.addingReportingOverflow(right.count).overflow ? .max : left.count + right.count
        sum.byteCount = left.byteCount + right.byteCount
        return sum
    }
}
