import Pipelines

extension TIFFLayout {
    /// Rows of strips of 1 row of the tallest planar image.
    private static let maximumPieceCount = 4 << 20
    /// Up to this, a row of pieces is little memory.
    private static let smallBandByteCount = 64 << 20
    private static let maximumTablesByteCount: UInt64 = 64 << 10

    /// What the output is made of is here; what to do with a file that is not is said in one way.
    private static let wayOut = "Save it as 8 or 16 bits, gray, RGB or RGBA, for example by ImageMagick."

    /// Reads the fields of a directory, and where its pieces are.
    ///
    /// - Throws: `CodecError` for an image that is damaged, above a limit, or of a kind that is not read.
    package init(_ directory: TIFFDirectory, in source: TIFFSource, limits: DecodingLimits) throws {
        let (width, height) = try Self.size(directory, source, limits)
        let encoding = try Self.encoding(directory, source)
        let shape = ImageShape(width: width, height: height, format: encoding.format)
        let isTiled = directory[.tileWidth] != nil
        var (storedWidth, storedHeight) = (width, height)
        if isTiled {
            storedWidth = Self.small(try directory.number(.tileWidth, in: source))
            storedHeight = Self.small(try directory.number(.tileLength, in: source))
        } else if let rows = try directory.number(.rowsPerStrip, in: source) {
            storedHeight = min(height, Self.small(rows))
        }
        guard storedWidth > 0, storedHeight > 0 else {
            throw CodecError.corrupt(
                "The TIFF file is damaged: its \(isTiled ? "tiles" : "strips") have \(storedWidth) x \(storedHeight) pixels."
            )
        }
        let pieceByteCount = UInt64(storedHeight).multipliedReportingOverflow(
            by: UInt64(encoding.storedBytesPerRow(width: storedWidth)))
        guard !pieceByteCount.overflow,
            pieceByteCount.partialValue <= Self.maximumPieceByteCount(of: shape)
        else {
            throw CodecError.overLimit(
                "The TIFF file has tiles of \(storedWidth) x \(storedHeight) pixels for an image of \(width) x \(height); "
                    + "tiles of more than \(Self.smallBandByteCount) bytes may not be larger than the image. "
                    + "Save it with smaller tiles.")
        }
        if encoding.compression == .jpeg, max(storedWidth, storedHeight) > 65_500 {
            throw CodecError.unsupported(
                "The TIFF file has JPEG pieces of \(storedWidth) x \(storedHeight) pixels; a JPEG picture has at most 65500 on "
                    + "a side. Save it with tiles, or choose a reduced level of it.")
        }
        let pieceCount = try Self.pieceCount(
            shape, encoding, storedWidth: storedWidth, storedHeight: storedHeight)
        let (offsets, byteCounts) = try Self.places(
            directory, source, encoding, isTiled: isTiled, pieceCount: pieceCount, shape: shape,
            storedHeight: storedHeight, isLenient: limits.options.isLenient)
        self.init(
            shape: shape, encoding: encoding, isTiled: isTiled, storedWidth: storedWidth, storedHeight: storedHeight,
            offsets: offsets, byteCounts: byteCounts)
        try check(fileByteCount: source.byteCount, limits)
    }

    /// 2^56 pixels of 8 bytes are below 2^63.
    static let maximumPixelCount: UInt64 = 1 << 56

    /// A tile may be larger than its image, but not by much: a small file must not ask for much memory.
    static func maximumPieceByteCount(of shape: ImageShape) -> UInt64 {
        UInt64(max(shape.byteCount, smallBandByteCount))
    }

    private static func small(_ number: UInt64?) -> Int { Int(min(number ?? 0, 0x7fff_ffff)) }

    // MARK: Fields

    private static func size(
        _ directory: TIFFDirectory, _ source: TIFFSource, _ limits: DecodingLimits
    ) throws -> (width: Int, height: Int) {
        let width = try directory.number(.imageWidth, in: source) ?? 0
        let height = try directory.number(.imageLength, in: source) ?? 0
        guard width > 0, height > 0 else {
            throw CodecError.corrupt("The TIFF file is damaged: its directory says \(width) x \(height) pixels.")
        }
        guard max(width, height) <= UInt64(limits.maximumSide) else {
            throw CodecError.overLimit(
                "The image is \(width) x \(height) pixels; a side may have at most \(limits.maximumSide). Cut it into parts."
            )
        }
        let (pixelCount, overflow) = width.multipliedReportingOverflow(by: height)
        let maximum = min(limits.maximumPixelCount, maximumPixelCount)
        guard !overflow, pixelCount <= maximum else {
            throw CodecError.overLimit(
                "The image has \(width) x \(height) pixels; at most \(maximum) are allowed. Raise the job's pixel limit "
                    + "(max-pixels, which is the master's unless the job says less), or scale the image down.")
        }
        return (Int(width), Int(height))
    }

    private static func encoding(_ directory: TIFFDirectory, _ source: TIFFSource) throws -> TIFFEncoding {
        if directory[.hamamatsuFormat] != nil, source.byteCount > UInt64(UInt32.max) {
            throw CodecError.unsupported(
                "The TIFF file is a slide of Hamamatsu's (NDPI) of more than 4 GiB, whose offsets are stored in a way of its "
                    + "own. Convert it to a tiled TIFF, for example by libvips.")
        }
        let compressionNumber = try directory.number(.compression, in: source) ?? 1
        guard let compression = TIFFCompression(rawValue: UInt16(clamping: compressionNumber)) else {
            throw CodecError.unsupported(
                "The TIFF file is compressed by \(TIFFCompression.name(of: compressionNumber)) (method "
                    + "\(compressionNumber)), which is not read: none, LZW, deflate, ZSTD, PackBits and JPEG are. "
                    + "Save it with one of these.")
        }
        let sampleCount = Self.small(try directory.number(.samplesPerPixel, in: source) ?? 1)
        guard (1...4).contains(sampleCount) else {
            throw sampleCount == 0
                ? CodecError.corrupt("The TIFF file is damaged: its pixels have no samples.")
                : CodecError.unsupported(
                    "The TIFF file has \(sampleCount) samples in a pixel; at most 4 are read: gray, gray and alpha, RGB, RGBA. "
                        + "Save fewer channels.")
        }
        let bitDepth = try bitDepth(directory, source, sampleCount)
        let isPlanar = try isPlanar(directory, source) && sampleCount > 1
        let (photometric, extra) = try colors(directory, source, sampleCount: sampleCount, compression)
        var encoding = TIFFEncoding(
            order: source.order, compression: compression, photometric: photometric, bitDepth: bitDepth,
            sampleCount: sampleCount, extra: extra, isPlanar: isPlanar,
            isPredicted: try isPredicted(directory, source, compression, bitDepth),
            hasReversedBits: try directory.number(.fillOrder, in: source) == 2)
        if photometric == .palette { encoding.palette = try palette(directory, source, encoding) }
        if compression == .jpeg { try readJPEG(&encoding, directory, source) }
        return encoding
    }

    private static func bitDepth(
        _ directory: TIFFDirectory, _ source: TIFFSource, _ sampleCount: Int
    ) throws -> Int {
        // One number for all samples, as some write it, is enough.
        let depths =
            try directory.numbers(.bitsPerSample, count: sampleCount, in: source)
            ?? [try directory.number(.bitsPerSample, in: source) ?? 1]
        let formats =
            try directory.numbers(.sampleFormat, count: sampleCount, in: source)
            ?? [try directory.number(.sampleFormat, in: source) ?? 1]
        let depth = depths[0]
        for format in formats where format != 1 && format != 4 {
            let name = [2: "signed whole numbers", 3: "floating-point numbers"][format] ?? "numbers of kind \(format)"
            throw CodecError.unsupported(
                "The TIFF file has samples that are \(name) of \(depth) bits; whole numbers from 0 of 1, 2, 4, 8 or 16 bits "
                    + "are read. \(wayOut)")
        }
        guard depths.allSatisfy({ $0 == depth }), [1, 2, 4, 8, 16].contains(depth) else {
            let text = Set(depths).sorted().map(String.init).joined(separator: " and ")
            throw CodecError.unsupported(
                "The TIFF file has samples of \(text) bits; all of 1, 2, 4, 8 or 16 bits are read. \(wayOut)")
        }
        return Int(depth)
    }

    private static func isPlanar(_ directory: TIFFDirectory, _ source: TIFFSource) throws -> Bool {
        let number = try directory.number(.planarConfiguration, in: source) ?? 1
        guard number == 1 || number == 2 else {
            throw CodecError.corrupt(
                "The TIFF file is damaged: its planar configuration is \(number); there are 1 and 2.")
        }
        return number == 2
    }

    private static func isPredicted(
        _ directory: TIFFDirectory, _ source: TIFFSource, _ compression: TIFFCompression, _ bitDepth: Int
    ) throws -> Bool {
        // The others have no predictor, whatever the field says.
        guard [.lzw, .deflate, .oldDeflate, .zstd].contains(compression) else { return false }
        let number = try directory.number(.predictor, in: source) ?? 1
        guard number == 1 || (number == 2 && bitDepth >= 8) else {
            throw CodecError.unsupported(
                "The TIFF file uses predictor \(number) on samples of \(bitDepth) bits; none (1), and horizontal differences (2) "
                    + "of 8 or 16 bits, are read. Save it without a predictor.")
        }
        return number == 2
    }

    /// What the samples of a pixel are.
    private static func colors(
        _ directory: TIFFDirectory, _ source: TIFFSource, sampleCount: Int, _ compression: TIFFCompression
    ) throws -> (TIFFEncoding.Photometric, TIFFEncoding.Extra) {
        // As libtiff has it where the field is missing.
        let number = try directory.number(.photometric, in: source) ?? (sampleCount < 3 ? 1 : 2)
        guard let photometric = TIFFEncoding.Photometric(rawValue: UInt8(clamping: number)),
            photometric != .yCbCr || compression == .jpeg
        else {
            let name =
                [
                    4: "a mask of transparency", 5: "CMYK", 6: "YCbCr that is not JPEG", 8: "CIE Lab", 9: "ICC Lab",
                    10: "ITU Lab", 32803: "a camera's raw samples (CFA)", 32844: "LogL", 32845: "LogLuv",
                    34892: "a camera's raw samples",
                ][number] ?? "colours of kind \(number)"
            throw CodecError.unsupported(
                "The TIFF file has \(name); gray, RGB, palettes, and YCbCr inside JPEG are read. "
                    + "Convert its colours to RGB.")
        }
        let colorCount: Int
        switch photometric {
        case .whiteIsZero, .blackIsZero, .palette: colorCount = 1
        case .rgb, .yCbCr: colorCount = 3
        }
        let extraCount = sampleCount - colorCount
        guard extraCount >= 0 else {
            throw CodecError.corrupt(
                "The TIFF file is damaged: its pixels have \(sampleCount) samples; their colours alone are \(colorCount)."
            )
        }
        if extraCount == 0 { return (photometric, .none) }
        guard extraCount == 1, photometric != .palette, photometric != .yCbCr else {
            throw CodecError.unsupported(
                "The TIFF file has \(extraCount) samples in a pixel besides its colours; one, with gray or RGB, is read, as alpha. "
                    + "Save fewer channels.")
        }
        let kind: TIFFEncoding.Extra =
            switch try directory.number(.extraSamples, in: source) {
            case 0: .dropped
            case 1: .associatedAlpha
            default: .alpha
            }
        return (photometric, kind)
    }

    /// The colours of ColorMap: all reds, all greens, all blues, of 16 bits; of 8 in files of writers that misread that.
    private static func palette(
        _ directory: TIFFDirectory, _ source: TIFFSource, _ encoding: TIFFEncoding
    ) throws -> [UInt8] {
        guard encoding.bitDepth <= 8, encoding.compression != .jpeg else {
            throw CodecError.unsupported(
                "The TIFF file has a palette for samples of \(encoding.bitDepth) bits that are "
                    + "\(encoding.compression == .jpeg ? "" : "not ")JPEG; palettes of 1, 2, 4 and 8 bits without are read. "
                    + wayOut)
        }
        let colorCount = 1 << encoding.bitDepth
        guard let map = try directory.numbers(.colorMap, count: 3 * colorCount, in: source) else {
            throw CodecError.corrupt(
                "The TIFF file is damaged: it has colours by palette, and no palette of \(colorCount) colours (ColorMap)."
            )
        }
        let shift: UInt64 = map.contains { $0 > 255 } ? 8 : 0
        return (0..<colorCount).flatMap { color in
            (0..<3).map { UInt8(truncatingIfNeeded: map[$0 * colorCount + color] >> shift) }
        }
    }

    private static func readJPEG(
        _ encoding: inout TIFFEncoding, _ directory: TIFFDirectory, _ source: TIFFSource
    ) throws {
        guard encoding.bitDepth == 8 else {
            throw CodecError.unsupported(
                "The TIFF file has JPEG of \(encoding.bitDepth) bits inside; 8 are read. Save it with another compression."
            )
        }
        if encoding.photometric == .yCbCr, encoding.isPlanar {
            throw CodecError.unsupported(
                "The TIFF file has JPEG with a plane for each of Y, Cb and Cr; interleaved ones are read. "
                    + "Save it with another compression.")
        }
        if let subsampling = try directory.numbers(.yCbCrSubsampling, count: 2, in: source) {
            guard subsampling.allSatisfy({ [1, 2, 4].contains($0) }) else {
                throw CodecError.corrupt(
                    "The TIFF file is damaged: its colours are subsampled by \(subsampling[0]) x \(subsampling[1]); "
                        + "there are 1, 2 and 4.")
            }
            encoding.subsampling = subsampling.map { UInt8($0) }
        }
        if let tables = directory[.jpegTables] {
            guard tables.byteCount <= maximumTablesByteCount else {
                throw CodecError.corrupt(
                    "The TIFF file is damaged: its JPEG tables have \(tables.byteCount) bytes; at most "
                        + "\(maximumTablesByteCount) are read.")
            }
            encoding.jpegTables = try directory.bytes(.jpegTables, in: source) ?? []
        }
    }

    // MARK: Pieces

    private static func pieceCount(
        _ shape: ImageShape, _ encoding: TIFFEncoding, storedWidth: Int, storedHeight: Int
    ) throws(CodecError) -> Int {
        let columns = (shape.width + storedWidth - 1) / storedWidth
        let rows = (shape.height + storedHeight - 1) / storedHeight
        let planes = encoding.isPlanar ? encoding.sampleCount : 1
        let (count, overflow) = columns.multipliedReportingOverflow(by: rows * planes)
        guard !overflow, count <= maximumPieceCount else {
            throw .overLimit(
                "The TIFF file cuts its image of \(shape.width) x \(shape.height) pixels into pieces of \(storedWidth) x "
                    + "\(storedHeight); at most \(maximumPieceCount) pieces are read. Save it with larger ones.")
        }
        return count
    }

    /// Where each piece is, within the file.
    ///
    /// - Parameter isLenient: whether pieces that are cut off at the end of the file are taken as far as they go.
    private static func places(
        _ directory: TIFFDirectory, _ source: TIFFSource, _ encoding: TIFFEncoding, isTiled: Bool, pieceCount: Int,
        shape: ImageShape, storedHeight: Int, isLenient: Bool
    ) throws -> (offsets: [UInt64], byteCounts: [UInt64]) {
        let rowCount = (shape.height + storedHeight - 1) / storedHeight
        /// Bytes of a strip that is not compressed.
        func neededByteCount(_ index: Int) -> UInt64 {
            let rows = min(storedHeight, shape.height - index % rowCount * storedHeight)
            return UInt64(rows * encoding.storedBytesPerRow(width: shape.width))
        }
        let kind = isTiled ? "tile" : "strip"
        // Some writers use the fields of strips for tiles.
        let offsetsTag = isTiled && directory[.tileOffsets] != nil ? TIFFTag.tileOffsets : .stripOffsets
        let byteCountsTag = isTiled && directory[.tileByteCounts] != nil ? TIFFTag.tileByteCounts : .stripByteCounts
        guard var offsets = try directory.numbers(offsetsTag, count: pieceCount, in: source) else {
            let count = directory[offsetsTag]?.count ?? 0
            throw CodecError.corrupt(
                "The TIFF file is damaged: its image of \(shape.width) x \(shape.height) pixels has \(pieceCount) \(kind)s, "
                    + "and the file says where \(count) are.")
        }
        var byteCounts: [UInt64]
        if let numbers = try directory.numbers(byteCountsTag, count: pieceCount, in: source) {
            byteCounts = numbers
        } else {
            // Old writers leave them out, which does no harm where they follow from the rest.
            guard directory[byteCountsTag] == nil, !isTiled, encoding.compression == .none || pieceCount == 1 else {
                throw CodecError.corrupt(
                    "The TIFF file is damaged: it has \(pieceCount) \(kind)s, and says of \(directory[byteCountsTag]?.count ?? 0) "
                        + "how long they are.")
            }
            byteCounts = (0..<pieceCount).map { index in
                encoding.compression == .none
                    ? neededByteCount(index) : source.byteCount - min(offsets[index], source.byteCount)
            }
        }
        for index in 0..<pieceCount {
            let rest = source.byteCount - min(offsets[index], source.byteCount)
            if offsets[index] <= source.byteCount, byteCounts[index] <= rest { continue }
            // Of a strip that is not compressed, what is too much is not needed.
            if encoding.compression == .none, !isTiled, neededByteCount(index) <= rest {
                byteCounts[index] = neededByteCount(index)
                continue
            }
            guard isLenient else {
                throw CodecError.corrupt(
                    "The TIFF file is truncated or damaged: its \(kind) \(index) has \(byteCounts[index]) bytes from byte "
                        + "\(offsets[index]); the file ends at byte \(source.byteCount). Send it again in full.")
            }
            offsets[index] = source.byteCount - rest
            byteCounts[index] = rest
        }
        return (offsets, byteCounts)
    }

    /// Refuses an image that its file cannot have, or that takes too much memory.
    private func check(fileByteCount: UInt64, _ limits: DecodingLimits) throws(CodecError) {
        let expansion = encoding.compression.maximumExpansion
        let storedByteCount =
            UInt64(planeCount) * UInt64(shape.height) * UInt64(encoding.storedBytesPerRow(width: shape.width))
        let pieceByteCount = byteCounts.reduce(0 as UInt64) { $0.addingReportingOverflow($1).overflow ? .max : $0 + $1 }
        // What is missing of a damaged file is taken as it is; what it decodes to is bounded all the same.
        if storedByteCount > DecodingLimits.unquestionedByteCount, storedByteCount / expansion > pieceByteCount,
            !limits.options.isLenient
        {
            throw .corrupt(
                "The TIFF file is damaged: it claims \(shape.width) x \(shape.height) pixels, which need at least "
                    + "\(storedByteCount / expansion) bytes, and its \(isTiled ? "tiles" : "strips") have \(pieceByteCount). "
                    + "Send an intact copy.")
        }
        let byteCount = UInt64(shape.byteCount)
        if byteCount > limits.maximumUnpackedByteCount, byteCount / DecodingLimits.maximumExpansion > fileByteCount {
            throw .overLimit(
                "The file of \(fileByteCount) bytes decodes to \(byteCount), more than \(DecodingLimits.maximumExpansion) "
                    + "times its size; at most \(limits.maximumUnpackedByteCount) are allowed then. If it is meant, raise "
                    + "max-unpacked-bytes of the master, or save the image with less compression.")
        }
        guard bandByteCount <= limits.maximumInterlacedByteCount else {
            throw .overLimit(
                "The TIFF file has to be decoded \(rowsPerBand) rows at a time, which takes \(bandByteCount) bytes; at most "
                    + "\(limits.maximumInterlacedByteCount) are allowed. Save it with smaller tiles or strips, or raise "
                    + "max-interlaced-bytes of the master.")
        }
    }

    /// The order for planning memory: as a whole where what is decoded at a time is much memory, and a good part of the image.
    package var order: DecodingOrder {
        bandByteCount > UInt64(Self.smallBandByteCount) && bandByteCount > UInt64(shape.byteCount) / 2 ? .whole : .rows
    }

    /// Bytes that are held while a row of pieces is decoded: its pixels, and one piece.
    package var bandByteCount: UInt64 {
        UInt64(rowsPerBand) * UInt64(shape.bytesPerRow + storedBytesPerRow)
    }
}
