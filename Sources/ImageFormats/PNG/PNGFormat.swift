import Checksums
import ByteCoding
import JobModel
import Pipelines

/// Portable Network Graphics (ISO 15948), read and written.
public struct PNGFormat: OutputFormat {
    public init() {}

    public var name: String { "png" }
    public var fileExtensions: [String] { ["png"] }
    public var mediaType: String { "image/png" }
    public var segmentGrid: SegmentGrid { .standard }
    public var decodesBySegments: Bool { true }
    public var options: EncodingOptions { EncodingOptions() }
    public func configured(_ options: EncodingOptions) -> PNGFormat { self }
    public func objection(to output: ImageShape) -> CodecError? { nil }

    public func recognizes(_ start: [UInt8]) -> Bool { start.starts(with: PNGLayout.signature) }

    /// Reads the head of each chunk before the image data, and the data of those few that decide the shape. Other chunks are
    /// passed over, whatever their number and size: the file's bytes up to the image data are read at most once.
    public func probe(
        byteCount: UInt64, limits: DecodingLimits, read: (_ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) throws -> ImageHeader {
        var scanner = PNGHeaderScanner(fileByteCount: byteCount, limits: limits)
        var window = ReadingWindow(byteCount: byteCount)
        var offset = UInt64(PNGLayout.signature.count)
        while true {
            guard byteCount - offset >= UInt64(PNGLayout.chunkOverhead) else {
                throw PNGChunkHead.truncated(at: byteCount)
            }
            let head = try PNGChunkHead(
                try window.bytes(at: offset, count: PNGLayout.chunkHeadByteCount, read), at: offset,
                fileByteCount: byteCount)
            try scanner.take(head) {
                let dataAndChecksum = try window.bytes(at: head.dataOffset, count: head.byteCount + 4, read)
                let data = [UInt8](dataAndChecksum.prefix(head.byteCount))
                var crc = CRC32()
                crc.update(head.type.letters)
                crc.update(data)
                return crc.value == bigEndianInteger(dataAndChecksum.suffix(4)) ? data : nil
            }
            if scanner.stage == .inImageData, let header = scanner.header { return ImageHeader(header) }
            offset = head.end
        }
    }

    public func merge(_ checksums: some Sequence<SegmentChecksum>) throws(CodecError) -> SegmentChecksum {
        var merged = FilteredChecksum()
        for checksum in checksums { merged.append(try FilteredChecksum(checksum)) }
        return merged.opaque
    }

    public func check(
        fileOf output: ImageShape, byteCount: UInt64, read: @escaping (_ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) throws {
        var check = PNGCheck(byteCount: byteCount, read: read)
        try check.checkFile(of: output)
    }

    public func check(
        segmentsOf rowCount: Int, in output: ImageShape, checksum: SegmentChecksum, byteCount: UInt64,
        read: @escaping (_ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) throws {
        var check = PNGCheck(byteCount: byteCount, read: read)
        try check.checkSegments(ofRows: rowCount, of: output, checksum: try FilteredChecksum(checksum))
    }

    public func check(metadata: [UInt8]) throws(CodecError) { _ = try PNGMetadata(framed: metadata) }

    public func frame(
        of output: ImageShape, metadata: [UInt8], checksum: SegmentChecksum, segments: SegmentBytes
    ) throws -> FileFrame {
        // It came from a worker: what is not well-formed must not get into a file.
        _ = try PNGMetadata(framed: metadata)
        return FileFrame(
            prefix: try PNGAssembly.prefix(output: output, metadata: metadata),
            suffix: PNGAssembly.suffix(adler32: try FilteredChecksum(checksum).adler32))
    }
}

extension ImageHeader {
    package init(_ header: PNGHeader) {
        self.init(
            shape: header.shape, order: header.isInterlaced ? .whole : .rows, orientation: header.orientation)
    }
}

/// The Adler-32 of a run of filtered bytes and their count: what neighbouring runs are merged by.
///
/// Its opaque form is the checksum as four bytes, little-endian, and the count as unsigned LEB128.
public struct FilteredChecksum: Hashable, Sendable {
    public var adler32: UInt32
    public var byteCount: UInt64

    public init(adler32: UInt32 = Adler32.empty, byteCount: UInt64 = 0) {
        self.adler32 = adler32
        self.byteCount = byteCount
    }

    /// Reads the opaque form.
    public init(_ checksum: SegmentChecksum) throws(CodecError) {
        var reader = BinaryReader(checksum.bytes)
        do {
            adler32 = try reader.read()
            byteCount = try reader.readVariable()
            try reader.finish()
        } catch {
            throw .corrupt("The checksum of a segment is malformed: \(error.description).")
        }
    }

    public var opaque: SegmentChecksum {
        var writer = BinaryWriter()
        writer.write(adler32)
        writer.writeVariable(byteCount)
        return SegmentChecksum(writer.bytes)
    }

    /// Adds the run that follows this one.
    public mutating func append(_ next: FilteredChecksum) {
        adler32 = Adler32.combine(adler32, next.adler32, secondByteCount: next.byteCount)
        byteCount += next.byteCount
    }
}
