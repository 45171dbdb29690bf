import GatewayLogic
import Synchronization

/// Ends a picture that nobody waits for, or that takes too long. Asked between the steps of its computation.
final class PreviewStop: Sendable {
    static let limit = Duration.seconds(20)

    private let isDropped = Atomic(false)
    private let deadline = Mutex<ContinuousClock.Instant?>(nil)

    /// The time begins: waiting for a turn does not count.
    func begin() { deadline.withLock { $0 = .now + Self.limit } }

    /// Nobody waits any longer.
    func drop() { isDropped.store(true, ordering: .relaxed) }

    func check() throws(Problem) {
        if isDropped.load(ordering: .relaxed) { throw Self.dropped }
        guard deadline.withLock({ $0.map { .now < $0 } ?? true }) else {
            throw Problem(
                413, "over-limit",
                "the picture was not made within \(Self.limit.components.seconds) s; ask for a smaller region, or a smaller overview"
            )
        }
    }

    static let dropped = Problem(408, "cancelled", "the connection was closed, which ends the work on its picture")
}
