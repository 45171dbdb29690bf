import Pipelines
import JobModel
import Testing

@testable import Scheduler

@Suite struct JobTests {
    @Test func `a small image is one task whose input is the encoded file`() throws {
        let play = try Rehearsal()
        let worker = try play.connect()
        let job = try play.submit()
        let grant = try #require(play.held[worker]?.first)
        #expect(grant.lease.task.step == .whole)
        #expect(grant.lease.attempt == 1)
        #expect(grant.spec.inputs == [BlobSlice(.named("1.0.input"))])

        try play.finishNext(on: worker)
        #expect(play.state(job) == .done)
        #expect(play.image(job)?.result == .named("1.0/whole.payload", 100))
        #expect(
            play.latest.records.suffix(3).map(\.kind) == [.taskCompleted, .imageCompleted, .jobFinished],
            "the result, the image and the job are committed together")
    }

    @Test func `the same token is the same job`() throws {
        let play = try Rehearsal()
        let job = try play.submit(token: "t", sealed: false)
        let records = play.journal.count
        let again = try play.perform { scheduler, now, decision throws(SchedulerRefusal) in
            try scheduler.jobOpened(
                JobOpening(token: "t", submitter: "bob", pipeline: "rows"), at: now, into: &decision)
        }
        #expect(again == job)
        #expect(play.journal.count == records)
    }

    @Test func `images that are added again are ignored, unless they differ`() throws {
        let play = try Rehearsal()
        let job = try play.submit(images: 3, sealed: false)
        try play.add(3, to: job)
        #expect(play.summary(job)?.counts.images == 3)
        try play.add(3, to: job, from: 1)
        #expect(play.summary(job)?.counts.images == 4, "of images 1 to 3 only 3 is new")

        let other = ImageOffer(
            name: "x", input: .named("other"),
            admission: .accepted(ImageGeometry(width: 1, height: 1, channelCount: 1, bitsPerSample: 8)))
        #expect(
            throws: SchedulerRefusal.imageDiffers(
                ImageID(job: job, index: 1), present: BlobReference.named("1.1.input").digest,
                offered: BlobReference.named("other").digest)
        ) { try play.add([other], to: job, from: 1) }
        #expect(throws: SchedulerRefusal.imageGap(job, expected: 4, offered: 6)) {
            try play.add([other], to: job, from: 6)
        }
    }

    @Test func `a sealed job takes no more images and must have all that were stated`() throws {
        let play = try Rehearsal()
        let job = try play.submit(images: 2, sealed: false)
        #expect(throws: SchedulerRefusal.imageCountDiffers(job, present: 2, stated: 3)) {
            try play.perform { scheduler, now, decision throws(SchedulerRefusal) in
                try scheduler.jobSealed(job, imageCount: 3, at: now, into: &decision)
            }
        }
        try play.seal(job)
        try play.seal(job)
        #expect(play.state(job) == .running)
        #expect(throws: SchedulerRefusal.jobSealed(job)) { try play.add(1, to: job, from: 2) }
        try play.add(2, to: job)
    }

    @Test func `work begins before the job is sealed, but the job ends only after`() throws {
        let play = try Rehearsal()
        let worker = try play.connect()
        let job = try play.submit(images: 1, sealed: false)
        try play.finishNext(on: worker)
        #expect(play.state(job) == .open)
        try play.seal(job)
        #expect(play.state(job) == .done)
    }

    @Test func `an image that the shell, the job's limit or the pipeline refuses fails at once, alone`() throws {
        let play = try Rehearsal()
        let worker = try play.connect(slots: 4)
        let job = try play.submit(images: 1, sealed: false)
        let wide = ImageGeometry(width: 100_000, height: 100_000, channelCount: 1, bitsPerSample: 8)
        try play.add(
            [
                ImageOffer(
                    name: "bad", input: .named("bad"), admission: .refused(Failure(.corruptInput, "not an image"))),
                ImageOffer(name: "wide", input: .named("wide"), admission: .accepted(wide)),
            ], to: job, from: 1)
        #expect(play.deleted.contains(BlobReference.named("bad").digest))
        try play.seal(job)
        play.workOff(on: [worker])
        #expect(play.state(job) == .partlyFailed)
        #expect(play.image(job, 1)?.failure == Failure(.corruptInput, "not an image"))
        #expect(play.image(job, 2)?.failure?.cause == .overLimit)

        let unsuitable = try play.submit("unsuitable")
        #expect(play.state(unsuitable) == .failed)
        #expect(play.image(unsuitable)?.failure?.cause == .unsuitable)
    }

    @Test func `a kept result answers an identical request without any work`() throws {
        let play = try Rehearsal()
        let worker = try play.connect()
        let job = try play.submit(images: 0, sealed: false)
        let geometry = ImageGeometry(width: 10, height: 8, channelCount: 1, bitsPerSample: 8)
        try play.add(
            [
                ImageOffer(
                    name: "kept", input: .named("in"), admission: .accepted(geometry), cachedResult: .named("out"))
            ], to: job)
        try play.seal(job)
        #expect(play.state(job) == .done)
        #expect(play.image(job)?.result == .named("out"))
        #expect(play.image(job)?.isFromCache == true)
        #expect(play.leases(of: worker).isEmpty)
        let counts = play.summary(job)?.counts
        #expect(counts?.imagesFromCache == 1 && counts?.pixelsDone == 80 && counts?.tasksDone == 1)
    }

    @Test func `cancelling takes back leases, releases blobs and is final`() throws {
        let play = try Rehearsal()
        let worker = try play.connect(slots: 2)
        let job = try play.submit(images: 5)
        let first = play.leases(of: worker)[0]
        try play.finishNext(on: worker)
        let running = play.leases(of: worker)
        try play.cancel(job)
        #expect(play.state(job) == .cancelled)
        #expect(running.allSatisfy { play.revoked[$0] == .jobCancelled })
        #expect(play.leases(of: worker).isEmpty)
        #expect(play.counters.tasksReady == 0)
        #expect(play.deleted.contains(BlobReference.named("1.4.input").digest))
        #expect(play.image(job, 0)?.state == .done, "what is done stays")
        #expect(play.isNeeded(play.output(of: first.task).payload!))
        #expect(play.image(job, 4)?.state == .cancelled)
        try play.cancel(job)

        let late = running[0]
        play.finish(late, on: worker)
        #expect(play.counters.lateResults == 1)
        #expect(play.deleted.contains(play.output(of: late.task).payload!.digest))
        #expect(play.image(job, late.task.image.index)?.state == .cancelled)
    }

    @Test func `an open job can be cancelled, a finished one can not`() throws {
        let play = try Rehearsal()
        let open = try play.submit(images: 2, sealed: false)
        try play.cancel(open)
        #expect(play.state(open) == .cancelled)
        #expect(throws: SchedulerRefusal.jobNotInState(open, is: .cancelled, needed: "open")) {
            try play.add(1, to: open, from: 2)
        }

        let worker = try play.connect()
        let done = try play.submit()
        play.workOff(on: [worker])
        #expect(throws: SchedulerRefusal.jobNotInState(done, is: .done, needed: "open or running")) {
            try play.cancel(done)
        }
    }

    @Test func `a result is kept until its job is forgotten, an input until its image is done`() throws {
        let play = try Rehearsal()
        let worker = try play.connect()
        let job = try play.submit(token: "t")
        let (input, result) = (BlobReference.named("1.0.input").digest, BlobReference.named("1.0/whole.payload").digest)
        #expect(throws: SchedulerRefusal.jobNotInState(job, is: .running, needed: "finished or cancelled")) {
            try play.forget(job)
        }
        #expect(play.isNeeded(input))
        try play.finishNext(on: worker)
        #expect(play.deleted == [input])
        #expect(play.isNeeded(result))
        try play.forget(job)
        #expect(play.deleted == [input, result])
        #expect(play.summary(job) == nil)
        #expect(try play.submit(token: "t") == JobID(2), "the identifier is not used again")
    }

    @Test func `an input that two images share is kept until both are done`() throws {
        let play = try Rehearsal()
        let worker = try play.connect()
        let job = try play.submit(images: 0, sealed: false)
        let geometry = ImageGeometry(width: 10, height: 8, channelCount: 1, bitsPerSample: 8)
        let twin = ImageOffer(name: "twin", input: .named("twin"), admission: .accepted(geometry))
        try play.add([twin, twin], to: job)
        try play.finishNext(on: worker)
        #expect(!play.deleted.contains(twin.input.digest))
        try play.finishNext(on: worker)
        #expect(play.deleted.contains(twin.input.digest))
    }

    @Test func `a pipeline that can not be read is refused`() throws {
        let play = try Rehearsal()
        #expect(throws: SchedulerRefusal.invalidPipeline("blurr is not in the script")) { try play.submit("blurr") }
        #expect(play.journal.isEmpty)
    }

    @Test func `jobs are listed newest first, page by page`() throws {
        let play = try Rehearsal()
        for _ in 0..<5 { try play.submit() }
        let first = play.scheduler.jobs(before: nil, limit: 2).map(\.description.id)
        #expect(first == [JobID(5), JobID(4)])
        let rest = play.scheduler.jobs(before: JobID(4), limit: 9).map(\.description.id)
        #expect(rest == [JobID(3), JobID(2), JobID(1)])
        let images = play.scheduler.images(of: JobID(1), firstIndex: 0, limit: 10)
        #expect(images.map(\.name) == ["image 0"])
    }

    @Test func `a configuration that contradicts itself is refused`() {
        var configuration = SchedulerConfiguration()
        configuration.suspectAfter = .seconds(3)
        #expect(throws: SchedulerConfigurationError.self) { try configuration.validate() }
        #expect(throws: Never.self) { try SchedulerConfiguration().validate() }
    }
}
