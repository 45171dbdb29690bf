import JobModel
import Scheduler
import Testing

@testable import MasterMachine

@Suite struct BookkeepingTests {
    private func blob(_ byte: UInt8) throws -> BlobReference {
        BlobReference(digest: try #require(BlobDigest([UInt8](repeating: byte, count: 32))), byteCount: 9)
    }

    @Test func `a pin that was renewed ends with its renewal`() throws {
        var pins = BlobPins()
        let digest = try blob(1).digest
        let start = Instant(nanoseconds: 1_000_000_000)
        pins.pin(digest, at: start)
        pins.pin(digest, at: start + .seconds(10))
        #expect(pins.expired(at: start + BlobPins.duration) { _ in false }.isEmpty)
        #expect(pins.isPinned(digest))
        #expect(pins.expired(at: start + BlobPins.duration + .seconds(10)) { _ in false } == [digest])
        #expect(!pins.isPinned(digest))
    }

    @Test func `pinning a blob again takes no memory`() throws {
        var pins = BlobPins()
        let start = Instant(nanoseconds: 1_000_000_000)
        for touch in 0..<10_000 {
            pins.pin(try blob(UInt8(touch % 3)).digest, for: JobID(UInt64(touch)), at: start + .milliseconds(touch))
        }
        #expect(pins.count == 3)
        #expect(pins.endCount == 3, "the master grew by one entry per touch")
        #expect(pins.expired(at: start + BlobPins.duration) { _ in false }.isEmpty, "renewed in the last moment")
        #expect(pins.expired(at: start + BlobPins.duration + .seconds(10)) { _ in false }.count == 3)
        #expect(pins.count == 0 && pins.endCount == 0)
    }

    @Test func `an unsealed job is abandoned by its latest client only`() {
        var jobs = UnsealedJobs<String>()
        let start = Instant(nanoseconds: 1_000_000_000)
        let timeout = Duration.seconds(60)
        jobs.opened(JobID(1), by: "first", at: start)
        jobs.opened(JobID(2), by: nil, at: start)
        jobs.opened(JobID(1), by: "second", at: start + .seconds(1))
        jobs.left("first", at: start + .seconds(2))
        #expect(jobs.abandoned(at: start + .seconds(100), after: timeout, orIdle: .seconds(100_000)) == [JobID(2)])
        jobs.left("second", at: start + .seconds(100))
        jobs.opened(JobID(1), by: "third", at: start + .seconds(101))
        #expect(
            jobs.abandoned(at: start + .seconds(200), after: timeout, orIdle: .seconds(100_000)).isEmpty, "it came back"
        )
        jobs.left("third", at: start + .seconds(200))
        #expect(jobs.abandoned(at: start + .seconds(260), after: timeout, orIdle: .seconds(100_000)).isEmpty)
        #expect(jobs.abandoned(at: start + .seconds(261), after: timeout, orIdle: .seconds(100_000)) == [JobID(1)])
        #expect(!jobs.contains(JobID(1)))
    }

    @Test func `a queue gives its elements in order, and keeps little room for those taken out`() {
        var queue: Queue<Int> = []
        var next = 0
        for value in 0..<10_000 {
            queue.append(value)
            if value % 3 != 0, let first = queue.first {
                #expect(first == next)
                next += 1
                queue.removeFirst()
            }
        }
        #expect(queue.count == 10_000 - next)
        while let first = queue.first {
            #expect(first == next)
            next += 1
            queue.removeFirst()
        }
        #expect(next == 10_000 && queue.count == 0)
    }

    @Test func `what was uploaded for a job stays until the job is complete, however long that takes`() throws {
        var pins = BlobPins()
        let digest = try blob(1).digest
        let start = Instant(nanoseconds: 1_000_000_000)
        pins.pin(digest, for: JobID(7), at: start)
        for round in 1...50 {
            let now = start + BlobPins.duration * round
            #expect(pins.expired(at: now) { $0 == JobID(7) }.isEmpty)
            #expect(pins.isPinned(digest))
        }
        #expect(pins.expired(at: start + BlobPins.duration * 51) { _ in false } == [digest])
    }

    @Test func `results are kept for their time, whatever is done to the wall clock`() {
        var kept = KeptJobs(duration: .seconds(3_600))
        let start = Instant(nanoseconds: 1_000_000_000)
        kept.recovered(
            [(JobID(1), 1_000, true), (JobID(2), 3_000_000, true), (JobID(3), 9_000_000_000, false)],
            at: Moment(start, wallClockMilliseconds: 3_600_000))
        func due(_ seconds: Int) -> [UInt64] { kept.takeDue(at: start + .seconds(seconds)).map(\.job.rawValue) }
        #expect(due(0) == [])
        #expect(due(599) == [], "its hour is over, by a clock that may have been set while the master was away")
        #expect(due(600) == [1])
        kept.ended(JobID(4), finishedAt: 5, at: start + .seconds(1_000))
        #expect(due(2_999) == [])
        #expect(due(3_000) == [2], "ten minutes were over at the start")
        #expect(due(3_600) == [3], "it ended in the future: that is impossible, so its time begins now")
        #expect(due(4_599) == [])
        #expect(due(4_600) == [4])
    }

    @Test func `a kept result answers the same input, pipeline and revision only, while its blob is there`() throws {
        var results = ResultCache()
        let input = try blob(1).digest
        let key = ResultCache.Key(input: input, pipeline: "invert", revision: 1)
        let result = try blob(2)
        results.insert(result, for: key)
        #expect(results[key] == result)
        #expect(results[ResultCache.Key(input: input, pipeline: "sobel", revision: 1)] == nil)
        #expect(results[ResultCache.Key(input: input, pipeline: "invert", revision: 2)] == nil)
        results.remove(result.digest)
        #expect(results[key] == nil)
    }
}
