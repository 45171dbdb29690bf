import JobModel
import Testing

@testable import Scheduler

@Suite struct RecoveryTests {
    @Test func `after a restart a lease waits for its holder, which goes on with the same attempt`() throws {
        let play = try Rehearsal()
        let worker = try play.connect(slots: 2)
        let job = try play.submit(images: 2)
        let leases = play.leases(of: worker)
        try play.restart()
        let other = try play.connect("other")
        #expect(play.leases(of: other).isEmpty, "both tasks are still running somewhere")
        play.wait(.seconds(10))
        let attempts = play.journal.filter { $0.kind == .attemptStarted }.count
        try play.connect(slots: 2, as: worker, holding: leases)
        #expect(play.dropped.isEmpty)
        #expect(play.leases(of: worker) == leases)
        #expect(play.journal.filter { $0.kind == .attemptStarted }.count == attempts)
        play.workOff(on: [worker])
        #expect(play.state(job) == .done)
    }

    @Test func `a holder that does not come back within lease and grace loses its leases`() throws {
        let play = try Rehearsal()
        try play.connect()
        try play.submit()
        try play.restart()
        let other = try play.connect("other")
        play.wait(.milliseconds(14_900))
        #expect(play.leases(of: other).isEmpty)
        play.wait(.milliseconds(200))
        #expect(play.leases(of: other).map(\.attempt) == [2])
    }

    @Test func `a holder that comes back without the lease loses it at once`() throws {
        let play = try Rehearsal()
        let worker = try play.connect()
        try play.submit()
        try play.restart()
        try play.connect(as: worker)
        #expect(play.leases(of: worker).map(\.attempt) == [2])
    }

    @Test func `a result that comes after the restart counts`() throws {
        let play = try Rehearsal()
        let worker = try play.connect()
        let job = try play.submit()
        let lease = play.leases(of: worker)[0]
        try play.restart()
        try play.connect(as: worker, holding: [lease])
        play.finish(lease, on: worker)
        #expect(play.state(job) == .done)
    }

    @Test func `an image whose tasks were all done is assembled again`() throws {
        let play = try Rehearsal()
        let worker = try play.connect(slots: 4)
        let job = try play.submit("rows", rows: 8)
        while play.assemblies.isEmpty { try play.finishNext(on: worker) }
        let order = play.assemblies
        try play.restart()
        #expect(play.assemblies == order)
        play.assemble(ImageID(job: job, index: 0))
        #expect(play.state(job) == .done)
    }

    @Test func `identifiers go on where they were`() throws {
        let play = try Rehearsal()
        let worker = try play.connect()
        let job = try play.submit()
        try play.finishNext(on: worker)
        try play.restart()
        #expect(try play.submit() > job)
        #expect(try play.connect() > worker)
    }

    @Test func `images that were waiting, running, done and dead are all where they were`() throws {
        let play = try Rehearsal()
        let worker = try play.connect(slots: 3)
        let job = try play.submit("rows", images: 6, maximumAttempts: 1, rows: 8)
        play.finish(play.leases(of: worker)[0], on: worker)
        play.fail(play.leases(of: worker).first { $0.task.image.index == 1 }!, on: worker, .rankLost)
        let states = (0..<6).map { play.image(job, $0)?.state }
        try play.restart()
        #expect((0..<6).map { play.image(job, $0)?.state } == states)
        play.wait(.seconds(20))
        let fresh = try play.connect("fresh", slots: 3)
        play.workOff(on: [fresh])
        #expect(play.state(job) == .partlyFailed)
        #expect(play.summary(job)?.counts.imagesDone == 5)
        #expect(play.dead(ImageID(job: job, index: 1))?.attempts.count == 1)
    }

    @Test func `a journal that does not fit together is refused`() throws {
        let play = try Rehearsal()
        let worker = try play.connect()
        try play.submit()
        try play.finishNext(on: worker)
        for missing in play.journal.indices.dropLast() {
            var records = play.journal
            records.remove(at: missing)
            #expect(throws: ReplayError.self, "without \(play.journal[missing])") {
                var fresh = try Scheduler(configuration: SchedulerConfiguration(), planner: ScriptedPlanner())
                for record in records { try fresh.replay(record) }
            }
        }
    }
}
