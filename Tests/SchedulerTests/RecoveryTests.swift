import JobModel
import Testing

@testable import Scheduler

@Suite struct RecoveryTests {
    @Test func `after a restart a lease waits for its holder, which continues the same attempt`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect(slots: 2)
        let job = try harness.submit(images: 2)
        let leases = harness.leases(of: worker)
        try harness.restart()
        let other = try harness.connect("other")
        #expect(harness.leases(of: other).isEmpty, "both tasks are still running somewhere")
        harness.wait(.seconds(10))
        let attempts = harness.journal.filter { $0.kind == .attemptStarted }.count
        try harness.connect(slots: 2, as: worker, holding: leases)
        #expect(harness.dropped.isEmpty)
        #expect(harness.leases(of: worker) == leases)
        #expect(harness.journal.filter { $0.kind == .attemptStarted }.count == attempts)
        harness.workOff(on: [worker])
        #expect(harness.state(job) == .done)
    }

    @Test func `a holder that does not come back within lease and grace loses its leases`() throws {
        let harness = try SchedulerHarness()
        try harness.connect()
        try harness.submit()
        try harness.restart()
        let other = try harness.connect("other")
        harness.wait(.milliseconds(14_900))
        #expect(harness.leases(of: other).isEmpty)
        harness.wait(.milliseconds(200))
        #expect(harness.leases(of: other).map(\.attempt) == [2])
    }

    @Test func `a holder that comes back without the lease loses it at once`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect()
        try harness.submit()
        try harness.restart()
        try harness.connect(as: worker)
        #expect(harness.leases(of: worker).map(\.attempt) == [2])
    }

    @Test func `a result that comes after the restart counts`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect()
        let job = try harness.submit()
        let lease = harness.leases(of: worker)[0]
        try harness.restart()
        try harness.connect(as: worker, holding: [lease])
        harness.finish(lease, on: worker)
        #expect(harness.state(job) == .done)
    }

    @Test func `an image whose tasks were all done is assembled again`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect(slots: 4)
        let job = try harness.submit("rows", rows: 8)
        while harness.assemblies.isEmpty { try harness.finishNext(on: worker) }
        let order = harness.assemblies
        try harness.restart()
        #expect(harness.assemblies == order)
        harness.assemble(ImageID(job: job, index: 0))
        #expect(harness.state(job) == .done)
    }

    @Test func `identifiers continue where they were`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect()
        let job = try harness.submit()
        try harness.finishNext(on: worker)
        try harness.restart()
        #expect(try harness.submit() > job)
        #expect(try harness.connect() > worker)
    }

    @Test func `images that were waiting, running, done and dead are all where they were`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect(slots: 3)
        let job = try harness.submit("rows", images: 6, maximumAttempts: 1, rows: 8)
        harness.finish(harness.leases(of: worker)[0], on: worker)
        harness.fail(harness.leases(of: worker).first { $0.task.image.index == 1 }!, on: worker, .rankLost)
        let states = (0..<6).map { harness.image(job, $0)?.state }
        try harness.restart()
        #expect((0..<6).map { harness.image(job, $0)?.state } == states)
        harness.wait(.seconds(20))
        let fresh = try harness.connect("fresh", slots: 3)
        harness.workOff(on: [fresh])
        #expect(harness.state(job) == .partlyFailed)
        #expect(harness.summary(job)?.counts.imagesDone == 5)
        #expect(harness.dead(ImageID(job: job, index: 1))?.attempts.count == 1)
    }

    @Test func `a journal that does not fit together is refused`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect()
        try harness.submit()
        try harness.finishNext(on: worker)
        for missing in harness.journal.indices.dropLast() {
            // Identifiers may have been reserved by a release that wrote no record of it.
            if case .workersReserved = harness.journal[missing] { continue }
            var records = harness.journal
            records.remove(at: missing)
            #expect(throws: ReplayError.self, "without \(harness.journal[missing])") {
                var fresh = try Scheduler(configuration: SchedulerConfiguration(), planner: ScriptedPlanner())
                for record in records { try fresh.replay(record) }
            }
        }
    }
}
