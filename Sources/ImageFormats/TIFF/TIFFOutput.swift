import Pipelines

/// How a TIFF file of ours is laid out. It follows from the image's shape alone, but for the bytes in the pieces.
///
///     header | row of pieces | row of pieces | ... | directory and its values | EXIF | GPS | directories of reduced levels
///
///     row of pieces:  u32 bytes of each piece | piece | (0 if odd) | piece | (0 if odd) | ...     all little-endian
///
/// The numbers before a row of pieces do not belong to TIFF: no field points to them. They let rows be encoded anywhere, in any
/// order, and the directory, which has to say where each piece is, be written last, by a program that looks at no pixel.
///
/// Pieces are strips of 256 rows where such a strip has at most 1 MiB of pixels, so that small images have no padding; else
/// they are tiles of 256 x 256.
///
/// In a file with a pyramid, what 256 rows of the image become in each level follows their row of pieces, as a row of pieces of
/// its own: 128 rows, 64, and so on. So all levels of these rows are made where they are encoded, of nothing else:
///
///     256 rows of the image: tiles of 256 x 256 | level 1: tiles of 256 x 128 | ... | level 4: of 256 x 16
///                            | level 5: a strip of 8 rows | ... | level 8: a strip of one row
package struct TIFFOutput: Hashable, Sendable {
    package static let pieceSide = 256
    private static let largestStripByteCount = 1 << 20
    /// Above this, a file might have more than 4 GiB: deflate makes noise larger by up to an eighth, and there is metadata.
    private static let largestClassicByteCount: UInt64 = 3 << 30

    /// The image, or one of its reductions.
    package struct Level: Hashable, Sendable {
        /// How often the image is halved.
        package let number: Int
        package let shape: ImageShape
        package let isTiled: Bool

        /// At this level, 256 rows are one.
        fileprivate static let largestNumber = 8
        /// The side of a tile is a multiple of it (TIFF 6.0, section 15).
        private static let leastTileSide = 16

        /// A reduction of an image.
        fileprivate init(_ number: Int, of image: ImageShape) {
            self.number = number
            var shape = image
            shape.width = Self.halved(image.width, number)
            shape.height = Self.halved(image.height, number)
            self.shape = shape
            isTiled = TIFFOutput.pieceSide >> number >= Self.leastTileSide
        }

        fileprivate init(image: ImageShape, isTiled: Bool) {
            number = 0
            shape = image
            self.isTiled = isTiled
        }

        /// Half of what is odd is rounded up: the last row or column stands for one, not for two.
        private static func halved(_ count: Int, _ times: Int) -> Int {
            (count + (1 << times) - 1) >> times
        }

        package var pieceWidth: Int { isTiled ? TIFFOutput.pieceSide : shape.width }
        package var pieceHeight: Int { TIFFOutput.pieceSide >> number }
        package var columnCount: Int { (shape.width + pieceWidth - 1) / pieceWidth }
        package var bytesPerPieceRow: Int { pieceWidth * shape.format.bytesPerPixel }
        /// Bytes of the numbers before a row of pieces.
        package var tableByteCount: Int { 4 * columnCount }

        /// Rows of the level that are made of `count` rows of the image.
        package func rowCount(ofImageRows count: Int) -> Int { Self.halved(count, number) }

        /// Bytes of a piece of a row of pieces that has `rowCount` rows of the level: tiles are always whole.
        package func pieceByteCount(ofRows rowCount: Int) -> Int {
            (isTiled ? pieceHeight : rowCount) * bytesPerPieceRow
        }
    }

    package let shape: ImageShape
    package let isCompressed: Bool
    /// The image, and its reductions, until both sides have at most 256 pixels.
    package let levels: [Level]

    /// The layout of some rows of an image alone, which end where a row of pieces ends.
    package func alone(rowCount: Int) -> TIFFOutput {
        var shape = shape
        shape.height = rowCount
        return TIFFOutput(shape, isCompressed: isCompressed, isTiled: levels[0].isTiled)
    }

    /// An image without a pyramid.
    private init(_ shape: ImageShape, isCompressed: Bool, isTiled: Bool) {
        self.shape = shape
        self.isCompressed = isCompressed
        levels = [Level(image: shape, isTiled: isTiled)]
    }

    package init(_ shape: ImageShape, isCompressed: Bool, isPyramid: Bool = false) {
        self.shape = shape
        self.isCompressed = isCompressed
        var levels: [Level] = []
        while isPyramid, levels.count < Level.largestNumber,
            case let last = levels.last?.shape ?? shape, max(last.width, last.height) > Self.pieceSide
        {
            levels.append(Level(levels.count + 1, of: shape))
        }
        let isLarge = min(Self.pieceSide, shape.height) * shape.bytesPerRow > Self.largestStripByteCount
        // Viewers that read a part of a level look for tiles.
        self.levels = [Level(image: shape, isTiled: isLarge || !levels.isEmpty)] + levels
    }

    /// Rows of pieces, of each level.
    package var rowCount: Int { (shape.height + Self.pieceSide - 1) / Self.pieceSide }

    /// Rows of the image in a row of pieces.
    package func imageRowCount(ofRow row: Int) -> Int {
        min(Self.pieceSide, shape.height - row * Self.pieceSide)
    }

    /// The bytes that a piece may have that is made of `byteCount` bytes of pixels.
    package func allowedByteCounts(of byteCount: Int) -> ClosedRange<Int> {
        // A zlib stream has a head of 2 bytes, a last block of 2 and a checksum of 4.
        isCompressed ? 9...byteCount + byteCount / 8 + 1_032 : byteCount...byteCount
    }

    /// Whether offsets have 64 bits. Decided by the shape, so that no byte depends on what the pixels are.
    package var isBig: Bool {
        let byteCounts = levels.map { level in
            UInt64(rowCount) * UInt64(level.columnCount)
                * UInt64(level.pieceByteCount(ofRows: level.pieceHeight))
        }
        return byteCounts.reduce(0, +) > Self.largestClassicByteCount
    }

    package var form: TIFFForm { TIFFForm(isBig: isBig) }
    package var headerByteCount: Int { isBig ? 16 : 8 }

    /// Where the pieces of a level are, row by row.
    package struct Places: Hashable, Sendable {
        package var offsets: [UInt64] = []
        package var byteCounts: [UInt64] = []

        package init() {}

        package mutating func append(_ offset: UInt64, _ byteCount: UInt64) {
            offsets.append(offset)
            byteCounts.append(byteCount)
        }
    }

    /// The fields of a level's directory that follow from the shape and from where the pieces are.
    private func fields(of level: Level, _ places: Places) -> [TIFFFieldBytes] {
        let shape = level.shape
        let sampleCount = UInt64(shape.format.channelCount)
        let depth = UInt64(shape.format.depth.rawValue)
        var fields = [
            TIFFFieldBytes(.imageWidth, .long, [UInt64(shape.width)]),
            TIFFFieldBytes(.imageLength, .long, [UInt64(shape.height)]),
            TIFFFieldBytes(.bitsPerSample, .short, [UInt64](repeating: depth, count: Int(sampleCount))),
            TIFFFieldBytes(.compression, .short, [UInt64((isCompressed ? TIFFCompression.deflate : .none).rawValue)]),
            TIFFFieldBytes(.photometric, .short, [shape.format.layout.isColor ? 2 : 1]),
            TIFFFieldBytes(.samplesPerPixel, .short, [sampleCount]),
            TIFFFieldBytes(.planarConfiguration, .short, [1]),
            TIFFFieldBytes(
                level.isTiled ? .tileOffsets : .stripOffsets, isBig ? .long8 : .long, places.offsets),
            TIFFFieldBytes(level.isTiled ? .tileByteCounts : .stripByteCounts, .long, places.byteCounts),
        ]
        if level.isTiled {
            fields.append(TIFFFieldBytes(.tileWidth, .short, [UInt64(level.pieceWidth)]))
            fields.append(TIFFFieldBytes(.tileLength, .short, [UInt64(level.pieceHeight)]))
        } else {
            fields.append(TIFFFieldBytes(.rowsPerStrip, .short, [UInt64(level.pieceHeight)]))
        }
        if level.number > 0 { fields.append(TIFFFieldBytes(.newSubfileType, .long, [1])) }
        if isCompressed { fields.append(TIFFFieldBytes(.predictor, .short, [2])) }
        // Not multiplied into the colours.
        if shape.format.layout.hasAlpha { fields.append(TIFFFieldBytes(.extraSamples, .short, [2])) }
        return fields
    }

    /// The tags of `fields`.
    package static let tags: Set<TIFFTag> = [
        .imageWidth, .imageLength, .bitsPerSample, .compression, .photometric, .samplesPerPixel, .planarConfiguration,
        .stripOffsets, .stripByteCounts, .rowsPerStrip, .tileOffsets, .tileByteCounts, .tileWidth, .tileLength,
        .predictor,
        .extraSamples,
    ]

    /// The directories and what belongs to them, to the end of the file.
    ///
    /// - Parameters:
    ///   - places: of the pieces of each level.
    ///   - offset: where they begin.
    package func suffix(_ places: [Places], metadata: TIFFOutputMetadata, at offset: UInt64)
        -> [UInt8]
    {
        let fields = fields(of: levels[0], places[0]) + metadata.fields
        func first(_ parts: [UInt64], next: UInt64) -> [UInt8] {
            let pointers = zip(metadata.directories, parts).map {
                TIFFFieldBytes($0.tag, isBig ? .long8 : .long, [$1])
            }
            return form.directory(fields + pointers, at: offset, next: next)
        }
        // Its size does not depend on where the others are.
        var end = offset + UInt64(first(metadata.directories.map { _ in 0 }, next: 0).count)
        var partOffsets: [UInt64] = []
        var rest: [UInt8] = []
        for part in metadata.directories {
            partOffsets.append(end)
            let bytes = form.directory(part.fields, at: end)
            rest += bytes
            end += UInt64(bytes.count)
        }
        let firstLevel = levels.count > 1 ? end : 0
        for (level, places) in zip(levels, places).dropFirst() {
            let fields = self.fields(of: level, places)
            let size = UInt64(form.directory(fields, at: end).count)
            rest += form.directory(fields, at: end, next: level == levels.last ? 0 : end + size)
            end += size
        }
        return first(partOffsets, next: firstLevel) + rest
    }
}
