import Cryptography
import JobModel
import NIOCore
import Transport

/// The bytes of a blob to be sent.
///
/// A source is opened for every attempt to send it, and each time gives the same bytes from the first. What can be read
/// only once, or has an unknown length, is written to a file before it is sent (`InputFile(spooling:label:)` of ClientKit).
public struct BlobSource: Sendable {
    /// All bytes that the source gives.
    public let byteCount: UInt64
    let open: @Sendable () async throws -> any BlobReader

    private init(byteCount: UInt64, open: @escaping @Sendable () async throws -> any BlobReader) {
        self.byteCount = byteCount
        self.open = open
    }

    /// An open file, read by pread from `offset` on; the caller closes it after the transfer.
    public static func file(descriptor: Int32, offset: UInt64 = 0, byteCount: UInt64) -> BlobSource {
        BlobSource(byteCount: byteCount) { FileReader(descriptor: descriptor, offset: offset, byteCount: byteCount) }
    }

    /// Bytes in memory, sent without a copy.
    public static func bytes(_ bytes: ByteBuffer) -> BlobSource {
        BlobSource(byteCount: UInt64(bytes.readableBytes)) { BufferReader(bytes) }
    }

    /// Pieces of any size that arrive from elsewhere, `byteCount` bytes in all.
    /// - Parameter open: begins at the first byte; its errors, and those of the sequence, end the transfer.
    public static func stream<Pieces: AsyncSequence & SendableMetatype>(
        byteCount: UInt64, _ open: @escaping @Sendable () async throws -> Pieces
    ) -> BlobSource where Pieces.Element == ByteBuffer {
        BlobSource(byteCount: byteCount) { StreamReader(try await open(), byteCount: byteCount) }
    }

    /// Gives all bytes to `body`, piece by piece and in order.
    /// - Returns: their SHA-256.
    /// - Throws: what the source or `body` throws; `BlobTransferError` with the code `sourceChanged` when there are fewer
    ///   bytes than announced.
    @discardableResult
    public func read(_ body: (ByteBuffer) async throws -> Void) async throws -> BlobDigest {
        var reader = try await open()
        var rest = byteCount
        while rest > 0 {
            let piece = try await reader.next(atMost: min(Int(clamping: rest), DataConnection.preferredDataByteCount))
            rest -= UInt64(piece.readableBytes)
            try await body(piece)
        }
        return reader.finishedDigest()
    }
}

/// The place of a blob's bytes while they are received.
public enum BlobTarget: Sendable {
    /// An open file, written by pwrite from `offset` on; the caller closes it after the transfer.
    case file(descriptor: Int32, offset: UInt64)
    /// A function that gets the pieces in order; the next piece waits until it returns. Only when the transfer ends without
    /// an error are the pieces known to be right.
    case pieces(@Sendable (ByteBuffer) async throws -> Void)
    /// A function that gets the pieces in order, each after `digest` has taken it in: the check of the transfer and the caller
    /// share one computation.
    case digestedPieces(RunningDigest, @Sendable (ByteBuffer) async throws -> Void)
}

/// One reading of a blob's bytes while they are sent; it computes their digest.
protocol BlobReader {
    var byteCount: UInt64 { get }
    /// The next bytes: at least one, at most `count`.
    mutating func next(atMost count: Int) async throws -> ByteBuffer
    /// The SHA-256 of all bytes that were read.
    func finishedDigest() -> BlobDigest
}

extension SHA256 {
    func blobDigest() -> BlobDigest {
        guard let digest = BlobDigest(finalize()) else { preconditionFailure("SHA-256 has 32 bytes") }
        return digest
    }
}

/// An open file, read by pread outside the cooperative threads.
struct FileReader: BlobReader {
    let byteCount: UInt64
    private let descriptor: Int32
    private let offset: UInt64
    private var position: UInt64 = 0
    private var digest = SHA256()

    init(descriptor: Int32, offset: UInt64, byteCount: UInt64) {
        self.descriptor = descriptor
        self.offset = offset
        self.byteCount = byteCount
    }

    mutating func next(atMost count: Int) async throws -> ByteBuffer {
        let bytes: ByteBuffer
        (bytes, digest) = try await LocalFile.read(
            count, from: descriptor, at: offset + position, updating: digest)
        position += UInt64(bytes.readableBytes)
        return bytes
    }

    func finishedDigest() -> BlobDigest { digest.blobDigest() }
}

/// Memory that the caller keeps valid.
struct MemoryReader: BlobReader {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0
    private var digest = SHA256()

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var byteCount: UInt64 { UInt64(bytes.count) }

    mutating func next(atMost count: Int) async throws -> ByteBuffer {
        let piece = UnsafeRawBufferPointer(rebasing: bytes[position..<position + min(count, bytes.count - position)])
        digest.update(piece)
        position += piece.count
        return ByteBuffer(bytes: piece)
    }

    func finishedDigest() -> BlobDigest { digest.blobDigest() }
}

/// Bytes in memory, handed out without a copy.
struct BufferReader: BlobReader {
    private var rest: ByteBuffer
    let byteCount: UInt64
    private var digest = SHA256()

    init(_ bytes: ByteBuffer) {
        rest = bytes
        byteCount = UInt64(bytes.readableBytes)
    }

    mutating func next(atMost count: Int) async throws -> ByteBuffer {
        let piece = rest.readSlice(length: min(count, rest.readableBytes)) ?? ByteBuffer()
        piece.withUnsafeReadableBytes { digest.update($0) }
        return piece
    }

    func finishedDigest() -> BlobDigest { digest.blobDigest() }
}

/// Pieces of an asynchronous sequence, cut to the size that is asked for.
struct StreamReader<Pieces: AsyncSequence>: BlobReader where Pieces.Element == ByteBuffer {
    let byteCount: UInt64
    private var pieces: Pieces.AsyncIterator
    /// The unread bytes of the latest piece.
    private var rest = ByteBuffer()
    private var position: UInt64 = 0
    private var digest = SHA256()

    init(_ pieces: Pieces, byteCount: UInt64) {
        self.pieces = pieces.makeAsyncIterator()
        self.byteCount = byteCount
    }

    mutating func next(atMost count: Int) async throws -> ByteBuffer {
        while rest.readableBytes == 0 {
            guard let next = try await pieces.next() else {
                try Task.checkCancellation()
                throw BlobTransferError(
                    .sourceChanged,
                    "the stream ended after \(position) of the \(byteCount) bytes that were announced; send it again")
            }
            rest = next
        }
        let piece = rest.readSlice(length: min(count, rest.readableBytes)) ?? ByteBuffer()
        piece.withUnsafeReadableBytes { digest.update($0) }
        position += UInt64(piece.readableBytes)
        return piece
    }

    func finishedDigest() -> BlobDigest { digest.blobDigest() }
}
