import Autoscaling
import JobModel
import Testing

/// A fleet whose commands, machines and master are the test: transcripts of events and orders.
struct FleetHarness {
    private(set) var fleet: Fleet
    private(set) var now = Instant(nanoseconds: 1_000_000_000_000)
    private(set) var news: [FleetNews] = []
    var slotsWanted = 0
    var workers: [FleetReport.Worker] = []
    private let names = Names()

    private final class Names: Sendable {
        private let count = Counter()
        func next() -> String { String(count.next()) }
    }

    init(_ policy: FleetPolicy, continuing state: FleetState? = nil) {
        let names = names
        fleet = Fleet(policy, continuing: state, at: now) { names.next() }
    }

    static func policy(least: Int = 0, most: Int = 5, slots: Int? = 1) -> FleetPolicy {
        var policy = FleetPolicy(name: "auto", least: least, most: most)
        policy.slotsPerWorker = slots
        return policy
    }

    var state: FleetState { fleet.state(at: now) }

    /// The orders without the news, which are kept.
    private mutating func heard(_ orders: [FleetOrder]) -> [FleetOrder] {
        orders.filter { order in
            guard case .tell(let text) = order else { return true }
            news.append(text)
            return false
        }
    }

    mutating func look(after duration: Duration = .zero) -> [FleetOrder] {
        now = now + duration
        return heard(fleet.observed(FleetReport(slotsWanted: slotsWanted, workers: workers), at: now))
    }

    mutating func startEnded(_ name: String, _ end: CommandEnd = .succeeded) -> [FleetOrder] {
        heard(fleet.startEnded(name, end, at: now))
    }

    mutating func stopEnded(_ name: String, _ end: CommandEnd = .succeeded) -> [FleetOrder] {
        heard(fleet.stopEnded(name, end, at: now))
    }

    /// A worker of that name registers.
    mutating func register(_ name: String, slots: Int = 1, leases: Int = 0) {
        workers.append(
            FleetReport.Worker(
                id: WorkerID(UInt64(workers.count + 1)), name: name, state: .taking, slotCount: slots,
                leaseCount: leases, address: "10.0.0.\(workers.count + 1):40000"))
    }

    mutating func change(_ name: String, _ change: (inout FleetReport.Worker) -> Void) {
        for index in workers.indices where workers[index].name == name { change(&workers[index]) }
    }

    /// Starts the workers that are wanted, and lets them register.
    mutating func grow(to count: Int) {
        slotsWanted = count
        for order in look() {
            guard case .start(let name) = order else { continue }
            _ = startEnded(name)
            register(name)
        }
        _ = look()
    }
}
