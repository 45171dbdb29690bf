import JobModel
import Synchronization
import SystemCalls

/// Orders as they come in, read by a thread of its own.
///
/// While the main thread waits here, both block in the kernel and cost no CPU. While it computes, the other one still
/// notices a `cancel`, and the worker's end.
final class OrderInbox: Sendable {
    private struct State {
        var orders: [RankOrder] = []
        /// Orders to work that have come in, and how many of them a cancel has met.
        var received: UInt64 = 0
        var cancelled: UInt64 = 0
        /// Orders to work that were taken out.
        var taken: UInt64 = 0
    }

    private let state = Mutex(State())
    private let available = CountingSemaphore()

    /// Begins to read orders from `link`.
    init(_ link: WorkerLink) {
        startThread { [self] in Reader(link: link, inbox: self).run() }
    }

    /// The next order; blocks until there is one. A cancel wakes a waiting one too.
    func next() -> RankOrder {
        available.wait()
        return state.withLock { state in
            let order = state.orders.removeFirst()
            if order.spec != nil { state.taken += 1 }
            return order
        }
    }

    /// Whether the order that was handed out last has been cancelled.
    var isCancelled: Bool { state.withLock { $0.taken > 0 && $0.cancelled >= $0.taken } }

    fileprivate func put(_ order: RankOrder) {
        state.withLock { state in
            if order.spec != nil { state.received += 1 }
            // Met every order that came before it, none that comes after.
            if order == .cancel { state.cancelled = state.received }
            state.orders.append(order)
        }
        available.signal()
    }

    /// The reading thread's work.
    private final class Reader {
        private let link: WorkerLink
        private let inbox: OrderInbox

        init(link: WorkerLink, inbox: OrderInbox) {
            self.link = link
            self.inbox = inbox
        }

        func run() -> Never {
            var frames = RankFrameReader()
            while true {
                do {
                    while let order = try frames.next(RankOrder.self) { inbox.put(order) }
                } catch {
                    printLine("the worker sent something that is not an order: \(error.description)")
                    WorkerLink.leave()
                }
                link.receive(into: &frames)
            }
        }
    }
}
