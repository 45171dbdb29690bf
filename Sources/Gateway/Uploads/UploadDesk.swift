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
        var writing = try await begin(append)
        do {
            try await body.expectMuch()
            while let piece = try await body.next() {
                guard try await writing.take(piece), append.wantsProgress else { continue }
                try await body.inform(
                    HTTPStatusNames.uploadResumptionSupported,
                    ["Upload-Offset": "\(writing.record.offset)", "Upload-Limit": limits.field])
            }
            try await writing.end()
        } catch {
            // A cut connection is the usual case: what arrived counts.
            try? await writing.sync()
            await writing.settle()
            throw error
        }
        await writing.settle()
        return writing.record
    }

    private func begin(_ append: Append) async throws -> UploadWriting {
        let (store, spool, limits) = (store, spool, limits)
        let (record, machine, file) = try await offCooperativePool {
            guard let record = try store.upload(append.upload) else {
                throw Problem.notFound("there is no upload \(append.upload)")
            }
            let machine = try UploadAppend(
                to: record, at: append.offset, isLast: append.isLast, announced: append.announced,
                contentLength: append.contentLength, limits: limits)
            return (record, machine, try spool.open(append.upload, at: record.offset))
        }
        return UploadWriting(desk: self, record: record, machine: machine, file: file, hash: hash(of: record))
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
