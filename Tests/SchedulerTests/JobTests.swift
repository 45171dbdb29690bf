import Pipelines
import JobModel
import Testing

@testable import Scheduler

@Suite struct JobTests {
    @Test func `a small image is one task whose input is the encoded file`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect()
        let job = try harness.submit()
        let grant = try #require(harness.held[worker]?.first)
        #expect(grant.lease.task.step == .whole)
        #expect(grant.lease.attempt == 1)
        #expect(grant.spec.inputs == [BlobSlice(.named("1.0.input"))])

        try harness.finishNext(on: worker)
        #expect(harness.state(job) == .done)
        #expect(harness.image(job)?.result == .named("1.0/whole.payload", 100))
        #expect(
            harness.latest.records.suffix(3).map(\.kind) == [.taskCompleted, .imageCompleted, .jobFinished],
            "the result, the image and the job are committed together")
    }

    @Test func `the same token of the same submitter is the same job`() throws {
        let harness = try SchedulerHarness()
        let job = try harness.submit(token: "t", sealed: false)
        let records = harness.journal.count
        #expect(try harness.open("t", by: "ann") == job)
        #expect(harness.journal.count == records)
    }

    @Test func `the same token of another submitter is another job`() throws {
        let harness = try SchedulerHarness()
        let job = try harness.submit(token: "t", sealed: false)
        let other = try harness.open("t", by: "bob", "rows")
        #expect(other != job)
        #expect(harness.summary(other)?.description.submitter == "bob")
        #expect(harness.summary(other)?.description.pipeline == "rows")
        #expect(try harness.open("t", by: "ann") == job)
        try harness.restart()
        #expect(try harness.open("t", by: "ann") == job)
        #expect(try harness.open("t", by: "bob", "rows") == other)
        try harness.cancel(job)
        try harness.forget(job)
        #expect(try harness.open("t", by: "bob", "rows") == other)
        #expect(try harness.open("t", by: "ann") != job)
    }

    @Test func `a token does not stand for a job that asks for other files`() throws {
        let harness = try SchedulerHarness()
        func open(_ options: JobOptions) throws -> JobID {
            let opening = JobOpening(token: "t", submitter: "ann", pipeline: "whole", options: options)
            return try harness.perform { scheduler, now, decision throws(SchedulerRefusal) in
                try scheduler.jobOpened(opening, at: now, into: &decision)
            }
        }
        let asked = JobOptions(encoding: "jpeg quality=80", decoding: "page=2")
        let job = try open(asked)
        #expect(try open(asked) == job)
        for other in [JobOptions(decoding: "page=2"), JobOptions(encoding: "jpeg quality=80"), JobOptions()] {
            let refusal = #expect(throws: SchedulerRefusal.self) { try open(other) }
            #expect(refusal?.description.contains("asks for files 'jpeg quality=80' of 'page=2'") == true)
        }
    }

    @Test func `a token does not stand for a job of another pipeline`() throws {
        let harness = try SchedulerHarness()
        let job = try harness.submit(token: "t", sealed: false)
        let records = harness.journal.count
        for pipeline in ["rows", "no such operation"] {
            let refusal = #expect(throws: SchedulerRefusal.self) { try harness.open("t", by: "ann", pipeline) }
            #expect(
                refusal?.description.contains("token 't' of submitter 'ann' is job \(job)") == true, "\(refusal as Any)"
            )
        }
        #expect(harness.journal.count == records)
    }

    @Test func `images that are added again are ignored, unless they differ`() throws {
        let harness = try SchedulerHarness()
        let job = try harness.submit(images: 3, sealed: false)
        try harness.add(3, to: job)
        #expect(harness.summary(job)?.counts.images == 3)
        try harness.add(3, to: job, from: 1)
        #expect(harness.summary(job)?.counts.images == 4, "of images 1 to 3 only 3 is new")

        let other = ImageOffer(
            name: "x", input: .named("other"),
            admission: .accepted(ImageGeometry(width: 1, height: 1, channelCount: 1, bitsPerSample: 8)))
        #expect(
            throws: SchedulerRefusal.imageDiffers(
                ImageID(job: job, index: 1), present: BlobReference.named("1.1.input").digest,
                offered: BlobReference.named("other").digest)
        ) { try harness.add([other], to: job, from: 1) }
        #expect(throws: SchedulerRefusal.imageGap(job, expected: 4, offered: 6)) {
            try harness.add([other], to: job, from: 6)
        }
    }

    @Test func `a sealed job takes no more images and must have all that were stated`() throws {
        let harness = try SchedulerHarness()
        let job = try harness.submit(images: 2, sealed: false)
        #expect(throws: SchedulerRefusal.imageCountDiffers(job, present: 2, stated: 3)) {
            try harness.perform { scheduler, now, decision throws(SchedulerRefusal) in
                try scheduler.jobSealed(job, imageCount: 3, at: now, into: &decision)
            }
        }
        try harness.seal(job)
        try harness.seal(job)
        #expect(harness.state(job) == .running)
        #expect(throws: SchedulerRefusal.jobSealed(job)) { try harness.add(1, to: job, from: 2) }
        try harness.add(2, to: job)
    }

    @Test func `work begins before the job is sealed, but the job ends only after`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect()
        let job = try harness.submit(images: 1, sealed: false)
        try harness.finishNext(on: worker)
        #expect(harness.state(job) == .open)
        try harness.seal(job)
        #expect(harness.state(job) == .done)
    }

    @Test func `an image that the shell, the job's limit or the pipeline refuses fails at once, alone`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect(slots: 4)
        let job = try harness.submit(images: 1, sealed: false)
        let wide = ImageGeometry(width: 100_000, height: 100_000, channelCount: 1, bitsPerSample: 8)
        try harness.add(
            [
                ImageOffer(
                    name: "bad", input: .named("bad"), admission: .refused(Failure(.corruptInput, "not an image"))),
                ImageOffer(name: "wide", input: .named("wide"), admission: .accepted(wide)),
            ], to: job, from: 1)
        #expect(harness.deleted.contains(BlobReference.named("bad").digest))
        try harness.seal(job)
        harness.workOff(on: [worker])
        #expect(harness.state(job) == .partlyFailed)
        #expect(harness.image(job, 1)?.failure == Failure(.corruptInput, "not an image"))
        #expect(harness.image(job, 2)?.failure?.cause == .overLimit)

        let unsuitable = try harness.submit("unsuitable")
        #expect(harness.state(unsuitable) == .failed)
        #expect(harness.image(unsuitable)?.failure?.cause == .unsuitable)
    }

    @Test func `a kept result answers an identical request without any work`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect()
        let job = try harness.submit(images: 0, sealed: false)
        let geometry = ImageGeometry(width: 10, height: 8, channelCount: 1, bitsPerSample: 8)
        try harness.add(
            [
                ImageOffer(
                    name: "kept", input: .named("in"), admission: .accepted(geometry), cachedResult: .named("out"))
            ], to: job)
        try harness.seal(job)
        #expect(harness.state(job) == .done)
        #expect(harness.image(job)?.result == .named("out"))
        #expect(harness.image(job)?.isFromCache == true)
        #expect(harness.leases(of: worker).isEmpty)
        let counts = harness.summary(job)?.counts
        #expect(counts?.imagesFromCache == 1 && counts?.pixelsDone == 80 && counts?.tasksDone == 1)
    }

    @Test func `cancelling takes back leases, releases blobs and is final`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect(slots: 2)
        let job = try harness.submit(images: 5)
        let first = harness.leases(of: worker)[0]
        try harness.finishNext(on: worker)
        let running = harness.leases(of: worker)
        try harness.cancel(job)
        #expect(harness.state(job) == .cancelled)
        #expect(running.allSatisfy { harness.revoked[$0] == .jobCancelled })
        #expect(harness.leases(of: worker).isEmpty)
        #expect(harness.counters.tasksReady == 0)
        #expect(harness.deleted.contains(BlobReference.named("1.4.input").digest))
        #expect(harness.image(job, 0)?.state == .done, "what is done stays")
        #expect(harness.isNeeded(harness.output(of: first.task).payload!))
        #expect(harness.image(job, 4)?.state == .cancelled)
        try harness.cancel(job)

        let late = running[0]
        harness.finish(late, on: worker)
        #expect(harness.counters.lateResults == 1)
        #expect(harness.deleted.contains(harness.output(of: late.task).payload!.digest))
        #expect(harness.image(job, late.task.image.index)?.state == .cancelled)
    }

    @Test func `an open job can be cancelled, a finished one cannot`() throws {
        let harness = try SchedulerHarness()
        let open = try harness.submit(images: 2, sealed: false)
        try harness.cancel(open)
        #expect(harness.state(open) == .cancelled)
        #expect(throws: SchedulerRefusal.jobNotInState(open, is: .cancelled, needed: "open")) {
            try harness.add(1, to: open, from: 2)
        }

        let worker = try harness.connect()
        let done = try harness.submit()
        harness.workOff(on: [worker])
        #expect(throws: SchedulerRefusal.jobEnded(done, is: .done)) {
            try harness.cancel(done)
        }
    }

    @Test func `a result is kept until its job is forgotten, an input until its image is done`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect()
        let job = try harness.submit(token: "t")
        let (input, result) = (BlobReference.named("1.0.input").digest, BlobReference.named("1.0/whole.payload").digest)
        #expect(throws: SchedulerRefusal.jobNotInState(job, is: .running, needed: "finished or cancelled")) {
            try harness.forget(job)
        }
        #expect(harness.isNeeded(input))
        try harness.finishNext(on: worker)
        #expect(harness.deleted == [input])
        #expect(harness.isNeeded(result))
        try harness.forget(job)
        #expect(harness.deleted == [input, result])
        #expect(harness.summary(job) == nil)
        #expect(try harness.submit(token: "t") == JobID(2), "the identifier is not used again")
    }

    @Test func `an input that two images share is kept until both are done`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect()
        let job = try harness.submit(images: 0, sealed: false)
        let geometry = ImageGeometry(width: 10, height: 8, channelCount: 1, bitsPerSample: 8)
        let twin = ImageOffer(name: "twin", input: .named("twin"), admission: .accepted(geometry))
        try harness.add([twin, twin], to: job)
        try harness.finishNext(on: worker)
        #expect(!harness.deleted.contains(twin.input.digest))
        try harness.finishNext(on: worker)
        #expect(harness.deleted.contains(twin.input.digest))
    }

    @Test func `a pipeline that cannot be parsed is refused`() throws {
        let harness = try SchedulerHarness()
        #expect(throws: SchedulerRefusal.invalidPipeline("blurr is not in the script")) { try harness.submit("blurr") }
        #expect(harness.journal.isEmpty)
    }

    @Test func `jobs are listed newest first, page by page`() throws {
        let harness = try SchedulerHarness()
        for _ in 0..<5 { try harness.submit() }
        let first = harness.scheduler.jobs(before: nil, limit: 2).map(\.description.id)
        #expect(first == [JobID(5), JobID(4)])
        let rest = harness.scheduler.jobs(before: JobID(4), limit: 9).map(\.description.id)
        #expect(rest == [JobID(3), JobID(2), JobID(1)])
        #expect(harness.scheduler.jobs(before: JobID(99), limit: 1).map(\.description.id) == [JobID(5)])
        #expect(harness.scheduler.jobs(before: JobID(1), limit: 1).isEmpty)
        let images = harness.scheduler.images(of: JobID(1), firstIndex: 0, limit: 10)
        #expect(images.map(\.name) == ["image 0"])
    }

    @Test func `a configuration that contradicts itself is refused`() {
        var configuration = SchedulerConfiguration()
        configuration.suspectAfter = .seconds(3)
        #expect(throws: SchedulerConfigurationError.self) { try configuration.validate() }
        #expect(throws: Never.self) { try SchedulerConfiguration().validate() }
    }
}
