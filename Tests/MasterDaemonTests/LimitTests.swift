import Foundation
import JobModel
import Journal
import MasterMachine
import Protocol
import Scheduler
import TestBasics
import Testing

@testable import MasterDaemon

/// What is said about a full disk and full records, and lists that fit their messages.
@Suite struct LimitTests {
    // MARK: Lists

    @Test(arguments: [28, 1_018, 1_024]) func `20,000 workers are listed in pages that fit their messages`(
        nameByteCount: Int
    ) throws {
        var configuration = SchedulerConfiguration()
        configuration.maximumGoneWorkers = 1_000
        var scheduler = try Scheduler(configuration: configuration)
        var decision = Decision()
        let now = Moment(Instant(nanoseconds: 1_000_000_000_000), wallClockMilliseconds: 1)
        let name = String(repeating: "n", count: nameByteCount)
        for _ in 0..<20_000 {
            _ = try scheduler.workerRegistered(
                WorkerRegistration(name: name, slotCount: 2), at: now, into: &decision)
            decision = Decision()
        }
        var listed: [WorkerID] = []
        var after: WorkerID?
        var pageCount = 0
        while true {
            let statuses = scheduler.workers(at: now, after: after, limit: WireWorkerList.longestCount + 1)
            let page = WireWorkerList.fitting(statuses.map { WireWorkerStatus($0, address: "[2001:db8::1]:40000") })
            #expect(WireControl(.workerList(page)).fitsFrame)
            listed += page.workers.map { WorkerID($0.worker) }
            pageCount += 1
            after = listed.last
            if !page.more { break }
        }
        #expect(listed == (1...20_000).map { WorkerID(UInt64($0)) })
        #expect(pageCount <= 20_000 / 40)
    }

    @Test func `workers whose reasons are long share no page that is longer than a frame`() throws {
        let letter = "e" + String(repeating: "\u{301}", count: 100)
        for reason in [String(repeating: "r", count: 500), String(repeating: letter, count: 2)] {
            let status = WireWorkerStatus.with {
                $0.name = "node-1"
                $0.unready = reason
                $0.quarantinedBy = reason
            }
            let page = WireWorkerList.fitting(Array(repeating: status, count: 600))
            #expect(WireControl(.workerList(page)).fitsFrame)
            #expect(page.workers.count > 30 && page.more)
        }
    }

    @Test func `workers that are gone do not pile up`() throws {
        var scheduler = try Scheduler(configuration: SchedulerConfiguration())
        var decision = Decision()
        let now = Moment(Instant(nanoseconds: 1_000_000_000_000), wallClockMilliseconds: 1)
        for _ in 0..<20_000 {
            let reply = try scheduler.workerRegistered(
                WorkerRegistration(name: "short-lived", slotCount: 1), at: now, into: &decision)
            scheduler.workerDisconnected(reply.worker, at: now, into: &decision)
            decision = Decision()
        }
        let listed = scheduler.workers(at: now)
        #expect(listed.count <= 2_000)
        #expect(listed.last?.id == WorkerID(20_000), "the newest are kept")
    }

    @Test func `a page has at least one entry, and every entry of the greatest length fits`() {
        let reason = String(repeating: "x", count: 2_048)
        let tail = String(repeating: "y", count: 4_096)
        let image = WireImageStatus.with {
            $0.name = String(repeating: "n", count: 1_024)
            $0.failure = Failure(.rankLost, reason, outputTail: tail).wire
        }
        let images = WireImageList.fitting(Array(repeating: image, count: 256), imageCount: 256)
        #expect(images.images.count >= 1 && WireControl(.imageList(images)).fitsFrame)
        let job = WireJobSummary.with {
            $0.pipeline = String(repeating: "p", count: 16_384)
            $0.submitter = String(repeating: "s", count: 256)
        }
        let jobs = WireJobList.fitting(Array(repeating: job, count: 200))
        #expect(jobs.jobs.count >= 1 && WireControl(.jobList(jobs)).fitsFrame)
        let dead = WireDeadImage.with {
            $0.name = String(repeating: "n", count: 1_024)
            $0.failure = Failure(.rankLost, reason).wire
        }
        let list = WireDeadList.fitting(Array(repeating: dead, count: 512))
        #expect(list.images.count >= 1 && list.more && WireControl(.deadList(list)).fitsFrame)
    }

    @Test func `a failure's words are bounded by their bytes, whatever they are made of`() {
        let marks = "e" + String(repeating: "\u{301}", count: 30_000)
        let failure = Failure(.rankLost, marks + marks, outputTail: marks + "end")
        #expect(failure.reason.utf8.count <= 2_048 && failure.outputTail.utf8.count <= 4_096)
        #expect(failure.reason.unicodeScalars.first == "e")
        #expect(failure.outputTail.hasSuffix("end"))
        #expect(Failure(.hung, "short", outputTail: "tail") == Failure(.hung, "short", outputTail: "tail"))
        #expect(Failure(.hung, "short").reason == "short")
    }

    @Test func `what a refusal says is bounded`() {
        let refusal = WireRefusal(.invalidArgument, String(repeating: "\u{1F600}", count: 50_000))
        #expect(refusal.message.utf8.count <= 8_192)
        #expect(WireControl(.refused(refusal)).fitsFrame)
    }

    // MARK: The disk

    @Test func `that uploads wait is said once, and once when it is over`() {
        var watch = StorageWatch()
        let reserve = StorageReserve(byteCount: 1_600)
        var news: [StorageWatch.News] = []
        for available: UInt64 in [5_000, 1_599, 1_601, 1_500, 1_699, 0, 1_650, 1_700, 1_601, 9_999] {
            if let word = watch.measured(available: available, reserve: reserve) { news.append(word) }
        }
        #expect(news == [.uploadsWait, .uploadsContinue])
        #expect(watch.availableByteCount == 9_999 && !watch.uploadsWait)
    }

    @Test func `a disk without room is said at the first look`() {
        var watch = StorageWatch()
        #expect(watch.measured(available: 10, reserve: StorageReserve(byteCount: 11)) == .uploadsWait)
    }

    // MARK: The records

    @Test func `that records are nearly full is said once, that jobs give way once a minute`() {
        var watch = RecordsWatch()
        var limits = SchedulerConfiguration()
        limits.maximumJobs = 100
        let start = Instant(nanoseconds: 1_000_000_000_000)
        var warnings = 0
        var yielded: [Int] = []
        for second in 0..<180 {
            let news = watch.turned(
                jobs: min(100, second), images: 0, yielded: second >= 100 ? 2 : 0, limits: limits,
                at: start + .seconds(second))
            if news.nearlyFull != nil { warnings += 1 }
            if let count = news.yielded { yielded.append(count) }
        }
        #expect(warnings == 1)
        #expect(yielded == [2, 120])
        _ = watch.turned(jobs: 0, images: 0, yielded: 0, limits: limits, at: start)
        let news = watch.turned(
            jobs: 0, images: limits.maximumImages * 8 / 10, yielded: 0, limits: limits, at: start)
        #expect(news.nearlyFull == "80 %", "images count as well")
    }

    // MARK: The state directory

    @Test func `a store that is gone is refused with the way out, and a new directory is not`() throws {
        try withTemporaryDirectory { directory in
            let check = StateCheck(directory: directory)
            #expect(throws: Never.self) { try check.demandBlobs(recordCount: 0) }
            let error = #expect(throws: MissingBlobs.self) { try check.demandBlobs(recordCount: 7) }
            for word in ["7 records", "\(directory)/blobs", "backup", "empty directory"] {
                #expect("\(error.map { "\($0)" } ?? "")".contains(word))
            }
            try FileManager.default.createDirectory(atPath: directory + "/blobs", withIntermediateDirectories: false)
            #expect(throws: Never.self) { try check.demandBlobs(recordCount: 7) }
        }
    }
}
