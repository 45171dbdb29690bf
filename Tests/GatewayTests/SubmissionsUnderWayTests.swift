import Synchronization
import Testing

@testable import Gateway

/// Observers and submissions.
@Suite struct SubmissionsUnderWayTests {
    private final class Order: Sendable {
        private let steps = Mutex<[String]>([])

        func append(_ step: String) { steps.withLock { $0.append(step) } }
        var all: [String] { steps.withLock { $0 } }
    }

    @Test func `an observer waits for the submissions that had begun, and for no later ones`() async {
        let submissions = SubmissionsUnderWay()
        await submissions.ended(asOf: submissions.now)
        let (begun, hasBegun) = AsyncStream.makeStream(of: Void.self)
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        let order = Order()
        await withDiscardingTaskGroup { group in
            group.addTask {
                await submissions.during {
                    hasBegun.yield()
                    for await _ in ends { break }
                    order.append("submitted")
                }
            }
            for await _ in begun { break }
            let moment = submissions.now
            group.addTask {
                await submissions.ended(asOf: moment)
                order.append("observed")
            }
            // One that begins later, and never ends before the observer does.
            await submissions.during {
                end.yield()
                while order.all.count < 2 { await Task.yield() }
            }
        }
        #expect(order.all == ["submitted", "observed"])
    }
}
