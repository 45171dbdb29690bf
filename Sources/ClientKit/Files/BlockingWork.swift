import Dispatch

/// Runs `work`, which reads or writes files, on a thread that may block: the cooperative pool has one thread per core, and
/// none of them may wait for a disk.
package func offCooperativePool<Result: Sendable, Failure: Error>(
    _ work: @escaping @Sendable () throws(Failure) -> Result
) async throws(Failure) -> Result {
    try await withCheckedContinuation { continuation in
        blockingWork.async { continuation.resume(returning: Swift.Result(catching: work)) }
    }.get()
}

/// Callers bound the work that they start at once.
let blockingWork = DispatchQueue(label: "tessera.files", attributes: .concurrent)
