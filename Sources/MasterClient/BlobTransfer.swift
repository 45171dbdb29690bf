import struct Cryptography.SHA256
import JobModel
import NIOCore
import Protocol
import Transport

/// Moves blobs to and from a master over a few data connections of its own.
///
/// Every byte is checked. A put compares the digest computed here with the name that the master gives the blob; a get compares
/// it with the digest that the master sends behind the bytes, and for a whole blob with its name. Cancelling a transfer closes
/// the connection that it uses; the next transfer gets another.
public final class BlobTransfer: Sendable {
    private let pool: DataConnectionPool

    /// - Parameter connectionCount: how many transfers may run at once; more wait their turn.
    public init(_ dialer: Dialer, connectionCount: Int = 4) {
        // Both sides close a data connection on which nothing is received for the limit: one that is about to be closed is
        // not used again.
        pool = DataConnectionPool(
            limit: connectionCount, idleLimit: dialer.limits.dataIdle * 3 / 4,
            isCurrent: { dialer.isCurrent($0) }
        ) {
            try await dialer.openDataConnection()
        }
    }

    /// Closes the connections. Transfers that run end first; later ones fail with `ConnectionClosed`.
    public func close() { pool.close() }

    /// Closes the connections that serve no transfer: the secret has changed, or the master.
    public func closeIdle() { pool.closeIdle() }

    deinit { pool.close() }

    // MARK: Put

    /// The use of a blob, which decides what the master does when it has little room.
    public enum Purpose: Sendable, Hashable {
        /// An input. With an open job, the blob stays at least until that job is complete.
        case input(of: JobID?)
        /// A running job needs it: it may use the space that inputs have to leave free, and never waits for room. Workers only.
        case task
    }

    /// Stores a file's bytes.
    /// - Parameter recomputable: whether the blob need not survive a power cut of the master.
    public func put(
        fileAt path: String, recomputable: Bool = false, purpose: Purpose = .input(of: nil)
    ) async throws -> BlobReference {
        let file = try await LocalFile.open(readingAt: path)
        return try await file.closing {
            try await put(
                descriptor: file.descriptor, offset: 0, byteCount: file.byteCount, recomputable: recomputable,
                purpose: purpose)
        }
    }

    /// Stores the bytes of `source`.
    /// - Parameter digest: the bytes' SHA-256, where it is known before they are sent.
    public func put(
        _ source: BlobSource, digest: BlobDigest? = nil, recomputable: Bool = false,
        purpose: Purpose = .input(of: nil)
    ) async throws -> BlobReference {
        try await exchange(mayRetry: { true }) { connection in
            var reader = try await source.open()
            return try await Self.put(
                &reader, digest: digest, recomputable: recomputable, purpose: purpose, over: connection)
        }
    }

    /// Stores `byteCount` bytes of an open file, read by pread from `offset` on.
    /// - Parameter digest: the bytes' SHA-256, where it is known before they are sent.
    public func put(
        descriptor: Int32, offset: UInt64, byteCount: UInt64, digest: BlobDigest? = nil, recomputable: Bool = false,
        purpose: Purpose = .input(of: nil)
    ) async throws -> BlobReference {
        try await put(
            .file(descriptor: descriptor, offset: offset, byteCount: byteCount), digest: digest,
            recomputable: recomputable, purpose: purpose)
    }

    /// Stores bytes in memory.
    public func put(
        bytes: [UInt8], digest: BlobDigest? = nil, recomputable: Bool = false, purpose: Purpose = .input(of: nil)
    ) async throws -> BlobReference {
        try await put(
            .bytes(ByteBuffer(bytes: bytes)), digest: digest, recomputable: recomputable, purpose: purpose)
    }

    /// Stores mapped memory, which must stay valid and unchanged until this returns or throws.
    public func put(
        bytes: UnsafeRawBufferPointer, digest: BlobDigest? = nil, recomputable: Bool = false
    ) async throws -> BlobReference {
        try await exchange(mayRetry: { true }) { connection in
            var reader = MemoryReader(bytes)
            return try await Self.put(&reader, digest: digest, recomputable: recomputable, over: connection)
        }
    }

    private static func put(
        _ reader: inout some BlobReader, digest: BlobDigest?, recomputable: Bool, purpose: Purpose = .input(of: nil),
        over connection: DataConnection
    ) async throws -> Exchange<BlobReference> {
        var request = WirePutBlob()
        request.byteCount = reader.byteCount
        request.digest = digest?.wire ?? .init()
        request.recomputable = recomputable
        switch purpose {
        case .input(let job): request.job = job?.rawValue ?? 0
        case .task: request.fromTask = true
        }
        connection.send(.putBlob(request))
        var rest = reader.byteCount
        // A message that arrives before all bytes are sent can only be a refusal.
        while rest > 0, !connection.hasReceived {
            let piece = try await reader.next(atMost: min(Int(clamping: rest), DataConnection.preferredDataByteCount))
            do {
                try await connection.send(data: piece)
            } catch is ConnectionClosed {
                // A message that arrived before the end, perhaps a refusal, says more; without one `receive` throws the end.
                break
            }
            rest -= UInt64(piece.readableBytes)
        }
        let reply = try await connection.receive()
        switch reply {
        case .control(let message):
            switch message.body {
            case .blobStored(let stored) where rest == 0:
                let reference = try BlobReference(wire: stored.blob, field: "BlobStored.blob")
                let own = BlobReference(digest: reader.finishedDigest(), byteCount: reader.byteCount)
                guard reference == own else {
                    throw BlobTransferError(
                        .corrupt,
                        "the master stored \(reference.byteCount) bytes as \(reference.digest), but \(own.byteCount) bytes "
                            + "with digest \(own.digest) were sent; try again")
                }
                return .completed(own)
            case .refused(let refusal):
                // These are the bytes that were announced, and the master has others.
                if rest == 0, refusal.refusalCode == .blobWrongDigest, digest == reader.finishedDigest() {
                    throw BlobTransferError(
                        .corrupt, "the \(reader.byteCount) bytes sent arrived damaged at the master; try again")
                }
                // With bytes still unsent, the connection's next bytes would be data: it cannot be used again.
                return .refused(MasterRefusal(refusal), isReusable: rest == 0)
            default: throw unexpected(reply, allowed: "BlobStored or Refusal")
            }
        case .data: throw unexpected(reply, allowed: "BlobStored or Refusal")
        }
    }

    // MARK: Get

    /// Fetches a slice into memory, which must stay valid until this returns or throws.
    /// - Precondition: `target` is as large as the slice.
    public func get(_ slice: BlobSlice, into target: UnsafeMutableRawBufferPointer) async throws {
        precondition(
            UInt64(target.count) == slice.byteCount, "\(slice.byteCount) bytes do not go into \(target.count)")
        try await get(slice, mayRetry: { true }) { piece, offset in
            piece.withUnsafeReadableBytes { bytes in
                UnsafeMutableRawBufferPointer(rebasing: target[Int(offset)..<Int(offset) + bytes.count])
                    .copyMemory(from: bytes)
            }
        }
    }

    /// Fetches a slice into an open file, written by pwrite from `offset` on.
    public func get(_ slice: BlobSlice, into descriptor: Int32, at offset: UInt64) async throws {
        try await get(slice, mayRetry: { true }) { piece, position in
            try await LocalFile.write(piece, to: descriptor, at: offset + position)
        }
    }

    /// Fetches a slice into `target`.
    public func get(_ slice: BlobSlice, into target: BlobTarget) async throws {
        switch target {
        case .file(let descriptor, let offset): try await get(slice, into: descriptor, at: offset)
        case .pieces(let body): try await get(slice, body)
        case .digestedPieces(let digest, let body): try await get(slice, continuing: digest, body)
        }
    }

    /// Fetches a slice into a file, which is created or emptied first; after an error its contents are undefined.
    public func get(_ slice: BlobSlice, intoFileAt path: String) async throws {
        let file = try await LocalFile.open(writingAt: path)
        try await file.closing { try await get(slice, into: file.descriptor, at: 0) }
    }

    /// Fetches a slice piece by piece, in order. The pieces are known to be right only when this returns.
    public func get(_ slice: BlobSlice, _ body: (ByteBuffer) async throws -> Void) async throws {
        try await get(slice, continuing: nil, body)
    }

    private func get(
        _ slice: BlobSlice, continuing digest: RunningDigest?, _ body: (ByteBuffer) async throws -> Void
    ) async throws {
        var hasBegun = false
        try await get(slice, continuing: digest, mayRetry: { !hasBegun }) { piece, _ in
            hasBegun = true
            try await body(piece)
        }
    }

    /// Fetches a slice of at most `maximumByteCount` bytes into an array.
    public func bytes(of slice: BlobSlice, maximumByteCount: Int = 16 << 20) async throws -> [UInt8] {
        guard slice.byteCount <= UInt64(maximumByteCount) else {
            throw BlobTransferError(
                .corrupt, "\(slice.byteCount) bytes of blob \(slice.blob.digest) are more than \(maximumByteCount)")
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(slice.byteCount))
        try await get(slice) { bytes.append(contentsOf: $0.readableBytesView) }
        return bytes
    }

    private func get(
        _ slice: BlobSlice, continuing digest: RunningDigest? = nil, mayRetry: () -> Bool,
        _ deliver: (ByteBuffer, UInt64) async throws -> Void
    ) async throws {
        try await exchange(mayRetry: mayRetry) { connection in
            try await Self.get(slice, continuing: digest, over: connection, deliver)
        }
    }

    private static func get(
        _ slice: BlobSlice, continuing running: RunningDigest?, over connection: DataConnection,
        _ deliver: (ByteBuffer, UInt64) async throws -> Void
    ) async throws -> Exchange<Void> {
        var request = WireGetBlob()
        request.slice = slice.wire
        connection.send(.getBlob(request))
        let reply = try await connection.receive()
        guard case .control(let message) = reply else { throw unexpected(reply, allowed: "BlobHeader or Refusal") }
        switch message.body {
        case .blobHeader(let header):
            guard header.byteCount == slice.byteCount else {
                throw ProtocolViolation(
                    field: "BlobHeader.byte_count", value: "\(header.byteCount)", allowed: "\(slice.byteCount)")
            }
        case .refused(let refusal): return .refused(MasterRefusal(refusal), isReusable: true)
        default: throw unexpected(reply, allowed: "BlobHeader or Refusal")
        }
        var digest = SHA256()
        // Nothing was there before: the digest of the slice is the one that continues.
        let isFirst = running?.byteCount == 0
        var offset: UInt64 = 0
        while offset < slice.byteCount {
            let frame = try await connection.receive()
            guard case .data(let piece) = frame else {
                if case .control(let message) = frame, case .refused(let refusal) = message.body {
                    return .refused(MasterRefusal(refusal), isReusable: false)
                }
                throw unexpected(frame, allowed: "data")
            }
            guard UInt64(piece.readableBytes) <= slice.byteCount - offset else {
                throw ProtocolViolation(
                    field: "data", value: "\(piece.readableBytes) bytes", allowed: "\(slice.byteCount - offset) bytes")
            }
            piece.withUnsafeReadableBytes { digest.update($0) }
            if isFirst {
                running?.set(digest, byteCount: offset + UInt64(piece.readableBytes))
            } else if let running {
                piece.withUnsafeReadableBytes { running.update($0) }
            }
            try await deliver(piece, offset)
            offset += UInt64(piece.readableBytes)
        }
        let last = try await connection.receive()
        guard case .control(let message) = last, case .blobEnd(let end) = message.body else {
            throw unexpected(last, allowed: "BlobEnd")
        }
        let isWhole = slice.offset == 0 && slice.byteCount == slice.blob.byteCount
        let received = digest.finalize()
        guard received == Array(end.sha256), !isWhole || received == slice.blob.digest.bytes else {
            throw BlobTransferError(
                .corrupt,
                "\(slice.byteCount) bytes from offset \(slice.offset) of blob \(slice.blob.digest) arrived damaged; "
                    + "try again")
        }
        return .completed(())
    }

    // MARK: Exchange

    /// How a request over a connection ended, when it did not end by an error.
    private enum Exchange<Result> {
        case completed(Result)
        case refused(MasterRefusal, isReusable: Bool)
    }

    /// Runs one request over a connection of the pool.
    ///
    /// A master that restarted, or whose time limit is shorter than ours, has closed connections that still look idle here. A
    /// request that fails on such a connection is repeated, once, over a new one: all requests are idempotent. A request whose
    /// bytes arrived damaged is repeated twice; if they are damaged again, the stored copy itself is.
    private func exchange<Result>(
        mayRetry: () -> Bool, _ body: (DataConnection) async throws -> Exchange<Result>
    ) async throws -> Result {
        var lent = try await pool.borrow()
        var damageCount = 0
        while true {
            let ending: Exchange<Result>
            do {
                ending = try await body(lent.connection)
            } catch {
                pool.giveBack(lent.connection, isGood: false)
                var isPassing = lent.isReused && error is ConnectionClosed
                if (error as? BlobTransferError)?.code == .corrupt {
                    damageCount += 1
                    isPassing = damageCount <= 2
                }
                guard isPassing, mayRetry(), !Task.isCancelled else { throw error }
                lent = try await pool.borrow(fresh: true)
                continue
            }
            switch ending {
            case .completed(let result):
                pool.giveBack(lent.connection, isGood: true)
                return result
            case .refused(let refusal, let isReusable):
                pool.giveBack(lent.connection, isGood: isReusable)
                throw refusal
            }
        }
    }

    private static func unexpected(_ frame: DataFrame, allowed: String) -> ProtocolViolation {
        let value =
            switch frame {
            case .data(let bytes): "\(bytes.readableBytes) bytes of data"
            case .control(let message): message.body.map { String("\($0)".prefix { $0 != "(" }) } ?? "nothing"
            }
        return ProtocolViolation(field: "reply", value: value, allowed: allowed)
    }
}
