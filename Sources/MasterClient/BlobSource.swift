import Cryptography
import JobModel
import NIOCore

/// The source of a blob's bytes while they are sent; it computes their digest on the way.
protocol BlobSource {
    var byteCount: UInt64 { get }
    /// The next bytes: at least one, at most `count`.
    mutating func next(atMost count: Int) async throws -> ByteBuffer
    /// The SHA-256 of all bytes that were taken.
    func finishedDigest() -> BlobDigest
}

extension SHA256 {
    func blobDigest() -> BlobDigest {
        guard let digest = BlobDigest(finalize()) else { preconditionFailure("SHA-256 has 32 bytes") }
        return digest
    }
}

/// An open file, read by pread outside the cooperative threads.
struct FileSource: BlobSource {
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
struct MemorySource: BlobSource {
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

/// A buffer, sent without a copy.
struct BufferSource: BlobSource {
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
