import JobModel
import Testing

@testable import Scheduler

/// Whatever a worker reports is compared with the plan and the store, field by field, before anything of it is believed.
@Suite struct ReportTests {
    /// A report, and what the shell found when it looked at its blobs: as the report says, unless it is changed.
    private struct Claim {
        var lease: LeaseID
        var payload: BlobReference?
        var summary: BlobReference?
        var metadata: BlobReference?
        var checksum: SegmentChecksum?
        var offsets: [UInt64]
        /// Sizes of files that are not what the report says.
        var byteCounts: [BlobDigest: UInt64] = [:]
        var objection: String?
        var isExamined = true

        var output: TaskOutput {
            TaskOutput(
                payload: payload, summary: summary, checksum: checksum, metadata: metadata, valueOffsets: offsets)
        }
    }

    private static let blob = BlobReference.named("something else", 33)

    /// Every way in which one field of a report can be wrong, with a word of the refusal.
    private static let lies: [(name: String, word: String, tell: @Sendable (inout Claim) -> Bool)] = [
        (
            "no payload", "no",
            { claim in
                defer { claim.payload = nil }; return claim.payload != nil
            }
        ),
        (
            "a surplus payload", "payload",
            { claim in
                defer { claim.payload = blob }; return claim.payload == nil
            }
        ),
        (
            "no summary", "no summary",
            { claim in
                defer { claim.summary = nil }; return claim.summary != nil
            }
        ),
        (
            "a surplus summary", "summary",
            { claim in
                defer { claim.summary = blob }; return claim.summary == nil
            }
        ),
        (
            "surplus metadata", "metadata",
            { claim in
                defer { claim.metadata = blob }
                return claim.metadata == nil && claim.lease.task.step != .decode
            }
        ),
        (
            "no checksum", "no checksum",
            { claim in
                defer { claim.checksum = nil }; return claim.checksum != nil
            }
        ),
        (
            "a surplus checksum", "checksum",
            { claim in
                defer { claim.checksum = SegmentChecksum([1, 0, 0, 0, 1]) }
                return claim.checksum == nil
            }
        ),
        (
            "no offsets", "offsets",
            { claim in
                defer { claim.offsets = [] }; return !claim.offsets.isEmpty
            }
        ),
        (
            "surplus offsets", "offsets",
            { claim in
                defer { claim.offsets = [0, 33] }; return claim.offsets.isEmpty
            }
        ),
        (
            "an offset more", "offsets",
            { claim in
                guard let last = claim.offsets.last else { return false }
                claim.offsets.append(last)
                return true
            }
        ),
        (
            "a first offset that is not 0", "offsets",
            { claim in
                guard !claim.offsets.isEmpty else { return false }
                claim.offsets[0] = 1
                return true
            }
        ),
        (
            "offsets that fall", "offsets",
            { claim in
                guard claim.offsets.count > 2 else { return false }
                claim.offsets[1] = claim.offsets[2] + 1
                return true
            }
        ),
        (
            "an offset beyond the end", "offsets",
            { claim in
                guard let last = claim.offsets.last else { return false }
                claim.offsets[claim.offsets.count - 1] = last + 1
                return true
            }
        ),
        (
            "a payload of another length", "bytes",
            { claim in
                // Encoded segments, documents and merged values are as long as they are.
                guard let payload = claim.payload, claim.checksum == nil, claim.offsets.isEmpty,
                    claim.lease.task.step != .whole,
                    claim.summary != nil || claim.lease.task.step == .chunk(stage: 0, index: 0)
                else { return false }
                claim.payload = BlobReference(digest: payload.digest, byteCount: payload.byteCount - 1)
                claim.byteCounts[payload.digest] = payload.byteCount - 1
                return true
            }
        ),
        (
            "a size that is not the file's", "bytes, not",
            { claim in
                guard let blob = claim.output.blobs.first else { return false }
                claim.byteCounts[blob.digest] = blob.byteCount + 1
                return true
            }
        ),
        (
            "a size beyond all bounds", "bytes",
            { claim in
                guard let summary = claim.summary else { return false }
                claim.summary = BlobReference(digest: summary.digest, byteCount: UInt64(Int64.max))
                claim.byteCounts[summary.digest] = UInt64(Int64.max)
                return true
            }
        ),
        (
            "bytes that are something else", "spoilt",
            { claim in
                claim.objection = "spoilt"
                return claim.isExamined
            }
        ),
        (
            "bytes that were not examined", "examined",
            { claim in
                defer { claim.isExamined = false }
                return claim.checksum != nil || claim.lease.task.step == .whole || claim.lease.task.step == .decode
            }
        ),
    ]

    /// Each kind of task, with the leases of all of them finished before.
    private static let tasks: [(pipeline: String, step: TaskStep)] = [
        ("whole", .whole), ("rows", .decode), ("rows", .chunk(stage: 0, index: 0)),
        ("shared", .chunk(stage: 0, index: 0)), ("shared", .reduce(stage: 0)), ("own", .reduce(stage: 0)),
        ("columns", .chunk(stage: 0, index: 0)), ("report", .reduce(stage: 0)), ("shared", .chunk(stage: 1, index: 0)),
    ]

    @Test(arguments: tasks.indices)
    func `a report with any wrong field is refused, and ends that attempt only`(number: Int) throws {
        let (pipeline, step) = Self.tasks[number]
        var told = 0
        for (name, word, tell) in Self.lies {
            let harness = try SchedulerHarness()
            let worker = try harness.connect(slots: 8)
            let job = try harness.submit(pipeline, rows: 16)
            while !harness.steps(of: worker).contains(step) { try harness.finishNext(on: worker) }
            if step == .decode { harness.publishBands(of: harness.leases(of: worker)[0], on: worker) }
            let lease = try #require(harness.leases(of: worker).first { $0.task.step == step })
            let others = harness.leases(of: worker).filter { $0 != lease }
            let honest = harness.output(of: lease.task)
            var claim = Claim(
                lease: lease, payload: honest.payload, summary: honest.summary, metadata: honest.metadata,
                checksum: honest.checksum, offsets: honest.valueOffsets)
            guard tell(&claim) else { continue }
            told += 1
            let refusal = harness.report(claim.output, for: lease, by: worker, claim.byteCounts) { evidence in
                evidence.objection = claim.objection
                if !claim.isExamined { evidence.content = nil }
            }
            #expect(refusal?.contains(word) == true, "\(pipeline), \(name): \(refusal ?? "believed")")
            #expect(harness.summary(job)?.counts.attemptsFailed == 1, "\(pipeline), \(name)")
            #expect(harness.leases(of: worker).filter { $0 != lease } == others, "the worker's other leases stay")
            #expect(harness.counters.reportsRefused == 1)
            // An honest attempt follows.
            harness.drop(lease, from: worker)
            harness.wait(.seconds(2))
            harness.workOff(on: [worker])
            #expect(harness.state(job) == .done, "\(pipeline), \(name)")
        }
        #expect(told >= 6, "\(pipeline), \(step): \(told) lies")
    }

    @Test(arguments: tasks.indices)
    func `an honest report is believed`(number: Int) throws {
        let (pipeline, step) = Self.tasks[number]
        let harness = try SchedulerHarness()
        let worker = try harness.connect(slots: 8)
        try harness.submit(pipeline, rows: 16)
        while !harness.steps(of: worker).contains(step) { try harness.finishNext(on: worker) }
        let lease = try #require(harness.leases(of: worker).first { $0.task.step == step })
        if step == .decode { harness.publishBands(of: lease, on: worker) }
        #expect(harness.report(harness.output(of: lease.task), for: lease, by: worker) == nil)
        #expect(harness.latest.records.contains { $0.kind == .taskCompleted })
    }

    @Test func `what the bytes of a report have to be follows from the plan`() throws {
        for (pipeline, step, expected) in [
            ("whole", TaskStep.whole, ReportedContent.file(Self.geometry)), ("rows", .decode, .metadata()),
            ("rows", .chunk(stage: 0, index: 1), .segments(rowCount: 4, of: Self.geometry)),
            ("report", .reduce(stage: 0), .document),
        ] {
            let harness = try SchedulerHarness()
            let worker = try harness.connect(slots: 8)
            try harness.submit(pipeline, rows: 16)
            while !harness.steps(of: worker).contains(step) { try harness.finishNext(on: worker) }
            let lease = try #require(harness.leases(of: worker).first { $0.task.step == step })
            let report = WorkerReport.finished(lease, harness.output(of: lease.task))
            #expect(harness.content(of: report) == expected)
            #expect(harness.content(of: .failed(lease, Failure(.rankLost, ""))) == nil)
            let early = LeaseID(task: lease.task, attempt: lease.attempt + 1)
            #expect(harness.content(of: .finished(early, harness.output(of: lease.task))) == nil)
        }
    }

    private static let geometry = ImageGeometry(width: 10, height: 16, channelCount: 1, bitsPerSample: 8)

    /// A result that was announced before its attempt was made cannot have been compared with anything.
    @Test func `what was not examined because nobody wanted it then is not believed later`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect()
        let job = try harness.submit()
        let lease = harness.leases(of: worker)[0]
        let early = LeaseID(task: lease.task, attempt: 2)
        let output = harness.output(of: lease.task)
        harness.fail(lease, on: worker, .rankLost)
        harness.wait(.seconds(1))
        #expect(harness.leases(of: worker) == [early])
        let refusal = harness.report(output, for: early, by: worker) { $0.content = nil }
        #expect(refusal?.contains("examined") == true)
        #expect(harness.state(job) == .running)
    }

    @Test(arguments: FailureCause.allCases)
    func `a worker reports only what a worker can know`(cause: FailureCause) throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect()
        let job = try harness.submit()
        let lease = harness.leases(of: worker)[0]
        harness.drop(lease, from: worker)
        let evidence = ReportEvidence(byteCounts: [:])
        harness.perform {
            _ = $0.workerReported(
                .failed(lease, Failure(cause, "scripted")), by: worker, evidence, missing: nil, at: $1, into: &$2)
        }
        let ends = harness.journal.compactMap { record in
            if case .attemptEnded(lease, _, let failure) = record { failure } else { nil }
        }
        let end = try #require(ends.first)
        switch cause {
        case .workerLost, .cancelled, .movedToIdleWorker, .disputed, .workerQuarantined:
            #expect(end.cause == .workerError && end.reason.contains(cause.code))
            #expect(harness.image(job)?.state == .running, "it is tried again, and counted")
        case .corruptInput, .overLimit, .unsuitable: #expect(harness.image(job)?.state == .failed)
        case .rankLost, .hung, .workerError, .returned:
            #expect(end.cause == cause)
            #expect(harness.image(job)?.state == .running)
        }
    }

    // MARK: Progress

    @Test func `an attempt that hardly gets on is given up, and doubled by an idle worker before`() throws {
        var configuration = SchedulerConfiguration()
        configuration.progressTimeout = .seconds(60)
        let harness = try SchedulerHarness(configuration)
        let creeping = try harness.connect("creeping")
        let job = try harness.submit()
        let idle = try harness.connect("idle")
        let lease = harness.leases(of: creeping)[0]
        var progress = 0.0
        var doubledAfter: Duration?
        let start = harness.now
        for _ in 0..<200 where harness.revoked[lease] == nil {
            progress += 1e-6
            harness.wait(.milliseconds(500), beating: [creeping: progress])
            if doubledAfter == nil, !harness.leases(of: idle).isEmpty { doubledAfter = harness.now - start }
        }
        #expect(doubledAfter.map { $0 > .seconds(30) && $0 < .seconds(32) } == true, "\(doubledAfter as Any)")
        #expect(harness.revoked[lease] == .expired)
        #expect(harness.now - start <= .seconds(65))
        harness.workOff(on: [idle])
        #expect(harness.state(job) == .done)
    }

    @Test func `an attempt whose progress goes back and forth ends as well`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect()
        try harness.submit()
        let lease = harness.leases(of: worker)[0]
        let start = harness.now
        for step in 0..<1_000 where harness.revoked[lease] == nil {
            harness.wait(.milliseconds(500), beating: [worker: step.isMultiple(of: 2) ? 0.9 : 0.1])
        }
        #expect(harness.revoked[lease] == .expired)
        #expect(harness.now - start < .seconds(200))
    }

    @Test func `a slow attempt that gets on is left alone`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect()
        let job = try harness.submit()
        let lease = harness.leases(of: worker)[0]
        // Forty minutes for decoding, and forty for computing.
        for step in 0..<4_800 {
            harness.wait(.seconds(1), beating: [worker: Double(step % 2_400) / 2_400])
        }
        #expect(harness.revoked[lease] == nil)
        try harness.finishNext(on: worker)
        #expect(harness.state(job) == .done)
    }

    // MARK: Registration

    @Test func `a registration beyond all bounds is refused with the field and the limit`() throws {
        let harness = try SchedulerHarness()
        func refusal(_ change: (inout WorkerRegistration) -> Void) -> String {
            var registration = WorkerRegistration(name: "w", slotCount: 1)
            change(&registration)
            do {
                _ = try harness.perform { scheduler, now, decision throws(SchedulerRefusal) in
                    try scheduler.workerRegistered(registration, at: now, into: &decision)
                }
                return ""
            } catch { return error.description }
        }
        #expect(refusal { _ in } == "")
        #expect(refusal { $0.slotCount = 0 }.contains("slots; allowed are 1 to 1024"))
        #expect(refusal { $0.slotCount = Int(UInt32.max) }.contains("slots; allowed are 1 to 1024"))
        #expect(refusal { $0.ranksPerSlot = 0 }.contains("ranks per slot; allowed are 1 to 1024"))
        #expect(
            refusal { $0.ranksPerSlot = Int(UInt32.max) }.contains("4294967295 ranks per slot; allowed are 1 to 1024"))
        #expect(refusal { $0.slotMemoryByteCount = 1 }.contains("1 bytes of memory per slot; allowed are 67108864"))
        #expect(refusal { $0.slotMemoryByteCount = .max }.contains("bytes of memory per slot"))
        #expect(refusal { $0.name = String(repeating: "x", count: 5_000) }.contains("5000 bytes"))
    }

    @Test func `a worker's number belongs to the process that was given it`() throws {
        let harness = try SchedulerHarness()
        let owner = try harness.connect("owner", identity: [1])
        try harness.submit()
        let lease = harness.leases(of: owner)[0]
        let thief = try harness.connect("thief", as: owner, identity: [2], holding: [lease])
        #expect(thief != owner)
        #expect(harness.dropped == [lease])
        #expect(harness.leases(of: owner) == [lease])
        #expect(try harness.connect("owner", as: owner, identity: [1], holding: [lease]) == owner)
        #expect(harness.dropped.isEmpty)
        harness.disconnect(owner)
        let again = try harness.connect("thief", as: owner, identity: [2], holding: [lease])
        #expect(again != owner && harness.dropped == [lease])

        // Nothing durable says whose it was: after a restart it is the first one's that names it.
        try harness.restart()
        let heir = try harness.connect("owner", as: again, identity: [9], holding: [])
        #expect(try harness.connect("late", as: heir, identity: [1]) != heir)
    }
}

extension ReportTests {
    @Test func `what was done is counted by kind, in pixels and in time`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect(slots: 2)
        try harness.submit(images: 3)
        #expect(harness.scheduler.counters.slotsBusy == 2 && harness.scheduler.counters.slotsIdle == 0)
        harness.wait(.seconds(3))
        try harness.finishNext(on: worker)
        let activity = harness.scheduler.activity
        #expect(activity.tasksDone == 1 && activity.pixelsDone > 0)
        let whole = try #require(activity.taskDurations.first { $0.kind == "whole" }?.durations)
        #expect(whole.count == 1 && whole.sum == .seconds(3))
        harness.disconnect(worker)
        #expect(harness.scheduler.counters.slotsBusy == 0 && harness.scheduler.counters.slotsIdle == 0)
        #expect(harness.scheduler.activity.attemptsEnded.first { $0.cause == .workerLost }?.count ?? 0 > 0)
    }
}
