import ByteCoding
import Pipelines

// The form in which a layout, or a part of it, is sent:
//
//     u8 version | width | height | u8 layout | u8 depth
//     u8 order | u16 compression | u8 photometric | u8 bits | u8 samples | u8 extra | u8 flags | 2 x u8 subsampling
//     tables | palette | of version 2: profile of inks | header of intervals
//     tile or strip: width | height | rows of pieces: first | count
//     for each piece: offset | bytes
//
// Version 2 is written where there are inks or intervals. Numbers without a size are unsigned LEB128. What the decoder relies on is checked again: the bytes may come from anybody.
extension TIFFLayout {
    private static let plainVersion: UInt8 = 1
    private static let version: UInt8 = 2
    private static let isPlanarFlag: UInt8 = 1
    private static let isPredictedFlag: UInt8 = 2
    private static let hasReversedBitsFlag: UInt8 = 4
    private static let isTiledFlag: UInt8 = 8

    public var encoded: [UInt8] {
        var writer = BinaryWriter(capacity: 64 + 12 * offsets.count)
        let isPlain = encoding.inkProfile.isEmpty && encoding.intervalHeader.isEmpty
        writer.write(isPlain ? Self.plainVersion : Self.version)
        writer.writeVariable(UInt64(shape.width))
        writer.writeVariable(UInt64(shape.height))
        writer.write(encoding.order.rawValue)
        writer.write(encoding.compression.rawValue)
        writer.write(encoding.photometric.rawValue)
        writer.write(UInt8(encoding.bitDepth))
        writer.write(UInt8(encoding.sampleCount))
        writer.write(encoding.extra.rawValue)
        var flags: UInt8 = 0
        if encoding.isPlanar { flags |= Self.isPlanarFlag }
        if encoding.isPredicted { flags |= Self.isPredictedFlag }
        if encoding.hasReversedBits { flags |= Self.hasReversedBitsFlag }
        if isTiled { flags |= Self.isTiledFlag }
        writer.write(flags)
        writer.append(encoding.subsampling)
        writer.write(encoding.jpegTables)
        writer.write(encoding.palette)
        if !isPlain {
            writer.write(encoding.inkProfile)
            writer.write(encoding.intervalHeader)
        }
        writer.writeVariable(UInt64(storedWidth))
        writer.writeVariable(UInt64(storedHeight))
        writer.writeVariable(UInt64(pieceRows.lowerBound))
        writer.writeVariable(UInt64(pieceRows.count))
        for index in offsets.indices {
            writer.writeVariable(offsets[index])
            writer.writeVariable(byteCounts[index])
        }
        return writer.bytes
    }

    public init(encoded: [UInt8]) throws(CodecError) {
        do {
            self = try Self.read(encoded)
        } catch {
            throw .corrupt("The description of a TIFF file's pieces is malformed: \(error.description).")
        }
    }

    private static func read(_ bytes: [UInt8]) throws(BinaryCodingError) -> TIFFLayout {
        var reader = BinaryReader(bytes)
        func check(_ isTrue: Bool, _ what: String) throws(BinaryCodingError) {
            if !isTrue { throw BinaryCodingError(what) }
        }
        let version: UInt8 = try reader.read()
        try check((plainVersion...Self.version).contains(version), "version \(version)")
        let sides = 1...UInt64(0x7fff_ffff)
        let width = try reader.readVariable()
        let height = try reader.readVariable()
        try check(
            sides.contains(width) && sides.contains(height) && width * height <= maximumPixelCount,
            "\(width) x \(height) pixels")
        let order = TIFFByteOrder(rawValue: try reader.read())
        let compression = TIFFCompression(rawValue: try reader.read())
        let photometric = TIFFEncoding.Photometric(rawValue: try reader.read())
        let bitDepth: UInt8 = try reader.read()
        let sampleCount: UInt8 = try reader.read()
        let extra = TIFFEncoding.Extra(rawValue: try reader.read())
        let flags: UInt8 = try reader.read()
        let subsampling = Array(try reader.readBytes(2))
        let tables = Array(try reader.readBlock())
        let palette = Array(try reader.readBlock())
        let inkProfile = version == plainVersion ? [] : Array(try reader.readBlock())
        let intervalHeader = version == plainVersion ? [] : Array(try reader.readBlock())
        guard let order, let compression, let photometric, let extra, [1, 2, 4, 8, 16].contains(bitDepth) else {
            throw BinaryCodingError("an unknown encoding")
        }
        let colorCount: UInt8
        switch photometric {
        case .whiteIsZero, .blackIsZero, .palette: colorCount = 1
        case .rgb, .yCbCr: colorCount = 3
        case .separated: colorCount = 4
        }
        try check(sampleCount == colorCount + (extra == .none ? 0 : 1), "\(sampleCount) samples")
        try check(photometric != .palette || (bitDepth <= 8 && palette.count == 3 << Int(bitDepth)), "a palette")
        try check(subsampling.allSatisfy { [1, 2, 4].contains($0) }, "colours subsampled by \(subsampling)")
        try check(photometric != .yCbCr || (compression == .jpeg && flags & isPlanarFlag == 0), "YCbCr")
        try check(compression != .jpeg || bitDepth == 8, "JPEG of \(bitDepth) bits")
        let hasInks = photometric == .separated
        try check(hasInks ? bitDepth >= 8 && extra == .none : inkProfile.isEmpty, "inks of \(bitDepth) bits")
        try check(
            version == plainVersion || hasInks || !intervalHeader.isEmpty,
            "version \(version) without inks and intervals")
        let encoding = TIFFEncoding(
            order: order, compression: compression, photometric: photometric, bitDepth: Int(bitDepth),
            sampleCount: Int(sampleCount), extra: extra, isPlanar: flags & isPlanarFlag != 0,
            isPredicted: flags & isPredictedFlag != 0, hasReversedBits: flags & hasReversedBitsFlag != 0,
            subsampling: subsampling, jpegTables: tables, palette: palette, inkProfile: inkProfile,
            intervalHeader: intervalHeader)
        let storedWidth = try reader.readVariable()
        let storedHeight = try reader.readVariable()
        try check(
            sides.contains(storedWidth) && sides.contains(storedHeight), "pieces of \(storedWidth) x \(storedHeight)")
        let bytesPerRow = UInt64(encoding.storedBytesPerRow(width: Int(storedWidth)))
        let pieceByteCount = bytesPerRow.multipliedReportingOverflow(by: storedHeight)
        let shape = ImageShape(width: Int(width), height: Int(height), format: encoding.format)
        try check(
            !pieceByteCount.overflow && pieceByteCount.partialValue <= maximumPieceByteCount(of: shape),
            "pieces of \(storedWidth) x \(storedHeight) in an image of \(width) x \(height)")
        let isTiled = flags & isTiledFlag != 0
        try check(intervalHeader.isEmpty || compression == .jpeg && isTiled, "intervals that are not tiles of JPEG")
        try check(
            isTiled || (storedWidth == width && storedHeight <= height), "strips of \(storedWidth) x \(storedHeight)")
        let rowCount = (height + storedHeight - 1) / storedHeight
        let columnCount = (width + storedWidth - 1) / storedWidth
        let first = try reader.readVariable()
        let count = try reader.readVariable()
        try check(count > 0 && first < rowCount && count <= rowCount - first, "rows of pieces from \(first)")
        let planeCount = UInt64(encoding.isPlanar ? sampleCount : 1)
        let (pieceCount, overflow) = (count * planeCount).multipliedReportingOverflow(by: columnCount)
        // Each takes two bytes or more.
        try check(!overflow && pieceCount <= UInt64(reader.remainingByteCount / 2), "\(count) rows of pieces")
        var offsets: [UInt64] = []
        var byteCounts: [UInt64] = []
        offsets.reserveCapacity(Int(pieceCount))
        byteCounts.reserveCapacity(Int(pieceCount))
        for _ in 0..<pieceCount {
            offsets.append(try reader.readVariable())
            byteCounts.append(try reader.readVariable())
            let isFile = offsets[offsets.count - 1] < 1 << 62 && byteCounts[byteCounts.count - 1] < 1 << 62
            try check(isFile, "a piece at byte \(offsets[offsets.count - 1])")
        }
        try reader.finish()
        return TIFFLayout(
            shape: shape, encoding: encoding, isTiled: isTiled, storedWidth: Int(storedWidth),
            storedHeight: Int(storedHeight), pieceRows: Int(first)..<Int(first + count), offsets: offsets,
            byteCounts: byteCounts)
    }
}
