import JobModel
import Logging
import MasterClient
import Retrying
import Transport

/// Blob transfers that survive a restart of the master: a failed transfer is repeated as the policy says, until the lease that
/// needs the blob is taken away.
struct RetryingBlobTransfer: Sendable {
    let transfer: BlobTransfer
    var policy = RetryPolicy.taskBlob
    let logger: Logger

    func get(_ slice: BlobSlice, into descriptor: Int32, at offset: UInt64) async throws {
        try await retrying(policy, logger) { try await transfer.get(slice, into: descriptor, at: offset) }
    }

    func put(fileAt path: String, recomputable: Bool = true) async throws -> BlobReference {
        try await retrying(policy, logger) {
            try await transfer.put(fileAt: path, recomputable: recomputable, purpose: .task)
        }
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
