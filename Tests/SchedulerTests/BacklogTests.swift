import JobModel
import Testing

@testable import Scheduler

/// How much work is left, in the time of one slot. The harness checks after every event that the amount is what a scan finds.
@Suite struct BacklogTests {
    /// Nominal microseconds of a whole image of 10 x 8 pixels: the time of a task, and 3 for the pixels.
    private static let nominal = 10_003

    private func finishFirst(of worker: WorkerID, after duration: Duration, _ harness: SchedulerHarness) throws {
        harness.wait(duration)
        harness.finish(try #require(harness.leases(of: worker).first), on: worker)
    }

    @Test func `before any task has ended, the work is guessed by its size`() throws {
        let harness = try SchedulerHarness()
        #expect(harness.counters.backlog == .zero && harness.counters.tasksOpen == 0)
        try harness.submit(images: 5)
        #expect(harness.counters.tasksOpen == 5)
        #expect(harness.counters.backlog == .microseconds(5 * Self.nominal))
    }

    @Test func `a task that ended tells how long its like take`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect()
        try harness.submit(images: 5)
        try finishFirst(of: worker, after: .seconds(2), harness)
        #expect(harness.counters.tasksOpen == 4)
        let backlog = harness.counters.backlog
        #expect(backlog > .seconds(7.999) && backlog < .seconds(8.001), "\(backlog)")
    }

    @Test func `the part of a cut image that is done is not left`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect()
        let job = try harness.submit("rows", rows: 24)
        let all = try #require(harness.image(job)).tasksTotal
        #expect(harness.counters.tasksOpen == Int(all))
        try finishFirst(of: worker, after: .seconds(1), harness)
        #expect(harness.counters.tasksOpen == Int(all) - 1)
        let backlog = harness.counters.backlog
        let expected = Duration.seconds(1) * (Double(all) - 1)
        #expect(abs((backlog - expected) / .seconds(1)) < 0.01, "\(backlog), expected \(expected)")

        // It starts over: all of it is left again.
        harness.perform { $0.blobsLost(of: ImageID(job: job, index: 0), at: $1, into: &$2) }
        #expect(harness.counters.tasksOpen == Int(all))
    }

    @Test func `each pipeline has its own pace, and a new one that of all`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect()
        let slow = try harness.submit("whole", images: 2)
        try finishFirst(of: worker, after: .seconds(10), harness)
        try harness.cancel(slow)
        // Another pipeline has no measure of its own yet.
        let other = try harness.submit("rows", rows: 4)
        let count = try #require(harness.image(other)).tasksTotal
        let guess = harness.counters.backlog
        #expect(guess > .seconds(9) * Int(count) && guess < .seconds(11) * Int(count), "\(guess)")
        try finishFirst(of: worker, after: .seconds(1), harness)
        let own = harness.counters.backlog
        #expect(own > .seconds(0.9) * (Int(count) - 1) && own < .seconds(1.1) * (Int(count) - 1), "\(own)")
        // The first pipeline's pace is remembered as long as a job of it is.
        try harness.cancel(other)
        try harness.submit("whole", images: 3)
        let again = harness.counters.backlog
        #expect(again > .seconds(29.9) && again < .seconds(30.1), "\(again)")
    }

    @Test func `what has ended, however it ended, is not left`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect(slots: 3)
        let job = try harness.submit(images: 3, maximumAttempts: 1)
        harness.fail(harness.leases(of: worker)[0], on: worker, .corruptInput)
        harness.fail(harness.leases(of: worker)[0], on: worker, .rankLost)
        #expect(harness.counters.tasksOpen == 1)
        #expect(harness.counters.deadLetters == 1)
        try harness.redrive(job)
        #expect(harness.counters.tasksOpen == 2)
        try harness.cancel(job)
        #expect(harness.counters.tasksOpen == 0 && harness.counters.backlog == .zero)
        try harness.forget(job)
        #expect(harness.counters.tasksOpen == 0 && harness.counters.backlog == .zero)
    }

    @Test func `tasks that wait for a second opinion are left to do`() throws {
        let (harness, workers) = try AuditTests.cluster(1)
        let worker = workers[0]
        try harness.submit(images: 1, audit: .all)
        try finishFirst(of: worker, after: .seconds(3), harness)
        #expect(harness.counters.auditsWaiting == 1)
        #expect(harness.counters.tasksOpen == 1)
        let backlog = harness.counters.backlog
        #expect(backlog > .seconds(2.9) && backlog < .seconds(3.1), "\(backlog)")
    }

    @Test func `after a restart the amount is known, and its time guessed again`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect()
        try harness.submit(images: 5)
        try finishFirst(of: worker, after: .seconds(2), harness)
        try harness.restart()
        #expect(harness.counters.tasksOpen == 4)
        #expect(harness.counters.backlog == .microseconds(4 * Self.nominal))
    }

    @Test func `the latest tasks count most`() {
        var pace = Backlog.Pace()
        for _ in 0..<100 { pace.add(.seconds(60), nominal: 60_000_000) }
        for _ in 0..<40 { pace.add(.seconds(6), nominal: 60_000_000) }
        let factor = pace.factor ?? 0
        #expect(factor < 0.15, "\(factor): the machines are ten times as fast now")
    }
}
