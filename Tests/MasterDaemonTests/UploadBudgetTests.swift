import JobModel
import Scheduler
import Testing

@testable import MasterDaemon

@Suite struct UploadBudgetTests {
    private let now = Instant(nanoseconds: 1_000_000_000_000)

    private func blob(_ byte: UInt8, _ byteCount: UInt64) throws -> BlobReference {
        BlobReference(digest: try #require(BlobDigest([UInt8](repeating: byte, count: 32))), byteCount: byteCount)
    }

    /// Takes an upload through to its end.
    private func upload(_ blob: BlobReference, for job: UInt64, to budget: UploadBudget) -> SchedulerRefusal? {
        if let refusal = budget.uploadBegan(byteCount: blob.byteCount, job: job, at: now) { return refusal }
        budget.stored(blob)
        budget.uploadEnded(byteCount: blob.byteCount)
        return nil
    }

    @Test func `bytes wait from the first one sent until their image has ended`() throws {
        let budget = UploadBudget(limit: 100)
        let input = try blob(1, 60)
        #expect(budget.uploadBegan(byteCount: 60, job: 1, at: now) == nil)
        #expect(budget.queuedByteCount == 60)
        budget.stored(input)
        budget.uploadEnded(byteCount: 60)
        #expect(budget.queuedByteCount == 60)
        budget.claimed([input.digest], by: JobID(1))
        budget.queued(60, at: now)
        #expect(budget.queuedByteCount == 60)
        budget.queued(0, at: now)
        #expect(budget.queuedByteCount == 0)
    }

    @Test func `an upload that failed leaves nothing behind, and one that nobody wanted goes`() throws {
        let budget = UploadBudget(limit: 100)
        #expect(budget.uploadBegan(byteCount: 60, job: 1, at: now) == nil)
        budget.uploadEnded(byteCount: 60)
        #expect(budget.queuedByteCount == 0)
        let input = try blob(1, 60)
        #expect(upload(input, for: 1, to: budget) == nil)
        #expect(upload(input, for: 2, to: budget) == nil, "the same bytes count once")
        #expect(budget.queuedByteCount == 60)
        budget.removed(input.digest)
        #expect(budget.queuedByteCount == 0)
    }

    @Test func `when the images that wait fill it, everybody is told when to come back`() throws {
        let budget = UploadBudget(limit: 100)
        budget.queued(80, at: now)
        for job: UInt64 in [1, 2, 1, 0] {
            let refusal = try #require(budget.uploadBegan(byteCount: 30, job: job, at: now))
            #expect(refusal.code == "overloaded")
            #expect(refusal.retryAfter.map { $0 > .zero } == true)
            for word in ["80", "100", "30", "--max-queued-bytes"] { #expect(refusal.description.contains(word)) }
        }
        #expect(budget.askedToWait == 4)
        budget.queued(70, at: now)
        #expect(budget.uploadBegan(byteCount: 30, job: 2, at: now) == nil)
    }

    @Test func `what can never fit is refused for good`() throws {
        let refusal = try #require(UploadBudget(limit: 100).uploadBegan(byteCount: 101, job: 1, at: now))
        #expect(refusal.code == "over-limit" && refusal.retryAfter == nil)
        #expect(refusal.description.contains("101") && refusal.description.contains("100"))
    }

    @Test func `uploads that wait for the rest of their batches do not hold each other up for ever`() throws {
        let budget = UploadBudget(limit: 100)
        for job: UInt64 in 1...5 { #expect(upload(try blob(UInt8(job), 20), for: job, to: budget) == nil) }
        // Each job needs one more file before it can add its images.
        #expect(upload(try blob(13, 20), for: 3, to: budget) == nil, "the first that asks goes on")
        #expect(upload(try blob(15, 20), for: 5, to: budget) != nil, "a younger one waits")
        #expect(upload(try blob(12, 20), for: 2, to: budget) == nil, "an older one goes first")
        #expect(upload(try blob(14, 20), for: 4, to: budget) != nil)
        budget.claimed([try blob(2, 20).digest, try blob(12, 20).digest], by: JobID(2))
        budget.queued(40, at: now)
        #expect(upload(try blob(15, 20), for: 5, to: budget) == nil, "the one that held it is through")
    }

    @Test func `a job that does not come back loses its turn`() throws {
        let budget = UploadBudget(limit: 100)
        #expect(upload(try blob(1, 100), for: 1, to: budget) == nil)
        #expect(budget.uploadBegan(byteCount: 10, job: 1, at: now) == nil)
        #expect(budget.uploadBegan(byteCount: 10, job: 2, at: now + .seconds(80)) != nil)
        #expect(budget.uploadBegan(byteCount: 10, job: 2, at: now + .seconds(91)) == nil)
    }
}
