import JobModel
import Scheduler
import Testing

@testable import MasterMachine

@Suite struct MasterTests {
    @Test func `replies and actions come out of a turn only when its records are committed`() throws {
        let harness = try Harness()
        _ = harness.turn()
        try harness.register("one", on: 1)
        _ = harness.turn()
        try harness.submit("token", blob(1))
        harness.master.reply("sealed")
        let turn = try harness.takeTurn()
        #expect(turn.replies == ["sealed"])
        #expect(turn.records.contains { if case .attemptStarted = $0 { true } else { false } })
        let actions = harness.master.committed(turn, at: harness.now)
        #expect(actions.grants.count == 1)
        #expect(harness.turn().replies.isEmpty, "nothing is left")
    }

    @Test func `what happens while a turn is committed gathers for the next`() throws {
        let harness = try Harness()
        _ = harness.turn()
        _ = try harness.openJob("one")
        harness.master.reply("one")
        let first = try harness.takeTurn()
        _ = try harness.openJob("two")
        harness.master.reply("two")
        _ = harness.master.committed(first, at: harness.now)
        #expect(first.replies == ["one"])
        #expect(harness.turn().replies == ["two"])
    }

    @Test func `a master that ends gives no replies`() throws {
        let harness = try Harness()
        _ = try harness.openJob("one")
        harness.master.reply("one")
        harness.master.dropReplies()
        #expect(harness.turn().replies.isEmpty)
    }

    // MARK: Workers

    @Test func `only the latest link of a worker is its own`() throws {
        let harness = try Harness()
        let worker = try harness.register("one", on: 1)
        let again = WorkerRegistration(worker: worker, name: "one", slotCount: 1)
        let answer = try harness.master.registered(again, on: 2, at: harness.now)
        #expect(answer.worker == worker && answer.replaced == 1)
        #expect(!harness.isPresent(worker, on: 1))
        #expect(harness.isPresent(worker, on: 2))
        #expect(!harness.disconnect(worker, on: 1), "the old link's end does not matter")
        #expect(harness.disconnect(worker, on: 2))
        #expect(harness.master.scheduler.counters.workersConnected == 0)
    }

    @Test func `identifiers of workers are not used twice, though no record names a worker without leases`() throws {
        let harness = try Harness()
        let first = try harness.register("one", on: 1)
        let second = try harness.register("two", on: 2)
        _ = harness.turn()
        let reservations = harness.journal.filter { if case .workersReserved = $0 { true } else { false } }
        #expect(reservations == [.workersReserved(through: WorkerID(64))], "one reservation for many")
        let later = try harness.restarted(present: [])
        let third = try later.register("three", on: 3)
        #expect(third > second && second > first)
        _ = later.turn()
        #expect(later.journal.last == .workersReserved(through: WorkerID(128)))
    }

    @Test func `a worker that is silent has its link closed`() throws {
        let harness = try Harness()
        let worker = try harness.register("one", on: 7)
        _ = harness.turn()
        var closed: [Int?] = []
        for _ in 0..<40 {
            harness.pass(.milliseconds(100))
            for case .closeSilent(worker, on: let link) in harness.turn().actions { closed.append(link) }
        }
        #expect(closed == [7])
        #expect(harness.master.links[worker] == nil)
    }

    @Test func `a report that names a blob which is not there is a failed attempt`() throws {
        let harness = try Harness()
        let worker = try harness.register("one", on: 1)
        let job = try harness.submit("token", blob(1))
        let lease = try #require(harness.turn().actions.grants.first)
        let output = TaskOutput(payload: blob(2))
        #expect(harness.report(.finished(lease, output), by: worker) == blob(2))
        _ = harness.turn()
        #expect(harness.counts(of: job)?.attemptsFailed == 1)
    }

    @Test func `a report whose blob has another size, or is something else, is not believed`() throws {
        let harness = try Harness()
        let worker = try harness.register("one", on: 1)
        let job = try harness.submit("token", blob(1))
        harness.master.stored(blob(2).digest, at: harness.now)
        for (number, finding) in [([blob(2).digest: UInt64(17)], nil), ([:], "this is not a PNG")].enumerated() {
            let grants = harness.turn().actions.grants
            let lease = try #require(grants.first)
            let output = TaskOutput(payload: blob(2))
            let report = WorkerReport.finished(lease, output)
            #expect(harness.report(report, by: worker, byteCounts: finding.0, objection: finding.1) == nil)
            _ = harness.turn()
            #expect(harness.counts(of: job)?.attemptsFailed == UInt64(number + 1))
            harness.pass(.milliseconds(600))
        }
        #expect(harness.state(of: job) == .running)
        // Nobody is given what was refused.
        let second = try harness.openJob("second")
        harness.master.uploaded(blob(1), for: second, at: harness.now)
        #expect(try harness.add([blob(1)], to: second) == .added(fromCache: 0))
        #expect(harness.knows(blob(2).digest), "the blob itself did nothing wrong")
    }

    @Test func `only a file that is not there now makes a blob missing that the master believed to have`() throws {
        let harness = try Harness(present: [blob(1).digest])
        #expect(!harness.question(blob(2).digest), "nobody believed to have it")
        #expect(harness.question(blob(1).digest, isThere: true))
        #expect(harness.knows(blob(1).digest))
        #expect(harness.question(blob(1).digest, putMeanwhile: true))
        #expect(harness.knows(blob(1).digest), "it was put again since")
        #expect(harness.question(blob(1).digest))
        #expect(!harness.knows(blob(1).digest))
    }

    @Test func `a result completes its job, and answers the next identical request`() throws {
        let harness = try Harness()
        let worker = try harness.register("one", on: 1)
        let job = try harness.submit("token", blob(1))
        let lease = try #require(harness.turn().actions.grants.first)
        harness.master.stored(blob(2).digest, at: harness.now)
        #expect(harness.report(.finished(lease, TaskOutput(payload: blob(2))), by: worker) == nil)
        _ = harness.turn()
        #expect(harness.state(of: job) == .done)
        let second = try harness.openJob("second")
        harness.master.uploaded(blob(1), for: second, at: harness.now)
        #expect(try harness.add([blob(1)], to: second) == .added(fromCache: 1))
    }

    @Test func `a result that something was left out of answers nobody else`() throws {
        let harness = try Harness()
        let worker = try harness.register("one", on: 1)
        let job = try harness.submit("token", blob(1))
        let lease = try #require(harness.turn().actions.grants.first)
        harness.master.stored(blob(2).digest, at: harness.now)
        let remarks = [ImageRemark(.metadataOverLimit, count: 1, byteCount: 5)]
        _ = harness.report(.finished(lease, TaskOutput(payload: blob(2), remarks: remarks)), by: worker)
        _ = harness.turn()
        #expect(harness.state(of: job) == .done)
        for present in [harness, try harness.restarted(present: [blob(2).digest])] {
            #expect(present.master.scheduler.imageStatus(ImageID(job: job, index: 0))?.remarks == remarks)
            let second = try present.openJob("second")
            present.master.uploaded(blob(1), for: second, at: present.now)
            #expect(try present.add([blob(1)], to: second) == .added(fromCache: 0), "its limit may be another")
        }
    }

    // MARK: Jobs

    @Test func `images whose input is not there are not added`() throws {
        let harness = try Harness(present: [blob(1).digest])
        let job = try harness.openJob("one")
        #expect(try harness.add([blob(1), blob(2)], to: job) == .missing(blob(2).digest))
        #expect(harness.counts(of: job)?.images == 0)
    }

    @Test func `what a pipeline attaches is asked for like an input, granted, and kept as long as one`() throws {
        let harness = try Harness(present: [blob(1).digest])
        let worker = try harness.register("one", on: 1)
        let attachment = blob(7, byteCount: 40)
        let job = try harness.openJob("one", "overlay image=sha256:\(attachment.digest):40")
        let announced = try harness.master.imagesAnnounced(
            for: job, inputs: [blob(1).digest], by: "client", at: harness.now)
        #expect(announced.missing == attachment.digest)
        #expect(try harness.add([blob(1)], to: job) == .missing(attachment.digest))

        harness.master.uploaded(attachment, for: job, at: harness.now)
        #expect(try harness.add([blob(1)], to: job) == .added(fromCache: 0))
        try harness.master.sealed(job, imageCount: 1, at: harness.now)
        let grants = harness.turn().actions.specs
        #expect(grants.map(\.attachments) == [[attachment]])

        // Nobody is about to refer to it any more; the image is.
        for _ in 0..<3 {
            harness.pass(.seconds(601))
            harness.master.oldBlobsFound([attachment.digest])
            #expect(harness.turn().actions.removals.isEmpty)
        }
        let restarted = try harness.restarted(present: [blob(1).digest, attachment.digest])
        restarted.master.oldBlobsFound([attachment.digest])
        #expect(restarted.turn().actions.removals.isEmpty)
        #expect(restarted.master.scheduler.images(referringTo: attachment.digest).count == 1)

        _ = worker
        try restarted.master.cancelled(job, at: restarted.now)
        restarted.pass(.seconds(601))
        #expect(restarted.turn().actions.removals.contains(attachment.digest))
    }

    @Test func `a job whose client stays away is cancelled, one whose client is there is not`() throws {
        let harness = try Harness()
        let left = try harness.openJob("left", by: "a client that leaves")
        let present = try harness.openJob("present", by: "a client that stays")
        harness.master.clientLeft("a client that leaves", at: harness.now)
        harness.pass(.seconds(599))
        _ = harness.turn()
        #expect(harness.state(of: left) == .open)
        harness.pass(.seconds(7))
        _ = harness.turn()
        #expect(harness.state(of: left) == .cancelled)
        #expect(harness.state(of: present) == .open)
    }

    @Test func `a restarted master cancels jobs whose clients do not come back`() throws {
        let harness = try Harness()
        let job = try harness.openJob("one")
        _ = harness.turn()
        let later = try harness.restarted(present: [])
        later.pass(.seconds(606))
        _ = later.turn()
        #expect(later.state(of: job) == .cancelled)
    }

    @Test func `results are forgotten after their time, and their files go`() throws {
        let harness = try Harness(MasterConfiguration(keepResults: .seconds(3_600)))
        let worker = try harness.register("one", on: 1)
        let job = try harness.submit("token", blob(1))
        let lease = try #require(harness.turn().actions.grants.first)
        harness.master.stored(blob(2).digest, at: harness.now)
        _ = harness.report(.finished(lease, TaskOutput(payload: blob(2))), by: worker)
        var removals = harness.turn().actions.removals
        for _ in 0..<359 {
            harness.pass(.seconds(10))
            removals += harness.turn().actions.removals
        }
        #expect(removals == [blob(1).digest], "the input went when its pin ended")
        harness.pass(.seconds(10))
        removals = harness.turn().actions.removals
        #expect(harness.state(of: job) == nil)
        #expect(removals == [blob(2).digest])
    }
}
