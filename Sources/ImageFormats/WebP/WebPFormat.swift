import ByteCoding
import Checksums
import JobModel
import Pipelines

/// WebP (RFC 9649), read and written as a whole: its image data depend on all pixels from the first byte.
public struct WebPFormat: OutputFormat {
    /// 1 to 100, as libwebp understands it; of no effect on lossless files.
    public let quality: Int
    public let isLossless: Bool

    public static let standardQuality = 80

    public init(quality: Int = standardQuality, isLossless: Bool = false) {
        precondition((1...100).contains(quality), "a quality of \(quality)")
        self.quality = quality
        self.isLossless = isLossless
    }

    public var name: String { "webp" }
    public var fileExtensions: [String] { ["webp"] }
    public var mediaType: String { "image/webp" }

    public var options: EncodingOptions {
        var options = EncodingOptions()
        options.isLossless = isLossless
        if !isLossless { options.quality = quality }
        return options
    }

    public func configured(_ options: EncodingOptions) -> WebPFormat {
        WebPFormat(quality: options.quality ?? Self.standardQuality, isLossless: options.isLossless)
    }

    /// One segment: all rows.
    public var segmentGrid: SegmentGrid { SegmentGrid(byteCount: .max) }
    /// The whole image is one segment.
    public var decodesBySegments: Bool { false }

    public func objection(to output: ImageShape) -> CodecError? {
        guard max(output.width, output.height) <= WebPContainer.maximumSide else {
            return .overLimit(
                "WebP cannot hold \(output.width) x \(output.height) pixels: a side may have at most "
                    + "\(WebPContainer.maximumSide). Write PNG, TIFF or JPEG, or make the image smaller.")
        }
        guard output.format.depth == .eight else {
            return .unsupported(
                "WebP cannot hold samples of 16 bits, and the result has them. Write PNG or TIFF, which keep them, or end the pipeline "
                    + "with `depth bits=8`.")
        }
        return nil
    }

    public func recognizes(_ start: [UInt8]) -> Bool {
        start.starts(with: Array("RIFF".utf8)) && start.dropFirst(8).starts(with: Array("WEBP".utf8))
    }

    /// Reads the head of each chunk, the first bytes of the image data, and EXIF data.
    public func probe(
        byteCount: UInt64, limits: DecodingLimits, read: (_ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) throws -> ImageHeader {
        ImageHeader(try WebPHeader(byteCount: byteCount, limits: limits, read: read))
    }

    public func merge(_ checksums: some Sequence<SegmentChecksum>) throws(CodecError) -> SegmentChecksum {
        var merged = WebPSegment()
        for checksum in checksums { try merged.append(try WebPSegment(checksum)) }
        return merged.opaque
    }

    public func check(
        fileOf output: ImageShape, byteCount: UInt64, read: @escaping (_ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) throws {
        let start = try read(0, Int(min(byteCount, UInt64(ImageFormats.sniffedByteCount))))
        guard recognizes(start) else { throw UnknownFile.error(start) }
        // Our files have no bytes behind their end, and their images are not held in memory here.
        let header = try WebPHeader(byteCount: byteCount, limits: Self.unlimited, read: read)
        guard start.starts(with: WebPContainer.header(byteCount: byteCount)), header.ignored.isEmpty,
            header.shape == Self.stored(output)
        else {
            throw CodecError.corrupt(
                "The WebP file is not one of \(output.width) x \(output.height) pixels in \(byteCount) bytes.")
        }
    }

    public func check(
        segmentsOf rowCount: Int, in output: ImageShape, checksum: SegmentChecksum, byteCount: UInt64,
        read: @escaping (_ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) throws {
        let segment = try WebPSegment(checksum)
        guard rowCount == output.height, segment.byteCount == byteCount else {
            throw CodecError.corrupt(
                "The checksum is of \(segment.byteCount) bytes of \(output.height) rows; there are \(byteCount) of \(rowCount)."
            )
        }
        var bytes = BytesInOrder(byteCount: byteCount, read: read)
        var adler32 = Adler32.empty
        try bytes.pass(byteCount) { part in
            adler32 = Adler32.combine(adler32, Adler32.checksum(part), secondByteCount: UInt64(part.count))
        }
        guard adler32 == segment.adler32 else {
            throw CodecError.corrupt("The checksum of the image data of \(rowCount) rows is wrong.")
        }
        _ = try wholeFile(output, [], SegmentBytes(byteCount: byteCount, read: read))
    }

    public func check(metadata: [UInt8]) throws(CodecError) { _ = try WebPMetadata.split(framed: metadata) }

    public func frame(
        of output: ImageShape, metadata: [UInt8], checksum: SegmentChecksum, segments: SegmentBytes
    ) throws -> FileFrame {
        if let objection = objection(to: output) { throw objection }
        let segment = try WebPSegment(checksum)
        guard segment.count == 1, segment.byteCount == segments.byteCount else {
            throw CodecError.corrupt(
                "The checksum is of \(segment.count) segments of \(segment.byteCount) bytes; a WebP image is one, of "
                    + "\(segments.byteCount).")
        }
        return try wholeFile(output, metadata, segments)
    }

    // MARK: Parts

    private static var unlimited: DecodingLimits {
        DecodingLimits(
            maximumPixelCount: .max, maximumSide: .max, maximumMetadataByteCount: 0, maximumUnpackedByteCount: .max,
            maximumInterlacedByteCount: .max)
    }

    /// The image as it is read back: gray as RGB.
    private static func stored(_ output: ImageShape) -> ImageShape { output.color }

    /// What is around the image data.
    ///
    /// - Throws: `CodecError` (corrupt) unless the data are chunks of an image of that shape.
    private func wholeFile(_ output: ImageShape, _ metadata: [UInt8], _ segments: SegmentBytes) throws -> FileFrame {
        let (profile, others, metadataFlags) = try WebPMetadata.split(framed: metadata)
        var flags = metadataFlags
        if output.format.layout.hasAlpha { flags.insert(.alpha) }
        var prefix: [UInt8] = []
        if !flags.isEmpty {
            let sides = [output.width, output.height].flatMap { WebPContainer.littleEndianBytes(UInt32($0 - 1), 3) }
            prefix = WebPContainer.chunk(.extended, [flags.rawValue, 0, 0, 0] + sides) + profile
        }
        let byteCount = UInt64(WebPContainer.headerByteCount + prefix.count + others.count) + segments.byteCount
        guard byteCount <= UInt64(UInt32.max) else {
            throw CodecError.overLimit(
                "The WebP file would have \(byteCount) bytes; at most \(UInt32.max) are allowed. Write PNG or TIFF.")
        }
        prefix = WebPContainer.header(byteCount: byteCount) + prefix
        // The data come from another machine: they have to be the image's chunks and no others.
        let start = UInt64(prefix.count)
        let header = try WebPHeader(byteCount: byteCount, limits: Self.unlimited) { offset, count in
            try Self.bytes(from: offset, count, [SegmentBytes([prefix]), segments, SegmentBytes([others])])
        }
        guard header.shape == Self.stored(output), header.ignored.isEmpty,
            header.metadata.allSatisfy({ $0.dataOffset < start || $0.dataOffset >= start + segments.byteCount })
        else {
            throw CodecError.corrupt(
                "The image data are not those of \(output.width) x \(output.height) pixels of WebP.")
        }
        return FileFrame(prefix: prefix, suffix: others)
    }

    /// Bytes of parts that follow one another.
    private static func bytes(from offset: UInt64, _ count: Int, _ parts: [SegmentBytes]) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var offset = offset
        for part in parts {
            if offset < part.byteCount, bytes.count < count {
                let taken = min(count - bytes.count, Int(part.byteCount - offset))
                bytes += try part.read(offset, taken)
                offset += UInt64(taken)
            }
            offset -= min(offset, part.byteCount)
        }
        return bytes
    }
}

extension ImageHeader {
    package init(_ header: WebPHeader) {
        self.init(
            shape: header.shape, order: .whole, orientation: header.orientation, isLossless: header.isLossless)
    }
}

/// The one segment of an image, or none.
///
/// Its opaque form is the Adler-32 of its bytes, little-endian, their count and the count of segments as unsigned LEB128.
package struct WebPSegment: Hashable, Sendable {
    fileprivate(set) var adler32 = Adler32.empty
    private(set) var byteCount: UInt64 = 0
    private(set) var count: UInt64 = 0

    package init() {}

    package init(bytes: UnsafeRawBufferPointer) {
        adler32 = Adler32.checksum(bytes)
        byteCount = UInt64(bytes.count)
        count = 1
    }

    init(_ checksum: SegmentChecksum) throws(CodecError) {
        var reader = BinaryReader(checksum.bytes)
        do {
            adler32 = try reader.read()
            byteCount = try reader.readVariable()
            count = try reader.readVariable()
            try reader.finish()
        } catch {
            throw .corrupt("The checksum of a segment is malformed: \(error.description).")
        }
    }

    package var opaque: SegmentChecksum {
        var writer = BinaryWriter()
        writer.write(adler32)
        writer.writeVariable(byteCount)
        writer.writeVariable(count)
        return SegmentChecksum(writer.bytes)
    }

    /// Adds another: at most one of all has any.
    mutating func append(_ next: WebPSegment) throws(CodecError) {
        guard next.count > 0 else { return }
        guard count == 0, next.count == 1 else { throw .corrupt("A WebP image is one segment, not two.") }
        self = next
    }
}
