import Pipelines

/// How a TIFF file of ours is laid out. It follows from the image's shape alone, but for the bytes in the pieces.
///
///     header | row of pieces | row of pieces | ... | directory and its values | EXIF | GPS
///
///     row of pieces:  u32 bytes of each piece | piece | (0 if odd) | piece | (0 if odd) | ...     all little-endian
///
/// The numbers before a row of pieces do not belong to TIFF: no field points to them. They let rows be encoded anywhere, in any
/// order, and the directory, which has to say where each piece is, be written last, by a program that looks at no pixel.
///
/// Pieces are strips of 256 rows where such a strip has at most 1 MiB of pixels, so that small images have no padding; else
/// they are tiles of 256 x 256.
package struct TIFFOutput: Hashable, Sendable {
    package static let pieceSide = 256
    private static let largestStripByteCount = 1 << 20
    /// Above this, a file might have more than 4 GiB: deflate makes noise larger by up to an eighth, and there is metadata.
    private static let largestClassicByteCount: UInt64 = 3 << 30

    package let shape: ImageShape
    package let isCompressed: Bool

    package init(_ shape: ImageShape, isCompressed: Bool) {
        self.shape = shape
        self.isCompressed = isCompressed
    }

    package var isTiled: Bool { min(Self.pieceSide, shape.height) * shape.bytesPerRow > Self.largestStripByteCount }
    package var pieceWidth: Int { isTiled ? Self.pieceSide : shape.width }
    package var columnCount: Int { (shape.width + pieceWidth - 1) / pieceWidth }
    package var rowCount: Int { (shape.height + Self.pieceSide - 1) / Self.pieceSide }
    package var bytesPerPieceRow: Int { pieceWidth * shape.format.bytesPerPixel }

    /// Bytes of a piece of a row of pieces that has `rowCount` rows of the image: tiles are always whole.
    package func pieceByteCount(ofRows rowCount: Int) -> Int {
        (isTiled ? Self.pieceSide : rowCount) * bytesPerPieceRow
    }

    /// The bytes that a piece may have that is made of `byteCount` bytes of pixels.
    package func allowedByteCounts(of byteCount: Int) -> ClosedRange<Int> {
        // A zlib stream has a head of 2 bytes, a last block of 2 and a checksum of 4.
        isCompressed ? 9...byteCount + byteCount / 8 + 1_032 : byteCount...byteCount
    }

    /// Whether offsets have 64 bits. Decided by the shape, so that no byte depends on what the pixels are.
    package var isBig: Bool {
        UInt64(rowCount) * UInt64(columnCount) * UInt64(pieceByteCount(ofRows: Self.pieceSide))
            > Self.largestClassicByteCount
    }

    package var form: TIFFForm { TIFFForm(isBig: isBig) }
    package var headerByteCount: Int { isBig ? 16 : 8 }

    /// Bytes of the numbers before a row of pieces.
    package var tableByteCount: Int { 4 * columnCount }

    /// The fields of the directory that follow from the shape and from where the pieces are.
    package func fields(offsets: [UInt64], byteCounts: [UInt64]) -> [TIFFFieldBytes] {
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
            TIFFFieldBytes(isTiled ? .tileOffsets : .stripOffsets, isBig ? .long8 : .long, offsets),
            TIFFFieldBytes(isTiled ? .tileByteCounts : .stripByteCounts, .long, byteCounts),
        ]
        if isTiled {
            fields.append(TIFFFieldBytes(.tileWidth, .short, [UInt64(Self.pieceSide)]))
            fields.append(TIFFFieldBytes(.tileLength, .short, [UInt64(Self.pieceSide)]))
        } else {
            fields.append(TIFFFieldBytes(.rowsPerStrip, .short, [UInt64(Self.pieceSide)]))
        }
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

    /// The directory and what follows it, to the end of the file.
    ///
    /// - Parameter offset: where it begins.
    package func suffix(
        offsets: [UInt64], byteCounts: [UInt64], metadata: TIFFOutputMetadata, at offset: UInt64
    ) -> [UInt8] {
        let fields = fields(offsets: offsets, byteCounts: byteCounts) + metadata.fields
        func directory(_ places: [UInt64]) -> [UInt8] {
            let pointers = zip(metadata.directories, places).map {
                TIFFFieldBytes($0.tag, isBig ? .long8 : .long, [$1])
            }
            return form.directory(fields + pointers, at: offset)
        }
        // Its size does not depend on where the others are.
        var end = offset + UInt64(directory(metadata.directories.map { _ in 0 }).count)
        var places: [UInt64] = []
        var parts: [UInt8] = []
        for part in metadata.directories {
            places.append(end)
            let bytes = form.directory(part.fields, at: end)
            parts += bytes
            end += UInt64(bytes.count)
        }
        return directory(places) + parts
    }
}
