import Dispatch

/// Runs `work`, which reads or writes files, on a thread of its own kind: the threads that run tasks are as many as there
/// are cores, and none of them may wait for a disk.
func offCooperativePool<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        blockingWork.async { continuation.resume(with: Swift.Result { try work() }) }
    }
}

/// Callers bound how much they start at once.
private let blockingWork = DispatchQueue(label: "tessera.files", attributes: .concurrent)
