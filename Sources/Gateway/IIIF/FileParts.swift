import ClientKit
import Dispatch
import GatewayLogic
import GatewayStore
import JobModel
import NIOCore
import Synchronization

/// Reads parts of a file on a thread that waits for them.
protocol PartReader {
    var byteCount: UInt64 { get }

    /// - Parameters:
    ///   - offset, count: within the file.
    func read(at offset: UInt64, count: Int) throws -> [UInt8]
}

/// A file of which any thread reads parts.
protocol FileParts: PartReader, Sendable {}

extension PartReader {
    /// The whole file.
    func all() throws -> [UInt8] { try read(at: 0, count: Int(byteCount)) }
}

/// A result, at the master. Only for threads that may wait: not for those of tasks.
struct ResultParts: FileParts {
    let link: MasterLink
    let blob: BlobReference

    var byteCount: UInt64 { blob.byteCount }

    func read(at offset: UInt64, count: Int) throws -> [UInt8] {
        guard count > 0 else { return [] }
        let (link, slice) = (link, BlobSlice(blob: blob, offset: offset, byteCount: UInt64(count)))
        let outcome = Mutex<Result<[UInt8], any Error>?>(nil)
        let hasEnded = DispatchSemaphore(value: 0)
        // Not detached from anything: the thread waits for it.
        Task {
            let result: Result<[UInt8], any Error>
            do {
                let bytes = Mutex<[UInt8]>([])
                try await link.with { session in
                    try await session.read(slice) { piece in bytes.withLock { $0 += piece.readableBytesView } }
                }
                result = .success(bytes.withLock { $0 })
            } catch {
                result = .failure(error)
            }
            outcome.withLock { $0 = result }
            hasEnded.signal()
        }
        hasEnded.wait()
        guard let result = outcome.withLock({ $0 }) else { preconditionFailure("a read ended without an outcome") }
        return try result.get()
    }
}

/// An original, in the spool. Opened for each read: what is known of a file is kept longer than the file may be.
struct SourceParts: FileParts {
    let spool: Spool
    /// The id of its upload.
    let upload: String
    let byteCount: UInt64

    func read(at offset: UInt64, count: Int) throws -> [UInt8] {
        guard let file = spool.reading(upload) else {
            throw Problem(410, "source-not-kept", "the original is not kept any longer (keep-sources)")
        }
        return try file.read(at: offset, count: count)
    }
}
