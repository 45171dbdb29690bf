import Cryptography
import JobModel
import Synchronization

/// The SHA-256 of the bytes of a blob that have arrived so far, over all transfers that brought a part of them.
public final class RunningDigest: Sendable {
    private let state = Mutex((byteCount: UInt64(0), hash: SHA256()))

    public init() {}

    /// Bytes that were taken in.
    public var byteCount: UInt64 { state.withLock { $0.byteCount } }

    /// The name that a blob of these bytes has.
    public var blob: BlobReference {
        state.withLock { BlobReference(digest: $0.hash.blobDigest(), byteCount: $0.byteCount) }
    }

    /// Takes in the next bytes.
    public func update(_ bytes: UnsafeRawBufferPointer) {
        state.withLock { state in
            state.hash.update(bytes)
            state.byteCount += UInt64(bytes.count)
        }
    }

    /// Replaces what is known by the digest of the first `byteCount` bytes.
    func set(_ hash: SHA256, byteCount: UInt64) { state.withLock { $0 = (byteCount, hash) } }
}
