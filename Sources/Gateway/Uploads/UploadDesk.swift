import ClientKit
import Cryptography
import GatewayLogic
import GatewayStore
import ImageFormats
import JSONText
import Logging
import NIOCore
import Synchronization
import SystemCalls

/// Receives uploads: durable up to each offset that a client is told, resumable after anything.
///
/// One request writes at a time; a newer one for the same upload ends the older, whose client is gone more often than not.
final class UploadDesk: Sendable {
    /// Bytes that are written and hashed at once.
    private static let pieceByteCount = 1 << 20
    /// Bytes between two offsets that are durable, and told.
    static let syncByteCount: UInt64 = 8 << 20

    let store: WebStore
    let spool: Spool
    let limits: UploadLimits
    let budget: SpoolBudget
    let hub: EventHub
    /// Is told of uploads that are complete, refused or gone.
    let ended: @Sendable (String) async -> Void
    private let logger: Logger

    private struct Writer {
        let number: Int
        let hangUp: @Sendable () -> Void
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private struct State {
        var writers: [String: Writer] = [:]
        var nextNumber = 0
        /// Digests of the bytes so far, of uploads that were begun in this run.
        var hashes: [String: (offset: UInt64, hash: SHA256)] = [:]
    }

    private let state = Mutex(State())

    init(
        store: WebStore, spool: Spool, limits: UploadLimits, budget: SpoolBudget, hub: EventHub, logger: Logger,
        ended: @escaping @Sendable (String) async -> Void
    ) {
        self.store = store
        self.spool = spool
        self.limits = limits
        self.budget = budget
        self.hub = hub
        self.logger = logger
        self.ended = ended
    }

    /// What a request says of its bytes.
    struct Append: Sendable {
        let upload: String
        let offset: UInt64
        let isLast: Bool
        var announced: UInt64?
        let contentLength: UInt64?
        /// Whether the client understands interim responses with offsets.
        let wantsProgress: Bool
    }

    /// Stores the body of a request.
    /// - Returns: the upload as it is then.
    /// - Throws: `Problem`; what was stored before stays.
    func receive(_ append: Append, _ body: HTTPRequestBody, of request: HTTPRequest) async throws -> UploadRecord {
        let release = await claim(append.upload, hangUp: request.hangUp)
        defer { release() }
        let (store, spool, id) = (store, spool, append.upload)
        guard let record = try await offCooperativePool({ try store.upload(id) }) else {
            throw Problem.notFound("there is no upload \(id)")
        }
        let machine = try UploadAppend(
            to: record, at: append.offset, isLast: append.isLast, announced: append.announced,
            contentLength: append.contentLength, limits: limits)
        let file = try await offCooperativePool { try spool.open(id, at: record.offset) }
        var writing = UploadWriting(desk: self, record: record, machine: machine, file: file, hash: hash(of: record))
        do {
            while let piece = try await body.next() {
                try await writing.take(piece)
                guard writing.unsyncedByteCount >= Self.syncByteCount else { continue }
                try await writing.sync()
                if append.wantsProgress {
                    try await body.inform(
                        HTTPStatusNames.uploadResumptionSupported,
                        ["Upload-Offset": "\(writing.record.offset)", "Upload-Limit": limits.field])
                }
            }
            try await writing.sync()
            let end = try writing.machine.end()
            writing.record.byteCount = writing.machine.byteCount
            if end == .finish { try await writing.finish() }
        } catch {
            // A cut connection is the usual case: what arrived counts.
            try? await writing.sync()
            throw error
        }
        return writing.record
    }

    /// Ends a request that is still sending, so that the offset stays what it is.
    func settle(_ upload: String) async { await claim(upload, hangUp: {})() }

    /// Deletes an upload, also one that is being received.
    func delete(_ upload: String) async throws {
        let release = await claim(upload, hangUp: {})
        defer { release() }
        let (store, spool) = (store, spool)
        let record = try await offCooperativePool { () throws -> UploadRecord? in
            let record = try store.upload(upload)
            try store.deleteUpload(upload)
            spool.remove(upload)
            return record
        }
        forget(upload)
        guard let record else { return }
        budget.give(record.offset)
        await ended(upload)
    }

    // MARK: One writer

    /// Waits until nobody else writes, after telling them to stop.
    /// - Returns: what to call when this writer is done.
    private func claim(_ upload: String, hangUp: @escaping @Sendable () -> Void) async -> @Sendable () -> Void {
        while true {
            let claimed = state.withLock { state -> (number: Int, other: Writer?) in
                if let other = state.writers[upload] { return (0, other) }
                state.nextNumber += 1
                state.writers[upload] = Writer(number: state.nextNumber, hangUp: hangUp)
                return (state.nextNumber, nil)
            }
            guard let other = claimed.other else { return { [self] in release(upload, number: claimed.number) } }
            other.hangUp()
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    guard state.writers[upload]?.number == other.number else { return true }
                    state.writers[upload]?.waiters.append(continuation)
                    return false
                }
                if isOver { continuation.resume() }
            }
        }
    }

    private func release(_ upload: String, number: Int) {
        let writer = state.withLock { state in
            state.writers[upload]?.number == number ? state.writers.removeValue(forKey: upload) : nil
        }
        for waiter in writer?.waiters ?? [] { waiter.resume() }
    }

    // MARK: Digests

    private func hash(of record: UploadRecord) -> SHA256? {
        if record.offset == 0 { return SHA256() }
        return state.withLock { state in
            state.hashes[record.id].flatMap { $0.offset == record.offset ? $0.hash : nil }
        }
    }

    func keep(_ hash: SHA256?, of record: UploadRecord) {
        state.withLock { state in
            // Each has a few hundred bytes; the file is read again where one is missing.
            if state.hashes.count > 100_000 { state.hashes = [:] }
            state.hashes[record.id] = hash.map { (record.offset, $0) }
        }
    }

    func forget(_ upload: String) { state.withLock { $0.hashes[upload] = nil } }

    func publish(_ record: UploadRecord) async {
        let (store, id) = (store, record.id)
        let place = try? await offCooperativePool { try store.place(of: id) }
        hub.publish(
            "upload:\(id)", [.uploads], "upload",
            record.json(place: place ?? nil, age: UInt64(limits.ageSeconds) * 1000), owner: record.owner)
    }

    func log(_ record: UploadRecord, _ detail: String) {
        logger.info("refused an upload", metadata: ["upload": "\(record.id)", "reason": "\(detail)"])
    }
}

/// The bytes of one request on their way to the disk.
struct UploadWriting {
    let desk: UploadDesk
    var record: UploadRecord
    var machine: UploadAppend
    let file: SpoolFile
    /// The digest of the bytes up to what was written; `nil` when the file has to be read for it.
    var hash: SHA256?
    private var pending: [ByteBuffer] = []
    private var pendingByteCount = 0
    private var written: UInt64

    init(desk: UploadDesk, record: UploadRecord, machine: UploadAppend, file: SpoolFile, hash: SHA256?) {
        self.desk = desk
        self.record = record
        self.machine = machine
        self.file = file
        self.hash = hash
        written = record.offset
    }

    /// Bytes that arrived and that no client was told of yet.
    var unsyncedByteCount: UInt64 { machine.offset - record.offset }

    mutating func take(_ piece: ByteBuffer) async throws {
        try machine.receive(piece.readableBytes)
        pending.append(piece)
        pendingByteCount += piece.readableBytes
        // The first bytes tell whether the file is an image at all.
        if pendingByteCount >= 1 << 20 || (written == 0 && pendingByteCount >= ImageFormats.sniffedByteCount) {
            try await write()
        }
    }

    private mutating func write() async throws {
        guard !pending.isEmpty else { return }
        let (pieces, count, start, file, before) = (pending, pendingByteCount, written, file, hash)
        (pending, pendingByteCount) = ([], 0)
        if start == 0 { try await examineStart(pieces) }
        try await desk.budget.take(UInt64(count))
        do {
            hash = try await offCooperativePool {
                var hash = before
                var offset = start
                for piece in pieces {
                    try piece.withUnsafeReadableBytes { bytes in
                        try file.write(bytes, at: offset)
                        hash?.update(bytes)
                    }
                    offset += UInt64(piece.readableBytes)
                }
                return hash
            }
        } catch {
            desk.budget.give(UInt64(count))
            hash = nil
            throw error
        }
        written = start + UInt64(count)
    }

    /// Writes and makes durable what has arrived, and notes how far that is.
    mutating func sync() async throws {
        try await write()
        guard written > record.offset || record.byteCount != machine.byteCount else { return }
        let (file, store) = (file, desk.store)
        record.offset = written
        record.byteCount = machine.byteCount
        record.touchedAt = WallClock.millisecondsSince1970
        let now = record
        try await offCooperativePool {
            try file.sync()
            try store.update(now)
        }
        desk.keep(hash, of: record)
        await desk.publish(record)
    }

    /// All bytes are there: what are they?
    mutating func finish() async throws {
        let (file, store, known, byteCount) = (file, desk.store, hash, record.offset)
        if byteCount < ImageFormats.sniffedByteCount { try await examineStart(file.read(at: 0, count: Int(byteCount))) }
        do {
            let complete = try await offCooperativePool {
                let (format, header) = try ImageFormats.identify(byteCount: byteCount) { offset, count in
                    try file.read(at: offset, count: count)
                }
                let digest = try known.map { HexText.text($0.finalize()) } ?? file.digest(byteCount: byteCount)
                return UploadedFile(
                    digest: digest, width: header.shape.width, height: header.shape.height, format: format.name)
            }
            record.phase = .complete(complete)
        } catch let error as CodecError {
            try await reject(Problem(error))
        }
        let now = record
        _ = try await offCooperativePool { try store.update(now) }
        desk.forget(record.id)
        await desk.publish(record)
        await desk.ended(record.id)
    }

    private mutating func examineStart(_ pieces: [ByteBuffer]) async throws {
        var start: [UInt8] = []
        for piece in pieces where start.count < ImageFormats.sniffedByteCount {
            start += piece.readableBytesView.prefix(ImageFormats.sniffedByteCount - start.count)
        }
        // Too short a piece is examined at the end.
        guard start.count == ImageFormats.sniffedByteCount else { return }
        try await examineStart(start)
    }

    private mutating func examineStart(_ start: [UInt8]) async throws {
        do throws(CodecError) {
            _ = try ImageFormats.format(ofFileBeginning: start)
        } catch {
            try await reject(Problem(415, "not-an-image", "'\(record.name)' is not accepted: \(error.reason)"))
        }
    }

    /// Refuses the upload for ever.
    /// - Throws: `problem`, always.
    private mutating func reject(_ problem: Problem) async throws {
        let (store, spool) = (desk.store, desk.spool)
        desk.budget.give(written)
        record.phase = .rejected(code: problem.code, detail: problem.detail)
        record.offset = 0
        let now = record
        try await offCooperativePool {
            try store.update(now)
            spool.remove(now.id)
        }
        (pending, pendingByteCount, written) = ([], 0, 0)
        desk.forget(record.id)
        desk.log(record, problem.detail)
        await desk.publish(record)
        await desk.ended(record.id)
        throw problem
    }
}
