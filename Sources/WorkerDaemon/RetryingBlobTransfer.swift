import JobModel
import Logging
import MasterClient
import Protocol
import Retrying
import Synchronization
import Transport

/// Blob transfers that survive a restart of the master: a failed transfer is repeated as the policy says, until the lease that
/// needs the blob is taken away.
///
/// A master without room for a result is waited for without end: the attempt is sound, its result is there, and it can be stored
/// as soon as somebody makes room. The master does not end an attempt while its disk is full.
struct RetryingBlobTransfer: Sendable {
    let transfer: BlobTransfer
    var policy = RetryPolicy.taskBlob
    let logger: Logger
    private let room: RoomNotice

    init(transfer: BlobTransfer, policy: RetryPolicy = .taskBlob, logger: Logger) {
        self.transfer = transfer
        self.policy = policy
        self.logger = logger
        room = RoomNotice(logger: logger)
    }

    func get(_ slice: BlobSlice, into descriptor: Int32, at offset: UInt64) async throws {
        try await retrying(policy, logger) { try await transfer.get(slice, into: descriptor, at: offset) }
    }

    func put(fileAt path: String, recomputable: Bool = true) async throws -> BlobReference {
        try await retrying(policy, logger) {
            try await waitingForRoom(room) {
                try await transfer.put(fileAt: path, recomputable: recomputable, purpose: .task)
            }
        }
    }
}

/// Repeats `body` for as long as the master answers that it has no room.
func waitingForRoom<Result, C: Clock>(
    _ notice: RoomNotice, clock: C = ContinuousClock(), _ body: () async throws -> Result
) async throws -> Result where C.Duration == Duration {
    var isWaiting = false
    defer { if isWaiting { notice.stopped() } }
    while true {
        do {
            return try await body()
        } catch let refusal as MasterRefusal where refusal.code == .noSpace {
            try Task.checkCancellation()
            if !isWaiting { notice.waits(refusal) }
            isWaiting = true
            try await clock.sleep(until: clock.now.advanced(by: refusal.retryAfter ?? .seconds(10)), tolerance: nil)
        }
    }
}

/// Says in the log when results begin to wait for room at the master, and when none waits any longer; once for all of them.
final class RoomNotice: Sendable {
    private let logger: Logger
    private let waitingCount = Mutex(0)

    init(logger: Logger) { self.logger = logger }

    func waits(_ refusal: MasterRefusal) {
        let isFirst = waitingCount.withLock { count in
            count += 1
            return count == 1
        }
        guard isFirst else { return }
        logger.warning("the master's disk is full: results wait until it has room", metadata: ["reason": "\(refusal)"])
    }

    func stopped() {
        let isLast = waitingCount.withLock { count in
            count -= 1
            return count == 0
        }
        if isLast { logger.notice("no result waits for room at the master any longer") }
    }
}

/// Repeats `body` as the policy says.
///
/// - Throws: the last error of `body`; `CancellationError` when the task is cancelled.
func retrying<Result, C: Clock>(
    _ policy: RetryPolicy, clock: C = ContinuousClock(),
    random: some RandomNumberGenerator = SystemRandomNumberGenerator(), _ logger: Logger,
    _ body: () async throws -> Result
) async throws -> Result where C.Duration == Duration {
    let start = clock.now
    var retries = Retries(policy)
    var random = random
    while true {
        do {
            return try await body()
        } catch {
            try Task.checkCancellation()
            let now = start.duration(to: clock.now)
            guard case .wait(let pause) = retries.failed(error, at: now, using: &random) else { throw error }
            logger.debug("a transfer waits for the master", metadata: ["error": "\(error)", "delay": "\(pause)"])
            try await clock.sleep(until: clock.now.advanced(by: pause), tolerance: nil)
        }
    }
}
