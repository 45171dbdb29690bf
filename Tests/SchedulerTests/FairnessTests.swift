import JobModel
import Testing

@testable import Scheduler

/// Nobody starves: the bounds that `TaskQueue` states, on the whole scheduler.
///
/// A turn is one task handed out. All images have 80 pixels unless a test says otherwise, so that turns measure shares.
@Suite struct FairnessTests {
    private static let slotCount = 4

    private func harness(_ change: (inout SchedulerConfiguration) -> Void = { _ in }) throws -> SchedulerHarness {
        var configuration = SchedulerConfiguration()
        configuration.prefetchPerSlot = 0
        change(&configuration)
        let harness = try SchedulerHarness(configuration)
        // Replay is checked elsewhere; here there are too many images to compare all after every event.
        harness.checksReplay = false
        return harness
    }

    /// Lets the worker work until all images of `job` are done.
    /// - Returns: the turns that went to other jobs before.
    private func turnsOfOthers(
        until job: JobID, isDoneBy worker: WorkerID, in harness: SchedulerHarness, _ end: (LeaseID) -> Void
    ) throws -> Int {
        var turns = 0
        while harness.state(job)?.isFinal != true {
            let lease = try #require(harness.leases(of: worker).first)
            if lease.task.image.job == job { harness.finish(lease, on: worker) } else { end(lease) }
            turns += lease.task.image.job == job ? 0 : 1
        }
        return turns
    }

    @Test(arguments: [(1, 10_000), (5, 100_000), (40, 10_000)])
    func `a small job behind another submitter's 100,000 images waits for no more than its fair share`(
        imageCount: Int, batchCount: Int
    ) throws {
        let harness = try harness()
        try harness.submit(images: batchCount, by: "batch")
        let worker = try harness.connect(slots: Self.slotCount)
        for _ in 0..<500 { try harness.finishNext(on: worker) }
        let small = try harness.submit(images: imageCount, by: "small")
        let turns = try turnsOfOthers(until: small, isDoneBy: worker, in: harness) { harness.finish($0, on: worker) }
        // Of two submitters' turns half; one more because it comes in the middle of one; and what had begun already.
        #expect(turns <= imageCount + 1 + Self.slotCount)
    }

    @Test func `among many submitters each waits for no more than its fair share`() throws {
        let harness = try harness()
        for number in 0..<20 { try harness.submit(images: 1_000, by: "batch \(number)") }
        let worker = try harness.connect(slots: Self.slotCount)
        for _ in 0..<500 { try harness.finishNext(on: worker) }
        let small = try harness.submit(images: 10, by: "small")
        let turns = try turnsOfOthers(until: small, isDoneBy: worker, in: harness) { harness.finish($0, on: worker) }
        #expect(turns <= 20 * (10 + 1) + Self.slotCount)
    }

    @Test func `a flood of retries is paid for by its own submitter`() throws {
        let harness = try harness {
            $0.firstBackoff = .zero
            $0.longestBackoff = .zero
        }
        // Every attempt fails at once, and is made again at once.
        let flood = try harness.submit(images: 1_000, by: "flood", maximumAttempts: 1_000_000)
        let worker = try harness.connect(slots: Self.slotCount)
        func failAgain(_ lease: LeaseID) { harness.fail(lease, on: worker, .rankLost) }
        for _ in 0..<500 { failAgain(try #require(harness.leases(of: worker).first)) }
        let small = try harness.submit(images: 100, by: "small")
        let turns = try turnsOfOthers(until: small, isDoneBy: worker, in: harness, failAgain)
        #expect(turns <= 100 + 1 + Self.slotCount)
        #expect(harness.summary(flood)?.counts.attemptsLost ?? 0 >= 600, "the flood continued")
    }

    @Test func `a small job does not wait behind a batch of the same submitter`() throws {
        let harness = try harness { $0.interactivePixels = 1_000 }
        try harness.submit(images: 10_000, by: "ann")
        let worker = try harness.connect(slots: Self.slotCount)
        for _ in 0..<500 { try harness.finishNext(on: worker) }
        let small = try harness.submit(images: 10, by: "ann")
        let turns = try turnsOfOthers(until: small, isDoneBy: worker, in: harness) { harness.finish($0, on: worker) }
        #expect(turns <= 10 + 1 + Self.slotCount)
    }

    @Test func `small jobs of the same submitter leave a batch its half`() throws {
        let harness = try harness { $0.interactivePixels = 1_000 }
        let batch = try harness.submit(images: 200, by: "ann")
        let worker = try harness.connect(slots: Self.slotCount)
        var turns = 0
        while harness.state(batch)?.isFinal != true {
            while harness.counters.jobsOpen < 5 { try harness.submit(images: 10, by: "ann") }
            try harness.finishNext(on: worker)
            turns += 1
        }
        #expect(turns <= 2 * 200 + 2 + Self.slotCount)
    }

    @Test func `a job becomes a batch when it grows, also after a restart of the master`() throws {
        let harness = try harness { $0.interactivePixels = 1_000 }
        let growing = try harness.submit(images: 10, by: "ann", sealed: false)
        try harness.add(500, to: growing, from: 10)
        try harness.restart()
        let small = try harness.submit(images: 10, by: "ann")
        let worker = try harness.connect(slots: 1)
        let turns = try turnsOfOthers(until: small, isDoneBy: worker, in: harness) { harness.finish($0, on: worker) }
        #expect(turns <= 10 + 1 + 1)
    }

    @Test func `every priority gets a turn in a bounded time`() throws {
        let harness = try harness()
        let levels: [Int32] = [7, 0, -5, -100]
        let jobs = try levels.map { try harness.submit(images: 2_000, priority: $0) }
        let worker = try harness.connect(slots: 1)
        var latest = [Int](repeating: 0, count: levels.count)
        var longest = latest
        for turn in 1...1_000 {
            let lease = try #require(harness.leases(of: worker).first)
            let level = try #require(jobs.firstIndex(of: lease.task.image.job))
            longest[level] = max(longest[level], turn - latest[level])
            latest[level] = turn
            harness.finish(lease, on: worker)
        }
        #expect(longest[0] <= 2, "the highest is hardly held up")
        let bound = (TaskQueue.priorityBurst + 1) * (levels.count - 1)
        #expect(longest.dropFirst().allSatisfy { $0 <= bound }, "\(longest)")
    }

    @Test func `a higher priority overtakes the rest of a batch`() throws {
        let harness = try harness()
        try harness.submit(images: 10_000, by: "ann")
        let worker = try harness.connect(slots: Self.slotCount)
        for _ in 0..<100 { try harness.finishNext(on: worker) }
        let urgent = try harness.submit(images: 30, by: "ann", priority: 1)
        let turns = try turnsOfOthers(until: urgent, isDoneBy: worker, in: harness) { harness.finish($0, on: worker) }
        #expect(turns <= 30 / TaskQueue.priorityBurst + Self.slotCount)
    }
}
