/// Suspends the calling task until the continuation that `park` stores is resumed, or the task is cancelled.
///
/// Code that resumes the continuation first takes it out of its storage, under the lock that guards it, so it is resumed once.
/// - Parameters:
///   - park: stores the continuation and returns `nil`, or returns the outcome at once.
///   - withdraw: takes the continuation out again; `nil` when it is not stored (any more).
package func suspended<Value: Sendable>(
    park: (CheckedContinuation<Value, any Error>) -> Result<Value, any Error>?,
    withdraw: @escaping @Sendable () -> CheckedContinuation<Value, any Error>?
) async throws -> Value {
    try await withTaskCancellationHandler {
        try await withCheckedThrowingContinuation { continuation in
            if let outcome = park(continuation) { return continuation.resume(with: outcome) }
            // Cancelled before it was stored: the cancellation handler found nothing.
            if Task.isCancelled { withdraw()?.resume(throwing: CancellationError()) }
        }
    } onCancel: {
        withdraw()?.resume(throwing: CancellationError())
    }
}
