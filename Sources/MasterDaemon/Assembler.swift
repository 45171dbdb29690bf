import BlobStore
import Checksums
import ImageCodecs
import Imaging
import JobModel
import Scheduler

/// Builds an output file out of its chunks' encoded segments: header, segments in order, trailer. Touches no pixel. A
/// document is only made durable. Blocking.
struct Assembler: Sendable {
    let blobs: FolderBlobStore

    /// - Returns: the output file, durable.
    /// - Throws: `BlobStoreError`, `notFound` when a segment is gone; `AssemblyError`.
    func assemble(_ assembly: Assembly) throws -> BlobReference {
        if let document = assembly.document {
            // It was put as something that can be computed again; a result must survive a power cut.
            return try blobs.concatenate(prefix: [], parts: [document], suffix: [], .durable)
        }
        guard let shape = ImageShape(assembly.output) else {
            throw AssemblyError(description: "\(assembly.output) is no image that can be written")
        }
        var metadata: [UInt8] = []
        if let reference = assembly.metadata {
            metadata = try blobs.open(reference).read(at: 0, count: Int(reference.byteCount))
            // It came from a worker: what is not well-formed must not get into a file.
            _ = try PNGMetadata(framed: metadata)
        }
        let checksum = Adler32.combine(assembly.parts.lazy.map { ($0.checksum.adler32, $0.checksum.byteCount) })
        return try blobs.concatenate(
            prefix: PNGAssembly.prefix(output: shape, metadata: metadata), parts: assembly.parts.map(\.segment),
            suffix: PNGAssembly.suffix(adler32: checksum), .durable)
    }
}

/// An order to assemble that can not be carried out.
struct AssemblyError: Error, CustomStringConvertible {
    let description: String
}
