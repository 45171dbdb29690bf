import Dispatch
import GatewayLogic

/// Turns of work that computes pictures: a few at a time, each on a thread of its own; some wait, more are refused.
actor WorkTurns {
    private struct Waiter {
        let number: Int
        let continuation: CheckedContinuation<Void, any Error>
    }

    private let concurrentCount: Int
    private let waitingCount: Int
    private let subject: String
    private var running = 0
    private var waiting: [Waiter] = []
    private var lastNumber = 0

    /// - Parameter subject: what is made, in the plural, for messages.
    init(concurrentCount: Int, waitingCount: Int, of subject: String) {
        self.concurrentCount = concurrentCount
        self.waitingCount = waitingCount
        self.subject = subject
    }

    /// Carries out `work` when its turn has come.
    ///
    /// - Parameter departure: of the peer that waits for it: drops the work, also while it waits.
    func run<Value: Sendable>(
        _ stop: PreviewStop, until departure: PeerDeparture, _ work: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        lastNumber += 1
        let number = lastNumber
        return try await departure.watch {
            try await enter(number)
            defer { leave() }
            return try await Self.onOwnThread(work)
        } react: {
            stop.drop()
            Task { await self.abandon(number) }
        }
    }

    /// Not among the threads that read and write files: these are as many as there are cores, and would all compute.
    private static func onOwnThread<Value: Sendable>(
        _ work: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue(label: "tessera.pictures").async { continuation.resume(with: Result(catching: work)) }
        }
    }

    private func enter(_ number: Int) async throws {
        guard running >= concurrentCount else {
            running += 1
            return
        }
        guard waiting.count < waitingCount else {
            throw Problem(
                429, "too-many-requests",
                "\(concurrentCount) \(subject) are being made and \(waitingCount) wait; try again in a moment"
            ).with("Retry-After", "1")
        }
        try await withCheckedThrowingContinuation { waiting.append(Waiter(number: number, continuation: $0)) }
    }

    private func leave() {
        if waiting.isEmpty { running -= 1 } else { waiting.removeFirst().continuation.resume() }
    }

    /// Nobody waits any longer for work that has not begun.
    private func abandon(_ number: Int) {
        guard let index = waiting.firstIndex(where: { $0.number == number }) else { return }
        waiting.remove(at: index).continuation.resume(throwing: PreviewStop.dropped)
    }
}
