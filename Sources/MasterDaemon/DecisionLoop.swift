import Dispatch
import Synchronization

/// The master's one owner of state: a thread that takes what has arrived, decides, commits once, and only then sends.
///
/// ```
///  sessions --post--> mailbox --all at once--> decide ... decide --> commit (one transaction) --> effects, in order
/// ```
/// Events that arrive while a transaction is on its way to the disk share the next one: group commit without a timer.
final class DecisionLoop: Sendable {
    typealias Event = @Sendable (MasterCore) -> Void

    private struct Mailbox {
        var events: [Event] = []
        var isStopping = false
        /// What happened elsewhere that leaves nothing to be trusted.
        var failure: (any Error)?
        /// Nobody will handle events any more.
        var hasEnded = false
    }

    private let mailbox = Mutex(Mailbox())
    private let wakeUp = DispatchSemaphore(value: 0)

    /// Adds an event; it is handled in the order of arrival. Never blocks.
    func post(_ event: @escaping Event) {
        let wasEmpty = mailbox.withLock { mailbox in
            guard !mailbox.hasEnded else { return false }
            mailbox.events.append(event)
            return mailbox.events.count == 1
        }
        if wasEmpty { wakeUp.signal() }
    }

    /// Adds an event that computes a reply, and waits until what it decided is durable.
    ///
    /// A reply is not seen before the transaction with its records is committed.
    func perform<Reply: Sendable>(
        _ body: @escaping @Sendable (MasterCore) throws -> Reply
    ) async throws -> Reply {
        try await withCheckedThrowingContinuation { continuation in
            let promise = ReplyPromise(continuation)
            post { core in
                let result = Result { try body(core) }
                core.afterCommit { promise.keep(result) }
            }
        }
    }

    /// Asks without waiting for a commit: for what nobody is told before the next event has asked again.
    func ask<Reply: Sendable>(_ body: @escaping @Sendable (MasterCore) -> Reply) async throws -> Reply {
        try await withCheckedThrowingContinuation { continuation in
            let promise = ReplyPromise(continuation)
            post { core in promise.keep(.success(body(core))) }
        }
    }

    /// Asks from a thread that may block; `nil` when the loop has ended.
    func performBlocking<Reply: Sendable>(_ body: @escaping @Sendable (MasterCore) -> Reply) -> Reply? {
        let answer = BlockingAnswer<Reply>()
        post { [sender = BlockingAnswer.Sender(answer)] core in sender.send(body(core)) }
        return answer.wait()
    }

    /// Ends the loop as a failed commit does: nothing more is decided or acknowledged.
    func fail(_ error: any Error) {
        mailbox.withLock { mailbox in if mailbox.failure == nil { mailbox.failure = error } }
        wakeUp.signal()
    }

    func stop() {
        mailbox.withLock { $0.isStopping = true }
        wakeUp.signal()
    }

    /// Runs until `stop()`, or until a commit fails or `fail` is called: then nothing more may be acknowledged, and the process
    /// must end.
    ///
    /// - Parameters:
    ///   - core: owned by the calling thread alone from here on.
    ///   - turned: called at every turn, at least once a second: the watchdog's food.
    func run(_ core: MasterCore, turned: () -> Void) throws {
        // Callers that still wait for a reply, or ask from now on, are told that there will not be one.
        defer {
            core.dropReplies()
            let dropped = mailbox.withLock { mailbox in
                mailbox.hasEnded = true
                return exchange(&mailbox.events, with: [])
            }
            withExtendedLifetime(dropped) {}
        }
        while true {
            turned()
            let (events, isStopping, failure) = mailbox.withLock { mailbox in
                defer { mailbox.events.removeAll(keepingCapacity: true) }
                return (mailbox.events, mailbox.isStopping, mailbox.failure)
            }
            if let failure { throw failure }
            let start = MasterCore.currentInstant
            for event in events { event(core) }
            core.timePassed()
            try core.commit()
            core.tellWatchers()
            core.turned(began: events.isEmpty ? nil : start)
            if isStopping { return }
            if events.isEmpty { _ = wakeUp.wait(timeout: .now() + core.idleTime) }
        }
    }
}

/// The loop has ended: what was asked is neither decided nor durable.
struct MasterStopped: Error, CustomStringConvertible {
    var description: String { "the master is stopping; ask again when it is back" }
}

/// A reply that somebody waits for: given once, or, when the event that should give it is dropped, `MasterStopped`.
private final class ReplyPromise<Reply: Sendable>: Sendable {
    private let continuation: Mutex<CheckedContinuation<Reply, any Error>?>

    init(_ continuation: CheckedContinuation<Reply, any Error>) { self.continuation = Mutex(continuation) }

    func keep(_ result: Result<Reply, any Error>) { continuation.withLock { $0.take() }?.resume(with: result) }

    deinit { continuation.withLock { $0.take() }?.resume(throwing: MasterStopped()) }
}

/// An answer that a thread waits for; that it never comes is known when its sender is gone.
private final class BlockingAnswer<Reply: Sendable>: Sendable {
    private let reply = Mutex<Reply?>(nil)
    private let isDecided = DispatchSemaphore(value: 0)

    func wait() -> Reply? {
        isDecided.wait()
        return reply.withLock { $0 }
    }

    final class Sender: Sendable {
        private let answer: BlockingAnswer

        init(_ answer: BlockingAnswer) { self.answer = answer }

        func send(_ reply: Reply) {
            answer.reply.withLock { $0 = reply }
            answer.isDecided.signal()
        }

        deinit { answer.isDecided.signal() }
    }
}

private func exchange<Value>(_ value: inout Value, with other: Value) -> Value {
    defer { value = other }
    return value
}
