import Pipelines

extension TIFFLayout {
    /// Rows of strips of 1 row of the tallest planar image.
    private static let maximumPieceCount = 4 << 20
    /// Up to this, a row of pieces is little memory.
    private static let smallBandByteCount = 64 << 20

    /// Reads the fields of a directory, and where its pieces are.
    ///
    /// - Parameter page: the directory of the page, which may be of another of its levels.
    /// - Throws: `CodecError` for an image that is damaged, above a limit, or of a kind that is not read.
    package init(_ directory: TIFFDirectory, ofPage page: TIFFDirectory, in source: TIFFSource, limits: DecodingLimits)
        throws
    {
        let (width, height) = try Self.size(directory, source, limits)
        var encoding = try TIFFEncoding(directory, ofPage: page, in: source, limits: limits)
        let shape = ImageShape(width: width, height: height, format: encoding.format)
        var isTiled = directory[.tileWidth] != nil
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
        let pieceCount = try Self.pieceCount(shape, encoding, storedWidth: storedWidth, storedHeight: storedHeight)
        var (offsets, byteCounts) = try Self.places(
            directory, source, encoding, isTiled: isTiled, pieceCount: pieceCount, shape: shape,
            storedHeight: storedHeight, isLenient: limits.options.isLenient)
        if encoding.photometric == .yCbCr, directory[.yCbCrSubsampling] == nil,
            let subsampling = Self.subsampling(ofStream: offsets[0]..<offsets[0] + byteCounts[0], in: source)
        {
            encoding.subsampling = subsampling
        }
        if source.form == .hamamatsu, encoding.compression == .jpeg, !isTiled, pieceCount == 1,
            let intervals = try TIFFRestartIntervals(
                directory, in: source, strip: offsets[0]..<offsets[0] + byteCounts[0], width: width, height: height,
                maximumCount: Self.maximumPieceCount)
        {
            isTiled = true
            (storedWidth, storedHeight) = (intervals.width, intervals.height)
            (offsets, byteCounts) = (intervals.offsets, intervals.byteCounts)
            encoding.intervalHeader = intervals.header
        }
        if encoding.compression == .jpeg, max(storedWidth, storedHeight) > JPEGHeader.maximumSide {
            throw Self.tooLargeForJPEG(storedWidth, storedHeight, isSlide: source.form == .hamamatsu)
        }
        self.init(
            shape: shape, encoding: encoding, isTiled: isTiled, storedWidth: storedWidth, storedHeight: storedHeight,
            offsets: offsets, byteCounts: byteCounts)
        try check(fileByteCount: source.byteCount, limits)
    }

    /// What a JPEG stream says of its colours, where the directory says nothing: the default of 2 x 2 is wrong for many slides.
    ///
    /// - Returns: `nil` for a stream that says nothing that TIFF knows.
    private static func subsampling(ofStream bytes: Range<UInt64>, in source: TIFFSource) -> [UInt8]? {
        var segments = JPEGSegments(byteCount: min(UInt64(bytes.count), 64 << 10), isLenient: false)
        let read = { (offset: UInt64, count: Int) in
            Array(try source.bytes(at: bytes.lowerBound + offset, count: count, "a JPEG header"))
        }
        while let segment = try? segments.next(read), segment.marker != .startOfScan {
            guard segment.marker.isFrame else { continue }
            guard let data = try? segments.data(of: segment, read), data.count > 7 else { return nil }
            let factors = [data[7] >> 4, data[7] & 15]
            return factors.allSatisfy { [1, 2, 4].contains($0) } ? factors : nil
        }
        return nil
    }

    private static func tooLargeForJPEG(_ width: Int, _ height: Int, isSlide: Bool) -> CodecError {
        let maximum = JPEGHeader.maximumSide
        return .unsupported(
            isSlide
                ? "The slide (NDPI) has a JPEG picture of \(width) x \(height) pixels that does not say where its restart "
                    + "intervals are (McuStarts), or has none that are rectangles; without them at most \(maximum) pixels on a side "
                    + "are read. Choose a reduced level of it (--level), or convert it to a tiled TIFF."
                : "The TIFF file has JPEG pieces of \(width) x \(height) pixels; a JPEG picture has at most \(maximum) on "
                    + "a side. Save it with tiles, or choose a reduced level of it (--level).")
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
