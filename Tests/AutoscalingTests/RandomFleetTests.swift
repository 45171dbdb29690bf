import Autoscaling
import JobModel
import SeededRandom
import Testing

/// Random events against modelled machines. A failing run is reproduced by its seed, which is the test's argument.
@Suite struct RandomFleetTests {
    @Test(arguments: 1...UInt64(200))
    func `whatever happens, no worker is stopped with work, and no more are there than allowed`(seed: UInt64) {
        var world = FleetWorld(seed: seed)
        for _ in 0..<600 { world.step() }
        world.settle()
    }

    @Test(arguments: 1...UInt64(20))
    func `starts that always fail stay few`(seed: UInt64) {
        var world = FleetWorld(seed: seed)
        world.startsFail = true
        world.isCalm = true
        world.slotsWanted = 100
        for _ in 0..<3600 { world.look(after: .seconds(1)) }
        // The first ones together, then a pause that doubles from 5 s to 5 min.
        #expect(world.startCount <= world.policy.most + 6 + 3600 / 300, "\(world.startCount)")
    }
}

/// Machines that start late or never, workers that come and go, commands that fail, orders that are lost, and runs of the fleet
/// that end at any moment.
private struct FleetWorld {
    struct Machine {
        /// When its worker registers; `nil`: never.
        var registersAt: Instant?
        var worker: WorkerID?
        var isConnected = false
        var isDraining = false
        var leases = 0
    }

    let policy: FleetPolicy
    private var random: SeededGenerator
    private var fleet: Fleet
    private let names: SharedNames
    private var now = Instant(nanoseconds: 1_000_000_000_000)
    private var machines: [String: Machine] = [:]
    /// Commands that run, and whether they are going to succeed.
    private var starting: [String] = []
    private var stopping: [String] = []
    private var nextWorker: UInt64 = 1
    private(set) var startCount = 0
    var slotsWanted = 0
    var startsFail = false
    /// Whether runs end only when they are told to, and nothing else goes wrong.
    var isCalm = false

    final class SharedNames: Sendable {
        private let count = Counter()
        func next() -> String { String(count.next()) }
    }

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        let least = Int.random(in: 0...2, using: &random)
        var policy = FleetPolicy(name: "auto", least: least, most: least + Int.random(in: 1...6, using: &random))
        policy.slotsPerWorker = Bool.random(using: &random) ? 2 : nil
        self.policy = policy
        let names = SharedNames()
        self.names = names
        fleet = Fleet(policy, at: now) { names.next() }
    }

    private mutating func draw(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

    private mutating func someMachine(_ condition: (Machine) -> Bool) -> String? {
        machines.filter { condition($0.value) }.keys.sorted().randomElement(using: &random)
    }

    /// One random event.
    mutating func step() {
        switch draw(0...99) {
        case 0..<40: look(after: .milliseconds(draw(1...30_000)))
        case 40..<45: slotsWanted = draw(0...3) == 0 ? 0 : draw(0...20)
        case 45..<55: work()
        case 55..<70: endStart()
        case 70..<80: endStop()
        case 80..<86:
            guard let name = someMachine({ $0.worker != nil }) else { return }
            // A connection is lost or comes back; its leases go elsewhere.
            machines[name]?.isConnected.toggle()
            machines[name]?.leases = 0
        case 86..<88:
            guard let name = someMachine({ $0.isConnected }) else { return }
            // The process ends and another one of the name comes up later, or none does.
            machines[name]?.isConnected = false
            machines[name]?.worker = nil
            machines[name]?.leases = 0
            machines[name]?.isDraining = false
            let next = draw(0...1) == 0 ? nil : now + .seconds(draw(1...300))
            machines[name]?.registersAt = next
        case 88..<91:
            guard let name = someMachine({ $0.isConnected }) else { return }
            // The operator drains or resumes it.
            machines[name]?.isDraining.toggle()
        case 91..<95: restart()
        default: now = now + .seconds(draw(1...900))
        }
    }

    private mutating func registerDue() {
        for name in machines.keys.sorted() {
            guard let due = machines[name]?.registersAt, due <= now, machines[name]?.worker == nil else { continue }
            machines[name]?.worker = WorkerID(nextWorker)
            machines[name]?.isConnected = true
            nextWorker += 1
        }
    }

    private mutating func work() {
        for name in machines.keys.sorted() {
            guard let machine = machines[name], machine.isConnected else { continue }
            if machine.leases > 0, draw(0...2) == 0 { machines[name]?.leases -= 1 }
            // A worker that drains is given nothing.
            let leases = draw(0...3)
            if !machine.isDraining, leases > 0 { machines[name]?.leases = leases }
        }
    }

    private var report: FleetReport {
        let workers = machines.sorted { $0.key < $1.key }.compactMap { name, machine in
            machine.worker.map { id in
                FleetReport.Worker(
                    id: id, name: name,
                    state: !machine.isConnected ? .gone : machine.isDraining ? .draining : .taking, slotCount: 2,
                    leaseCount: machine.leases, address: machine.isConnected ? "10.0.0.1:1" : "")
            }
        }
        return FleetReport(slotsWanted: slotsWanted, workers: workers)
    }

    mutating func look(after duration: Duration) {
        now = now + duration
        registerDue()
        carryOut(fleet.observed(report, at: now))
    }

    private mutating func carryOut(_ orders: [FleetOrder]) {
        for (position, order) in orders.enumerated() {
            switch order {
            case .start(let name):
                startCount += 1
                #expect(machines[name] == nil, "\(name) is started twice")
                if startsFail {
                    carryOut(fleet.startEnded(name, .failed("ended with status 1"), at: now))
                    continue
                }
                // From now on there may be a machine.
                machines[name] = Machine(
                    registersAt: !isCalm && draw(0...5) == 0 ? nil : now + .seconds(draw(1...200)))
                #expect(machines.count <= policy.most, "\(machines.keys.sorted()) of \(policy.most)")
                starting.append(name)
            case .stop(let name, _, _, _):
                if let machine = machines[name] {
                    #expect(
                        !machine.isConnected || (machine.leases == 0 && machine.isDraining),
                        "\(name) is stopped: \(machine)")
                }
                stopping.append(name)
            case .drain(let name, let worker):
                // A lost order is given again.
                guard machines[name]?.worker == worker, isCalm || draw(0...9) > 0 else { continue }
                machines[name]?.isDraining = true
            case .resume(let name, let worker):
                guard machines[name]?.worker == worker else { continue }
                machines[name]?.isDraining = false
            case .tell: break
            }
            // The run ends between two orders; the state was saved before the first.
            if !isCalm, position + 1 < orders.count, draw(0...49) == 0 { return restart() }
        }
    }

    private mutating func endStart() {
        guard let name = starting.randomElement(using: &random) else { return }
        starting.removeAll { $0 == name }
        switch isCalm ? 9 : draw(0...9) {
        case 0:
            // It did nothing.
            machines[name] = nil
            carryOut(fleet.startEnded(name, .failed("ended with status 1"), at: now))
        case 1: carryOut(fleet.startEnded(name, .killed("was killed"), at: now))
        default: carryOut(fleet.startEnded(name, .succeeded, at: now))
        }
    }

    private mutating func endStop() {
        guard let name = stopping.randomElement(using: &random) else { return }
        stopping.removeAll { $0 == name }
        if !isCalm, draw(0...5) == 0 {
            carryOut(fleet.stopEnded(name, .failed("ended with status 1"), at: now))
        } else {
            machines[name] = nil
            carryOut(fleet.stopEnded(name, .succeeded, at: now))
        }
    }

    /// The run ends, and another one continues. The commands that ran end unheard.
    private mutating func restart() {
        let state = fleet.state(at: now)
        for name in starting where draw(0...4) == 0 { machines[name] = nil }
        for name in stopping where draw(0...1) == 0 { machines[name] = nil }
        starting = []
        stopping = []
        let pause = Duration.seconds(draw(0...120))
        now = now + pause
        let names = names
        fleet = Fleet(policy, continuing: state.aged(by: pause), at: now) { names.next() }
    }

    /// Nothing goes wrong any more: the fleet becomes as large as the work needs, then as small as it may be.
    mutating func settle() {
        isCalm = true
        for name in machines.keys.sorted() {
            machines[name]?.isDraining = false
            if machines[name]?.worker != nil { machines[name]?.isConnected = true }
        }
        func run(_ seconds: Int) {
            for _ in 0..<seconds / 10 {
                look(after: .seconds(10))
                while !starting.isEmpty { endStart() }
                while !stopping.isEmpty { endStop() }
                for name in machines.keys.sorted() where machines[name]?.isDraining == true {
                    machines[name]?.leases = 0
                }
            }
        }
        slotsWanted = 1_000
        run(3600)
        #expect(serving == policy.most, "as many as allowed")
        slotsWanted = 0
        run(3600)
        #expect(serving == policy.least && machines.count == policy.least, "\(machines)")
    }

    private var serving: Int { machines.values.count { $0.isConnected && !$0.isDraining } }
}
