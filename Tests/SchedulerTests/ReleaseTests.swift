import JobModel
import Testing

@testable import Scheduler

/// Master and workers of different releases, whose results have other bytes.
@Suite struct ReleaseTests {
    private let next = JobOptions.currentResultRevision + 1

    @Test func `a worker of another release is refused, and can come back as the right one`() throws {
        let harness = try SchedulerHarness()
        let job = try harness.submit()
        let refusal = SchedulerRefusal.releaseDiffers(worker: next, master: JobOptions.currentResultRevision)
        #expect(throws: refusal) { try harness.connect(revision: next) }
        #expect(harness.counters.workersConnected == 0)
        #expect(refusal.description.contains("install the same release"))
        harness.workOff(on: [try harness.connect()])
        #expect(harness.state(job) == .done)
    }

    @Test func `a job is of its master's release, whatever the client says`() throws {
        var configuration = SchedulerConfiguration()
        configuration.resultRevision = next
        let harness = try SchedulerHarness(configuration)
        let worker = try harness.connect()
        let job = try harness.submit()
        #expect(harness.summary(job)?.description.options.resultRevision == next)
        harness.workOff(on: [worker])
        #expect(harness.image(job)?.resultRevision == next)
    }

    @Test func `a job that an earlier release stored keeps what its pipeline meant then`() throws {
        var configuration = SchedulerConfiguration()
        configuration.resultRevision = 3
        let harness = try SchedulerHarness(configuration, planner: CatalogueImagePlanner())
        let job = try harness.submit("gamma gamma=2 | components")
        let opened = harness.journal.compactMap { record -> String? in
            guard case .jobOpened(let description) = record else { return nil }
            return description.pipeline
        }
        #expect(opened == ["gamma gamma=2 | components"])
        let today = "gamma gamma=0.5 | components output=labels"
        #expect(harness.summary(job)?.description.pipeline == today)
        try harness.restart(revision: JobOptions.currentResultRevision)
        #expect(harness.summary(job)?.description.pipeline == today)
        // What is submitted now means what it says.
        let other = try harness.submit("gamma gamma=2 | components")
        #expect(harness.summary(other)?.description.pipeline == "gamma gamma=2 | components")
    }

    @Test func `a master of another release starts images over that were begun, and keeps those that are done`() throws
    {
        let harness = try SchedulerHarness()
        let worker = try harness.connect(slots: 8)
        let job = try harness.submit("rows", images: 3, rows: 8)
        while harness.assemblies.isEmpty { try harness.finishNext(on: worker) }
        harness.assemble(ImageID(job: job, index: 0))
        let chunk = try #require(harness.leases(of: worker).first { $0.task.image.index == 1 })
        harness.finish(chunk, on: worker)
        let held = harness.leases(of: worker)
        #expect(!held.isEmpty)
        #expect(harness.image(job, 1)?.state == .running)

        try harness.restart(revision: next)
        #expect(harness.journal.last == .jobRevised(job, resultRevision: next))
        #expect((0..<3).map { harness.image(job, $0)?.state } == [.done, .waiting, .waiting])
        #expect(harness.summary(job)?.counts.tasksDone == harness.image(job, 0)?.tasksTotal)

        // The attempts of before belong to no worker, even if theirs has the new release by now.
        let fresh = try harness.connect(slots: 8, as: worker, holding: held)
        #expect(Set(harness.dropped) == Set(held))
        harness.finish(chunk, on: fresh)
        #expect(harness.image(job, 1)?.tasksDone == 0)
        harness.workOff(on: [fresh])
        #expect(harness.state(job) == .done)
        #expect((0..<3).map { harness.image(job, $0)?.resultRevision } == [next - 1, next, next])

        // The next start has nothing to revise.
        let count = harness.journal.count
        try harness.restart()
        #expect(harness.journal.count == count)
    }

    @Test func `starting over with another release does not count as a loss of blobs`() throws {
        var configuration = SchedulerConfiguration()
        configuration.maximumRestarts = 1
        let harness = try SchedulerHarness(configuration)
        try harness.connect()
        let job = try harness.submit("rows", rows: 8)
        try harness.restart(revision: next)
        harness.wait(.seconds(20))
        let worker = try harness.connect()
        harness.perform { $0.blobsLost(of: ImageID(job: job, index: 0), at: $1, into: &$2) }
        harness.workOff(on: [worker])
        #expect(harness.state(job) == .done)
    }

    @Test func `a dead letter that another release redrives is of that one`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect()
        let job = try harness.submit(images: 2, maximumAttempts: 1)
        harness.fail(harness.leases(of: worker)[0], on: worker, .rankLost)
        harness.workOff(on: [worker])
        #expect(harness.state(job) == .partlyFailed)

        try harness.restart(revision: next)
        #expect(harness.journal.last != .jobRevised(job, resultRevision: next), "it had ended")
        try harness.redrive(job)
        harness.workOff(on: [try harness.connect()])
        #expect(harness.state(job) == .done)
        #expect(Set((0..<2).map { harness.image(job, $0)?.resultRevision }) == [next - 1, next])
    }
}
