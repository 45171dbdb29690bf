import GatewayLogic
import Synchronization
import Testing

@testable import Gateway

/// Requests that have one question at the same time. The test answers each question when it likes.
@Suite struct SharedQuestionsTests {
    /// The one who is asked: each question waits until the test answers it.
    private final class Oracle: Sendable {
        private struct State {
            var asked = 0
            var answers: [CheckedContinuation<Int, any Error>] = []
            var watchers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
        }

        private let state = Mutex(State())

        func ask() async throws -> Int {
            try await withCheckedThrowingContinuation { continuation in
                let told = state.withLock { state in
                    state.asked += 1
                    state.answers.append(continuation)
                    defer { state.watchers.removeAll { $0.count <= state.asked } }
                    return state.watchers.filter { $0.count <= state.asked }
                }
                for watcher in told { watcher.continuation.resume() }
            }
        }

        var asked: Int { state.withLock { $0.asked } }

        /// Returns when that many questions were asked.
        func asked(_ count: Int) async {
            await withCheckedContinuation { continuation in
                let isAsked = state.withLock { state in
                    if state.asked < count { state.watchers.append((count, continuation)) }
                    return state.asked >= count
                }
                if isAsked { continuation.resume() }
            }
        }

        /// Answers the oldest question.
        func answer(_ result: Result<Int, any Error>) {
            state.withLock { $0.answers.removeFirst() }.resume(with: result)
        }
    }

    private let questions = SharedQuestions<String, Int>()
    private let oracle = Oracle()

    private func request(_ subject: String = "job") -> Task<Int, any Error> {
        Task { [questions, oracle] in try await questions.answer(about: subject) { try await oracle.ask() } }
    }

    /// Requests that wait, which is known by their number.
    private func waiting(_ count: Int) async -> [Task<Int, any Error>] {
        let requests = (0..<count).map { _ in request() }
        while questions.waitingCount(about: "job") < count { await Task.yield() }
        return requests
    }

    @Test func `requests that come during a question share the next one`() async throws {
        let first = request()
        await oracle.asked(1)
        let others = await waiting(3)
        #expect(oracle.asked == 1, "they wait")
        oracle.answer(.success(1))
        #expect(try await first.value == 1)
        await oracle.asked(2)
        oracle.answer(.success(2))
        for other in others { #expect(try await other.value == 2, "an answer that was asked for after they came") }
        #expect(oracle.asked == 2)
        let last = request()
        await oracle.asked(3)
        oracle.answer(.success(3))
        #expect(try await last.value == 3, "nothing is kept")
    }

    @Test func `questions about different things do not wait for each other`() async throws {
        let (one, other) = (request("one"), request("other"))
        await oracle.asked(2)
        oracle.answer(.success(7))
        oracle.answer(.success(7))
        #expect(try await one.value + other.value == 14)
    }

    @Test func `an error is told to all who share it, and not to the next`() async throws {
        let first = request()
        await oracle.asked(1)
        let others = await waiting(2)
        oracle.answer(.success(1))
        _ = try await first.value
        await oracle.asked(2)
        let late = await waiting(1)
        oracle.answer(.failure(Problem.notFound("job 1 is gone")))
        for other in others { await #expect(throws: Problem.self) { try await other.value } }
        await oracle.asked(3)
        oracle.answer(.success(3))
        for request in late { #expect(try await request.value == 3) }
    }

    @Test func `when the one that asks is cancelled, another asks`() async throws {
        let first = request()
        await oracle.asked(1)
        let others = await waiting(2)
        oracle.answer(.failure(CancellationError()))
        await #expect(throws: CancellationError.self) { try await first.value }
        await oracle.asked(2)
        let late = await waiting(1)
        // Of the two, one asks, and the other shares.
        oracle.answer(.failure(CancellationError()))
        await oracle.asked(3)
        oracle.answer(.success(5))
        var told: [Int] = []
        for request in others + late {
            do { told.append(try await request.value) } catch is CancellationError {}
        }
        #expect(told == [5, 5])
    }
}
