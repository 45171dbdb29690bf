import JobModel
import Testing

@testable import Scheduler

// Blame, votes and quarantines of workers.

extension AuditTests {
    @Test func `a quarantine survives the master, a restart of the worker, and ends with the operator's word`() throws {
        let (harness, workers, _) = try withFaultyHistory()
        harness.workOff(on: workers)
        try harness.restart()
        for (worker, name) in zip(workers, ["a", "b", "c"]) { try harness.connect(name, as: worker) }
        #expect(harness.status(workers[0])?.state == .quarantined, "by its number")
        harness.disconnect(workers[0])
        let again = try harness.connect("a")
        #expect(again != workers[0])
        #expect(harness.status(again)?.state == .quarantined, "by its name: the machine is the same")
        let job = try harness.submit(images: 4)
        #expect(harness.leases(of: again).isEmpty)
        #expect(throws: SchedulerRefusal.self) { try harness.release("b") }
        #expect(Set(try harness.release("a")) == [workers[0], again])
        #expect(harness.status(again)?.state == .alive)
        #expect(!harness.leases(of: again).isEmpty)
        harness.workOff(on: [again, workers[1], workers[2]])
        #expect(harness.state(job) == .done)
        try harness.restart()
        try harness.connect("a", as: again)
        #expect(harness.status(again)?.state == .alive)
    }

    @Test func `a worker that was started again since is quarantined with its earlier run, one beside it is not`()
        throws
    {
        let harness = try SchedulerHarness(Self.configuration())
        let first = try harness.connect("a")
        let beside = try harness.connect("a")
        let (second, third) = (try harness.connect("b"), try harness.connect("c"))
        try harness.submit(images: 4, audit: .all)
        harness.finish(try #require(harness.leases(of: first).first), on: first, mistake: "!")
        harness.disconnect(first)
        harness.wait(.milliseconds(10))
        let again = try harness.connect("a")
        harness.workOff(on: [second, third, beside, again])
        #expect(harness.quarantined == [first, again])
    }

    @Test func `an auditor's band is compared with the plan before it is a part of an opinion`() throws {
        let (harness, workers) = try Self.cluster(2)
        let job = try harness.submit("rows", rows: 8, audit: .all)
        try finish(harness, on: try #require(holder(harness, workers)))
        var audit: (lease: LeaseID, auditor: WorkerID)?
        for _ in 0..<100 where audit == nil {
            for worker in workers {
                guard let lease = harness.leases(of: worker).first else { continue }
                if lease.task.step == .decode { audit = (lease, worker) } else { harness.finish(lease, on: worker) }
            }
        }
        let (lease, auditor) = try #require(audit)
        harness.perform {
            $0.bandPublished(lease, band: 0, blob: .named("1.0.band-0", 1), by: auditor, at: $1, into: &$2)
        }
        #expect(harness.summary(job)?.counts.attemptsFailed == 1)
        #expect(harness.quarantined.isEmpty)
    }

    @Test func `an auditor's result is compared with the store before it is an opinion`() throws {
        let (harness, workers) = try Self.cluster(3)
        let job = try harness.submit(audit: .all)
        try finish(harness, on: try #require(holder(harness, workers)))
        let auditor = try #require(holder(harness, workers))
        let audit = harness.leases(of: auditor)[0]
        let output = harness.output(of: audit.task)
        let payload = try #require(output.payload)
        #expect(harness.report(output, for: audit, by: auditor, [payload.digest: payload.byteCount + 1]) != nil)
        #expect(harness.summary(job)?.counts.attemptsFailed == 1)
        #expect(harness.quarantined.isEmpty)
    }

    @Test func `where two differ, and the third fails again and again, nobody gets either result`() throws {
        let (harness, workers) = try Self.cluster(3)
        let job = try harness.submit(audit: .all)
        let first = try #require(holder(harness, workers))
        try finish(harness, on: first, mistake: "!")
        let second = try #require(holder(harness, workers))
        try finish(harness, on: second)
        for _ in 0..<20 where harness.state(job)?.isFinal != true {
            guard let third = holder(harness, workers), let lease = harness.leases(of: third).first else {
                harness.wait(.seconds(1))
                continue
            }
            harness.fail(lease, on: third, .rankLost)
        }
        #expect(harness.image(job)?.state == .deadLettered)
        #expect(harness.image(job)?.failure?.cause == .disputed)
        #expect(harness.image(job)?.failure?.reason.contains("failed 4 times") == true)
        #expect(harness.quarantined.isEmpty)
    }

    @Test func `a worker that was started many times is quarantined with all its runs, in one go`() throws {
        let (harness, workers) = try Self.cluster(3)
        let job = try harness.submit(audit: .all)
        let first = try #require(holder(harness, workers))
        let name = try #require(harness.status(first)?.name)
        try finish(harness, on: first, mistake: "!")
        harness.disconnect(first)
        for _ in 0..<100 {
            harness.wait(.milliseconds(10))
            harness.disconnect(try harness.connect(name))
        }
        let recordCount = harness.journal.count
        harness.workOff(on: workers.filter { $0 != first })
        #expect(harness.state(job) == .done)
        #expect(harness.quarantined.contains(first), "the one of which there is evidence")
        #expect(harness.journal.count - recordCount < 200)
        let latest = try harness.connect(name)
        #expect(harness.status(latest)?.state == .quarantined)
        try harness.release(name)
        #expect(harness.status(latest)?.state == .alive)
    }

    @Test func `one opinion against a quarantined author blames nobody else`() throws {
        let (harness, workers) = try Self.cluster(4)
        let job = try harness.submit("rows", rows: 8, audit: .all)
        let author = try #require(holder(harness, workers))
        let decode = try #require(harness.leases(of: author).first)
        harness.publish(0, of: decode, on: author)
        harness.disconnect(author)
        let second = try #require(holder(harness, workers))
        harness.workOff(on: [second])
        let auditor = try #require(workers.first { $0 != second && !harness.leases(of: $0).isEmpty })
        harness.perform { $0.quarantine(author, shownBy: decode, at: $1, into: &$2) }
        for lease in harness.leases(of: auditor) where lease.task.step == .decode {
            harness.finish(lease, on: auditor, mistake: "!")
        }
        #expect(harness.quarantined == [author])
        #expect(harness.state(job) == .running)
    }

    @Test func `a machine has one voice, however often its worker is started`() throws {
        let (harness, workers) = try Self.cluster(2)
        let job = try harness.submit(audit: .all)
        let first = try #require(holder(harness, workers))
        try finish(harness, on: first)
        let faulty = try #require(holder(harness, workers))
        try finish(harness, on: faulty, mistake: "!")
        let name = try #require(harness.status(faulty)?.name)
        harness.disconnect(faulty)
        harness.wait(.milliseconds(10))
        let again = try harness.connect(name)
        harness.wait(.seconds(10))
        #expect(harness.leases(of: again).isEmpty, "its opinion is known")
        let third = try harness.connect("third")
        harness.workOff(on: [third])
        #expect(harness.quarantined == [faulty, again])
        #expect(harness.state(job) == .done)
        #expect(harness.image(job)?.result == .named("1.0/whole.payload", 100))
    }

    @Test func `a worker that is started again does not confirm what it computed before`() throws {
        let (harness, workers) = try Self.cluster(1)
        let job = try harness.submit(audit: .all)
        try finish(harness, on: workers[0], mistake: "!")
        harness.disconnect(workers[0])
        harness.wait(.milliseconds(10))
        let again = try harness.connect("a")
        harness.wait(.seconds(10))
        #expect(harness.leases(of: again).isEmpty)
        #expect(harness.state(job) == .running)
    }

    @Test func `an image whose worker is not there any more after a restart of the master starts over`() throws {
        let (harness, workers) = try Self.cluster(1)
        let job = try harness.submit(audit: .all)
        try finish(harness, on: workers[0], mistake: "!")
        #expect(harness.state(job) == .running)
        try harness.restart()
        let others = [try harness.connect("b"), try harness.connect("c")]
        harness.wait(.seconds(10))
        #expect(others.allSatisfy { harness.leases(of: $0).isEmpty }, "the worker may come back, and tell its name")
        harness.wait(.seconds(30))
        harness.workOff(on: others)
        #expect(harness.state(job) == .done)
        #expect(harness.image(job)?.result == .named("1.0/whole.payload", 100))
        #expect(harness.quarantined.isEmpty)
    }

    @Test func `a worker keeps its number when the master restarts, though it held nothing`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect("a")
        try harness.restart()
        #expect(try harness.connect("a", as: worker) == worker)
        let stranger = WorkerID(4_711)
        #expect(try harness.connect("b", as: stranger) != stranger, "a number that was never given out is not kept")
    }
}
