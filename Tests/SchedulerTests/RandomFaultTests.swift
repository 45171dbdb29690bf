import JobModel
import SeededRandom
import Testing

@testable import Scheduler

/// Random faults against model workers. A failing run is reproduced by its seed, which is the test's argument.
@Suite struct RandomFaultTests {
    @Test(arguments: 1...UInt64(25))
    func `whatever happens, every job ends and no task is done twice`(seed: UInt64) throws {
        var storm = try Storm(seed: seed)
        for _ in 0..<400 { try storm.step() }
        try storm.heal()
        storm.check()
    }
}

private struct Storm {
    private let harness: SchedulerHarness
    private var random: SeededGenerator
    private var jobs: [JobID] = []
    private var alive: [WorkerID] = []
    private var silent: Set<WorkerID> = []
    /// Attempts that the master has given up, but somebody may still be computing.
    private var ghosts: [(LeaseID, WorkerID)] = []

    init(seed: UInt64) throws {
        random = SeededGenerator(seed: seed)
        var configuration = SchedulerConfiguration()
        configuration.prefetchPerSlot = Int.random(in: 0...2, using: &random)
        configuration.maximumWorkerLosses = 1_000
        configuration.maximumRestarts = 1_000
        harness = try SchedulerHarness(configuration)
    }

    private mutating func draw(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

    private mutating func someLease() -> (LeaseID, WorkerID)? {
        let all = alive.filter { !silent.contains($0) }.flatMap { worker in
            harness.leases(of: worker).map { ($0, worker) }
        }
        return all.randomElement(using: &random)
    }

    /// One random event.
    mutating func step() throws {
        alive.removeAll { harness.held[$0] == nil }
        switch draw(0...99) {
        case 0..<8: try submit()
        case 8..<16: alive.append(try harness.connect(slots: draw(1...3), isDraining: draw(0...9) == 0))
        case 16..<50: finishSomething()
        case 50..<58:
            guard let (lease, worker) = someLease() else { return }
            harness.fail(lease, on: worker, FailureCause.allCases.randomElement(using: &random) ?? .rankLost)
        case 58..<62:
            guard let (lease, worker) = someLease() else { return }
            harness.giveBack(lease, on: worker)
        case 62..<66: try loseConnection()
        case 66..<70:
            guard let worker = alive.randomElement(using: &random) else { return }
            if silent.remove(worker) == nil { silent.insert(worker) }
        case 70..<84: letTimePass(.milliseconds(draw(1...4_000)))
        case 84..<87:
            guard let job = jobs.randomElement(using: &random), draw(0...3) == 0 else { return }
            if harness.state(job)?.isFinal == false { try harness.cancel(job) }
        case 87..<89:
            guard let job = jobs.randomElement(using: &random) else { return }
            let image = ImageID(job: job, index: 0)
            harness.perform { $0.blobsLost(of: image, at: $1, into: &$2) }
        case 89..<91:
            guard let worker = alive.randomElement(using: &random) else { return }
            let isDraining = draw(0...1) == 0
            harness.perform { $0.workerDraining(worker, on: isDraining, at: $1, into: &$2) }
        case 91..<93: try redrive()
        case 93..<95:
            guard let job = jobs.randomElement(using: &random), harness.state(job)?.isFinal == true else { return }
            try harness.forget(job)
            jobs.removeAll { $0 == job }
        case 95..<97: try restart()
        case 97: harness.freeze(.seconds(draw(2...600)))
        default:
            // A result of an attempt that was given up comes in late.
            guard let (lease, worker) = ghosts.randomElement(using: &random) else { return }
            harness.finish(lease, on: worker)
        }
    }

    private mutating func submit() throws {
        guard jobs.count < 12 else { return }
        let pipeline = ["whole", "whole", "rows", "shared", "own"].randomElement(using: &random) ?? "whole"
        let job = try harness.submit(
            pipeline, images: draw(1...5), by: ["ann", "bob", "eve"].randomElement(using: &random) ?? "ann",
            priority: Int32(draw(-1...1)), rows: UInt32(draw(1...24)), sealed: draw(0...4) > 0)
        jobs.append(job)
    }

    private mutating func finishSomething() {
        if let image = harness.assemblies.keys.min(), draw(0...1) == 0 {
            harness.assemble(image)
        } else if let (lease, worker) = someLease() {
            harness.finish(lease, on: worker)
        }
    }

    private mutating func loseConnection() throws {
        guard let worker = alive.randomElement(using: &random) else { return }
        let leases = harness.leases(of: worker)
        ghosts = (ghosts + leases.map { ($0, worker) }).suffix(50)
        alive.removeAll { $0 == worker }
        silent.remove(worker)
        harness.disconnect(worker)
        if draw(0...1) == 0 { letTimePass(.milliseconds(draw(1...500))) }
        if draw(0...2) > 0 { alive.append(try harness.connect(slots: draw(1...3), as: worker, holding: leases)) }
    }

    private mutating func restart() throws {
        let before = alive.map { ($0, harness.leases(of: $0)) }
        ghosts = (ghosts + before.flatMap { worker, leases in leases.map { ($0, worker) } }).suffix(50)
        try harness.restart(after: .milliseconds(draw(1...60_000)))
        alive = []
        silent = []
        for (worker, leases) in before where draw(0...3) > 0 {
            // A worker without leases is not known after a restart, and gets a new identifier.
            if harness.scheduler.pool[worker] == nil {
                alive.append(try harness.connect(slots: 2))
            } else {
                alive.append(try harness.connect(slots: 2, as: worker, holding: leases))
            }
        }
    }

    private mutating func redrive() throws {
        _ = try harness.perform { scheduler, now, decision throws(SchedulerRefusal) in
            try scheduler.deadRedriven(job: nil, index: nil, at: now, into: &decision)
        }
    }

    private mutating func letTimePass(_ duration: Duration) {
        harness.wait(duration, silent: silent)
        alive.removeAll { harness.held[$0] == nil }
        silent.formIntersection(alive)
    }

    /// The faults stop: two workers stay and finish all that comes to them.
    mutating func heal() throws {
        for worker in alive { harness.disconnect(worker) }
        let healthy = [try harness.connect(slots: 2), try harness.connect(slots: 2)]
        for job in jobs where harness.summary(job)?.isSealed == false && harness.state(job) == .open {
            try harness.seal(job)
        }
        for _ in 0..<200 where harness.counters.jobsOpen > 0 {
            harness.workOff(on: healthy)
            harness.wait(.seconds(1))
        }
    }

    func check() {
        for job in jobs { #expect(harness.state(job)?.isFinal == true, "job \(job) is \(harness.state(job) as Any)") }
        #expect(harness.counters.jobsOpen == 0)
        #expect(harness.counters.leasesRunning == 0)
        #expect(harness.counters.tasksReady == 0)
        #expect(harness.scheduler.delayed.isEmpty)
        for (job, entry) in harness.scheduler.ledger.jobs {
            let states = entry.images.map(\.state)
            #expect(entry.counts.imagesDone == states.filter { $0 == .done }.count, "job \(job)")
            #expect(
                entry.counts.imagesFailed == states.filter { $0 == .failed || $0 == .deadLettered }.count, "job \(job)")
            #expect(entry.progress.isEmpty)
            if entry.counts.imagesDone == entry.counts.images {
                #expect(entry.counts.tasksDone == entry.counts.tasksTotal)
                #expect(entry.counts.pixelsDone == entry.counts.pixelsTotal)
            }
        }
        checkCommits()
    }

    /// No task is completed twice, unless its image started over between; no image has two results.
    private func checkCommits() {
        var completed: Set<TaskID> = []
        var results: Set<ImageID> = []
        for record in harness.journal {
            switch record {
            case .taskCompleted(let lease, _, _):
                #expect(completed.insert(lease.task).inserted, "\(lease.task) was completed twice")
            case .imageRestarted(let image), .imageRedriven(let image), .imageReplanned(let image, _):
                completed = completed.filter { $0.image != image }
            case .imageCompleted(let image, _, _):
                #expect(results.insert(image).inserted, "\(image) was completed twice")
            default: break
            }
        }
    }
}
