import BlobStore
import ImageFormats
import ImagingModel
import Pipelines
import JobModel
import Scheduler

/// Builds an output file out of its chunks' encoded segments: header, segments in order, trailer. Touches no pixel. A
/// document is only made durable. Blocking.
struct Assembler: Sendable {
    let blobs: LocalBlobStore

    /// - Returns: the output file, durable.
    /// - Throws: `BlobStoreError`, `notFound` when a segment is gone; `PipelineError` when the geometry is not that of an
    ///   image.
    func assemble(_ assembly: Assembly) throws -> BlobReference {
        if let document = assembly.document {
            // It was put as something that can be computed again; a result must survive a power cut.
            return try blobs.concatenate(prefix: [], parts: [document], suffix: [], .durable)
        }
        let shape = try ImageShape(assembly.output)
        var metadata: [UInt8] = []
        if let reference = assembly.metadata {
            metadata = try blobs.open(reference).read(at: 0, count: Int(reference.byteCount))
        }
        let format = try OutputEncoding(parsing: assembly.encoding).format
        let frame = try format.frame(
            of: shape, metadata: metadata, checksum: try format.merge(assembly.parts.lazy.map(\.checksum)),
            segments: SegmentBytes(assembly.parts.map(\.segment), in: blobs))
        return try blobs.concatenate(
            prefix: frame.prefix, parts: assembly.parts.map(\.segment), suffix: frame.suffix, .durable)
    }
}

extension SegmentBytes {
    /// Blobs, one after the other.
    init(_ blobs: [BlobReference], in store: LocalBlobStore) {
        var open: (part: Int, reader: BlobReader)?
        self.init(partByteCounts: blobs.map(\.byteCount)) { part, offset, count in
            let reader = if let open, open.part == part { open.reader } else { try store.open(blobs[part]) }
            open = (part, reader)
            return try reader.read(at: offset, count: count)
        }
    }
}
