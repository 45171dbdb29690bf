import JobModel
import Testing

@testable import Scheduler

/// Master and workers of different releases, whose results have other bytes.
@Suite struct ReleaseTests {
    private let next = JobOptions.currentResultRevision + 1

    @Test func `a worker of another release is refused, and can come back as the right one`() throws {
        let play = try Rehearsal()
        let job = try play.submit()
        let refusal = SchedulerRefusal.releaseDiffers(worker: next, master: JobOptions.currentResultRevision)
        #expect(throws: refusal) { try play.connect(revision: next) }
        #expect(play.counters.workersConnected == 0)
        #expect(refusal.description.contains("install the same release"))
        play.workOff(on: [try play.connect()])
        #expect(play.state(job) == .done)
    }

    @Test func `a job is of its master's release, whatever the client says`() throws {
        var configuration = SchedulerConfiguration()
        configuration.resultRevision = next
        let play = try Rehearsal(configuration)
        let worker = try play.connect()
        let job = try play.submit()
        #expect(play.summary(job)?.description.options.resultRevision == next)
        play.workOff(on: [worker])
        #expect(play.image(job)?.resultRevision == next)
    }

    @Test func `a master of another release starts images over that were begun, and keeps those that are done`() throws
    {
        let play = try Rehearsal()
        let worker = try play.connect(slots: 8)
        let job = try play.submit("rows", images: 3, rows: 8)
        while play.assemblies.isEmpty { try play.finishNext(on: worker) }
        play.assemble(ImageID(job: job, index: 0))
        let chunk = try #require(play.leases(of: worker).first { $0.task.image.index == 1 })
        play.finish(chunk, on: worker)
        let held = play.leases(of: worker)
        #expect(!held.isEmpty)
        #expect(play.image(job, 1)?.state == .running)

        try play.restart(revision: next)
        #expect(play.journal.last == .jobRevised(job, resultRevision: next))
        #expect((0..<3).map { play.image(job, $0)?.state } == [.done, .waiting, .waiting])
        #expect(play.summary(job)?.counts.tasksDone == play.image(job, 0)?.tasksTotal)

        // The attempts of before belong to nobody any more, even if their worker has the new release meanwhile.
        let fresh = try play.connect(slots: 8, as: worker, holding: held)
        #expect(Set(play.dropped) == Set(held))
        play.finish(chunk, on: fresh)
        #expect(play.image(job, 1)?.tasksDone == 0)
        play.workOff(on: [fresh])
        #expect(play.state(job) == .done)
        #expect((0..<3).map { play.image(job, $0)?.resultRevision } == [next - 1, next, next])

        // The next start has nothing to revise.
        let count = play.journal.count
        try play.restart()
        #expect(play.journal.count == count)
    }

    @Test func `starting over with another release does not count as a loss of blobs`() throws {
        var configuration = SchedulerConfiguration()
        configuration.maximumRestarts = 1
        let play = try Rehearsal(configuration)
        try play.connect()
        let job = try play.submit("rows", rows: 8)
        try play.restart(revision: next)
        play.wait(.seconds(20))
        let worker = try play.connect()
        play.perform { $0.blobsLost(of: ImageID(job: job, index: 0), at: $1, into: &$2) }
        play.workOff(on: [worker])
        #expect(play.state(job) == .done)
    }

    @Test func `a dead letter that another release redrives is of that one`() throws {
        let play = try Rehearsal()
        let worker = try play.connect()
        let job = try play.submit(images: 2, maximumAttempts: 1)
        play.fail(play.leases(of: worker)[0], on: worker, .rankLost)
        play.workOff(on: [worker])
        #expect(play.state(job) == .partlyFailed)

        try play.restart(revision: next)
        #expect(play.journal.last != .jobRevised(job, resultRevision: next), "it had ended")
        try play.redrive(job)
        play.workOff(on: [try play.connect()])
        #expect(play.state(job) == .done)
        #expect(Set((0..<2).map { play.image(job, $0)?.resultRevision }) == [next - 1, next])
    }
}
