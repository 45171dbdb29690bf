import Synchronization

/// Questions that several requests have at the same time, asked once for all of them.
///
///     first request     asks ----------> answer
///     second request       waits ......  asks ----------> answer
///     third request             waits ................... answer
///
/// What a request is told was asked after the request came: while a question is under way, others wait for the next one. An error is
/// told to all who share it.
final class SharedQuestions<Subject: Hashable & Sendable, Answer: Sendable>: Sendable {
    private typealias Waiter = CheckedContinuation<Turn, Never>

    /// The end of the waiting of a request.
    private enum Turn: Sendable {
        case told(Result<Answer, any Error>)
        /// It asks, for the others too.
        case asks(others: [Waiter])
    }

    /// The requests that wait for the next question about each subject that one is under way about.
    private let waiting = Mutex<[Subject: [Waiter]]>([:])

    /// The answer about `subject`.
    /// - Parameter ask: asks for it; of those who share an answer, one asks.
    func answer(about subject: Subject, _ ask: () async throws -> Answer) async throws -> Answer {
        switch await turn(subject) {
        case .told(let answer): return try answer.get()
        case .asks(let others):
            let answer: Result<Answer, any Error>
            do {
                answer = .success(try await ask())
            } catch is CancellationError {
                // It was this request that was cancelled, not the others.
                pass(subject, retrying: others)
                throw CancellationError()
            } catch {
                answer = .failure(error)
            }
            pass(subject)
            for other in others { other.resume(returning: .told(answer)) }
            return try answer.get()
        }
    }

    /// Requests that wait for the next question.
    func waitingCount(about subject: Subject) -> Int { waiting.withLock { $0[subject]?.count ?? 0 } }

    private func turn(_ subject: Subject) async -> Turn {
        await withCheckedContinuation { continuation in
            let isFirst = waiting.withLock { waiting in
                guard waiting[subject] != nil else {
                    waiting[subject] = []
                    return true
                }
                waiting[subject]?.append(continuation)
                return false
            }
            if isFirst { continuation.resume(returning: .asks(others: [])) }
        }
    }

    /// Lets the first request that waits ask, for all that wait.
    private func pass(_ subject: Subject, retrying: [Waiter] = []) {
        let next = waiting.withLock { waiting in
            let all = retrying + (waiting[subject] ?? [])
            waiting[subject] = all.isEmpty ? nil : []
            return all
        }
        next.first?.resume(returning: .asks(others: Array(next.dropFirst())))
    }
}
