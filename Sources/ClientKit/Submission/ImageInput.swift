import Cryptography
public import JobModel
public import MasterClient
import Names
public import NIOCore

/// An image that can be submitted: its bytes can be read more than once, for their digest, to be sent, and again after a
/// lost connection.
///
/// `InputFile` is a file or a copy of a stream of unknown length, `StreamInput` a stream that can be read again,
/// `MemoryInput` an array.
public protocol ImageInput: Sendable {
    /// The image's name in listings, and the base of its result's file name; in the text form of names (`NameText`).
    var label: String { get }
    /// The bytes to expect, by which submissions make their batches; at least 1.
    var byteCount: UInt64 { get }
    /// Reads all bytes.
    /// - Returns: the digest and number of the bytes that were there.
    /// - Throws: an error that leaves this image out of the job; `ClientError` says why.
    func reference() async throws -> BlobReference
    /// Opens the bytes for `body`, which sends them.
    /// - Parameter blob: what `reference()` returned.
    func withSource<Result: Sendable>(
        of blob: BlobReference, _ body: (BlobSource) async throws -> Result
    ) async throws -> Result
}

/// An image in memory.
public struct MemoryInput: ImageInput {
    public let label: String
    private let bytes: ByteBuffer

    public init(label: String, bytes: [UInt8]) {
        self.label = label
        self.bytes = ByteBuffer(bytes: bytes)
    }

    public var byteCount: UInt64 { UInt64(bytes.readableBytes) }

    public func reference() -> BlobReference {
        bytes.withUnsafeReadableBytes { bytes in
            var hash = SHA256()
            hash.update(bytes)
            return BlobReference(hash, byteCount: UInt64(bytes.count))
        }
    }

    public func withSource<Result: Sendable>(
        of blob: BlobReference, _ body: (BlobSource) async throws -> Result
    ) async throws -> Result {
        try await body(.bytes(bytes))
    }
}

/// An image of a known length that arrives from elsewhere, such as from another server, and can be asked for again.
public struct StreamInput: ImageInput {
    public let label: String
    public let byteCount: UInt64
    private let digest: BlobDigest?
    private let source: BlobSource

    /// - Parameters:
    ///   - digest: the SHA-256 of the bytes where it is known. Without it, the stream is read once more, for the digest.
    ///   - open: begins at the first byte.
    public init<Pieces: AsyncSequence & SendableMetatype>(
        label: String, byteCount: UInt64, digest: BlobDigest? = nil,
        _ open: @escaping @Sendable () async throws -> Pieces
    ) where Pieces.Element == ByteBuffer {
        self.label = label
        self.byteCount = byteCount
        self.digest = digest
        source = .stream(byteCount: byteCount, open)
    }

    public func reference() async throws -> BlobReference {
        if let digest { return BlobReference(digest: digest, byteCount: byteCount) }
        do {
            return BlobReference(digest: try await source.read { _ in }, byteCount: byteCount)
        } catch {
            try Task.checkCancellation()
            throw ClientError("unreadable", "cannot read '\(ShownText.of(label))': \(ClientError(error).message)")
        }
    }

    public func withSource<Result: Sendable>(
        of blob: BlobReference, _ body: (BlobSource) async throws -> Result
    ) async throws -> Result {
        try await body(source)
    }
}

/// An input that was left out of a job, and why.
public struct InputComplaint: Sendable, Hashable {
    public let label: String
    public let error: ClientError

    public init(label: String, error: ClientError) {
        self.label = label
        self.error = error
    }
}

extension BlobReference {
    init(_ hash: SHA256, byteCount: UInt64) {
        guard let digest = BlobDigest(hash.finalize()) else { preconditionFailure("SHA-256 has 32 bytes") }
        self.init(digest: digest, byteCount: byteCount)
    }
}
