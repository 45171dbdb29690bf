import BlobStore
import ImageFormats
import ImagingModel
import JobModel
import Pipelines
import Scheduler

/// Looks at the blobs of a worker's report before the master believes any of it. Blocking.
///
/// Sizes come from the files. The bytes of a result, or of a part of one, are read and compared with what they have to be by their format:
/// signature, header, structure and every checksum that needs no decoding. The file of a small image is made durable here,
/// whatever its worker said when it was put: the result of an image is not computed again.
struct ReportExaminer: Sendable {
    let blobs: LocalBlobStore

    /// - Parameter content: what the report's bytes have to be, by the plan.
    /// - Throws: `BlobStoreError` when the disk fails, or a blob is damaged; never for a blob that is not there, or is not what it
    ///   has to be.
    func examine(_ report: WorkerReport, as content: ReportedContent?) throws -> ReportEvidence {
        var evidence = ReportEvidence(byteCounts: [:], content: content)
        for blob in report.blobs { evidence.byteCounts[blob.digest] = try blobs.byteCount(of: blob.digest) }
        guard let content, case .finished(_, let output) = report else { return evidence }
        // Without the bytes there is nothing to compare: the report is refused for the size that it names, or for the blob.
        guard report.blobs.allSatisfy({ evidence.byteCounts[$0.digest] == $0.byteCount }) else { return evidence }
        do {
            try compare(output, with: content)
        } catch let error as CodecError {
            evidence.objection = error.reason
        } catch let error as BlobStoreError where error.code == .notFound {
            // It went since its size was read.
            for blob in report.blobs where blob.digest == error.blob { evidence.byteCounts[blob.digest] = nil }
        }
        return evidence
    }

    private func compare(_ output: TaskOutput, with content: ReportedContent) throws {
        switch content {
        case .file(let geometry, let encoding):
            guard let file = output.payload else { return }
            let format = try OutputEncoding(parsing: encoding).format
            let reader = try blobs.open(file)
            try format.check(fileOf: try ImageShape(geometry), byteCount: file.byteCount) { offset, count in
                try reader.read(at: offset, count: count)
            }
            try blobs.makeDurable(file.digest)
        case .document:
            guard let file = output.payload else { return }
            let reader = try blobs.open(file)
            try DocumentFormat.check(byteCount: file.byteCount) { offset, count in
                try reader.read(at: offset, count: count)
            }
            try blobs.makeDurable(file.digest)
        case .segments(let rowCount, let geometry, let encoding):
            guard let segments = output.payload, let checksum = output.checksum else { return }
            let reader = try blobs.open(segments)
            let format = try OutputEncoding(parsing: encoding).format
            try format.check(
                segmentsOf: rowCount, in: try ImageShape(geometry), checksum: checksum, byteCount: segments.byteCount
            ) { offset, count in try reader.read(at: offset, count: count) }
        case .metadata(let encoding):
            guard let metadata = output.metadata else { return }
            guard metadata.byteCount <= Self.largestMetadata else {
                throw CodecError.corrupt(
                    "The metadata have \(metadata.byteCount) bytes; at most \(Self.largestMetadata) are possible.")
            }
            let format = try OutputEncoding(parsing: encoding).format
            try format.check(metadata: try blobs.open(metadata).read(at: 0, count: Int(metadata.byteCount)))
        }
    }

    /// No decoder carries over more.
    static let largestMetadata: UInt64 = 64 << 20
}
