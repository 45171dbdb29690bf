import JobModel
import Pipelines

/// JPEG (ITU-T T.81, JFIF), read and written: baseline in segments, progressive as a whole.
///
/// A segment is one restart interval: a marker after it tells decoders to begin afresh, so that it depends on its own rows
/// only.
public struct JPEGFormat: OutputFormat, PieceFormat {
    /// 1 to 100, as libjpeg understands it.
    public let quality: Int
    public let subsampling: EncodingOptions.ChromaSubsampling
    public let isProgressive: Bool

    public static let standardQuality = 90

    public init(
        quality: Int = standardQuality, subsampling: EncodingOptions.ChromaSubsampling = .both,
        isProgressive: Bool = false
    ) {
        precondition((1...100).contains(quality), "a quality of \(quality)")
        self.quality = quality
        self.subsampling = subsampling
        self.isProgressive = isProgressive
    }

    public var name: String { "jpeg" }
    public var fileExtensions: [String] { ["jpg", "jpeg", "jpe", "jfif"] }
    public var mediaType: String { "image/jpeg" }

    public var options: EncodingOptions {
        var options = EncodingOptions()
        options.quality = quality
        options.subsampling = subsampling
        options.isProgressive = isProgressive
        return options
    }

    public func configured(_ options: EncodingOptions) -> JPEGFormat {
        JPEGFormat(
            quality: options.quality ?? Self.standardQuality, subsampling: options.subsampling ?? .both,
            isProgressive: options.isProgressive)
    }

    /// How many columns and rows of pixels share a colour.
    package var sampling: (horizontal: Int, vertical: Int) {
        switch subsampling {
        case .none: (1, 1)
        case .horizontal: (2, 1)
        case .both: (2, 2)
        }
    }

    /// Segments are whole rows of units of blocks. One of 256 KiB has at most 32,768 units; the number that a restart interval
    /// may have, 65,535, is not reached by a single row of them either.
    public var segmentGrid: SegmentGrid {
        SegmentGrid(
            byteCount: isProgressive ? .max : SegmentGrid.standard.byteCount, rowsPerBlock: 8 * sampling.vertical)
    }

    /// Decoders smooth colours across the rows of two segments, and restart markers count from the first segment of the file.
    public var decodesBySegments: Bool { false }

    public func objection(to output: ImageShape) -> CodecError? {
        guard max(output.width, output.height) <= JPEGHeader.maximumSide else {
            return .overLimit(
                "JPEG cannot hold \(output.width) x \(output.height) pixels: a side may have at most \(JPEGHeader.maximumSide). "
                    + "Write PNG or TIFF, or make the image smaller.")
        }
        guard output.format.depth == .eight else {
            return .unsupported(
                "JPEG cannot hold samples of 16 bits, and the result has them. Write PNG or TIFF, which keep them, or end the pipeline "
                    + "with `depth bits=8`.")
        }
        guard !output.format.layout.hasAlpha else {
            return .unsupported(
                "JPEG cannot hold transparency, and the result has an alpha channel. Write PNG, TIFF or WebP, which keep it, or end the "
                    + "pipeline with `flatten`, which puts the image on white."
            )
        }
        return nil
    }

    public func recognizes(_ start: [UInt8]) -> Bool { start.starts(with: [0xff, 0xd8, 0xff]) }

    /// Reads the marker of each segment before the image data, and the data of the header and of EXIF.
    public func probe(
        byteCount: UInt64, limits: DecodingLimits, read: (_ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) throws -> ImageHeader {
        ImageHeader(try JPEGHeader(byteCount: byteCount, limits: limits, read: read))
    }

    public var listsPieces: Bool { false }

    /// Looks for the restart intervals of a file that has them: all of it is read.
    public func pieces(
        byteCount: UInt64, limits: DecodingLimits, read: (_ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) throws -> JPEGLayout? {
        var head = JPEGLayout.Head()
        let file = try JPEGHeader(byteCount: byteCount, limits: limits, read: read) { try head.take($0, $1, $2) }
        return try JPEGLayout(file, head, byteCount: byteCount, read: read)
    }

    public func merge(_ checksums: some Sequence<SegmentChecksum>) throws(CodecError) -> SegmentChecksum {
        var merged = JPEGSegmentRun()
        for checksum in checksums { try merged.append(try JPEGSegmentRun(checksum)) }
        return merged.opaque
    }

    public func check(
        fileOf output: ImageShape, byteCount: UInt64, read: @escaping (_ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) throws {
        var check = try JPEGCheck(JPEGAssembly(self, output), byteCount: byteCount, read: read)
        try check.checkFile()
    }

    public func check(
        segmentsOf rowCount: Int, in output: ImageShape, checksum: SegmentChecksum, byteCount: UInt64,
        read: @escaping (_ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) throws {
        var check = try JPEGCheck(JPEGAssembly(self, output), byteCount: byteCount, read: read)
        try check.checkSegments(ofRows: rowCount, try JPEGSegmentRun(checksum))
    }

    public func check(metadata: [UInt8]) throws(CodecError) { _ = try JPEGMetadata.split(framed: metadata) }

    public func frame(
        of output: ImageShape, metadata: [UInt8], checksum: SegmentChecksum, segments: SegmentBytes
    ) throws -> FileFrame {
        let run = try JPEGSegmentRun(checksum)
        let count = segmentGrid.segments(of: output).count
        guard run.firstSegment == 0, run.segmentCount == count, run.byteCount == segments.byteCount else {
            throw CodecError.corrupt(
                "The checksum is of \(run.segmentCount) segments from \(run.firstSegment), of \(run.byteCount) bytes; the image "
                    + "has \(count) of \(segments.byteCount).")
        }
        return FileFrame(
            prefix: try JPEGAssembly(self, output).prefix(metadata: metadata), suffix: JPEGAssembly.suffix)
    }
}

extension ImageHeader {
    package init(_ header: JPEGHeader) {
        self.init(shape: header.shape, order: header.order, orientation: header.orientation)
    }
}
