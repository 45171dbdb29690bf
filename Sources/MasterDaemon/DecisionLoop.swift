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
    }

    private let mailbox = Mutex(Mailbox())
    private let wakeUp = DispatchSemaphore(value: 0)

    /// Adds an event; it is handled in the order of arrival. Never blocks.
    func post(_ event: @escaping Event) {
        let wasEmpty = mailbox.withLock { mailbox in
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
            post { core in
                let result = Result { try body(core) }
                core.afterCommit { continuation.resume(with: result) }
            }
        }
    }

    /// Asks from a thread that may block; `nil` when no answer came within five seconds (the loop has ended).
    func performBlocking<Reply: Sendable>(_ body: @escaping @Sendable (MasterCore) -> Reply) -> Reply? {
        let answer = Mutex<Reply?>(nil)
        let answered = DispatchSemaphore(value: 0)
        post { core in
            let reply = body(core)
            answer.withLock { $0 = reply }
            answered.signal()
        }
        guard answered.wait(timeout: .now() + .seconds(5)) == .success else { return nil }
        return answer.withLock { $0 }
    }

    func stop() {
        mailbox.withLock { $0.isStopping = true }
        wakeUp.signal()
    }

    /// Runs until `stop()`, or until a commit fails: then nothing more may be acknowledged, and the process must end.
    ///
    /// - Parameters:
    ///   - core: owned by the calling thread alone from here on.
    ///   - turned: called at every turn, at least once a second: the watchdog's food.
    func run(_ core: MasterCore, turned: () -> Void) throws {
        while true {
            turned()
            let (events, isStopping) = mailbox.withLock { mailbox in
                defer { mailbox.events.removeAll(keepingCapacity: true) }
                return (mailbox.events, mailbox.isStopping)
            }
            for event in events { event(core) }
            core.timePassed()
            try core.commit()
            if isStopping { return }
            if events.isEmpty { _ = wakeUp.wait(timeout: .now() + core.idleTime) }
        }
    }
}
