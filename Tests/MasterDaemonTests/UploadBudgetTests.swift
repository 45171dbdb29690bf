import JobModel
import Protocol
import Scheduler
import Testing

@testable import MasterDaemon
@testable import MasterMachine

@Suite struct UploadBudgetTests {
    private let now = Instant(nanoseconds: 1_000_000_000_000)

    private func blob(_ byte: UInt8, _ byteCount: UInt64) throws -> BlobReference {
        BlobReference(digest: try #require(BlobDigest([UInt8](repeating: byte, count: 32))), byteCount: byteCount)
    }

    /// A budget, and what the decision loop tells it after each turn.
    private struct Harness {
        let budget = UploadBudget(limit: 100)
        var unclaimed = UnclaimedUploads()
        var queued: UInt64 = 0
        let now: Instant

        func turn() { budget.noted(queued: queued, unclaimed: unclaimed.byteCount, at: now) }

        mutating func stored(_ blob: BlobReference) {
            unclaimed.insert(blob)
            turn()
        }

        mutating func claimed(_ blobs: [BlobReference], by job: UInt64) {
            for blob in blobs {
                unclaimed.remove(blob.digest)
                queued += blob.byteCount
            }
            turn()
            budget.claimed(by: JobID(job))
        }

        mutating func ended(_ byteCount: UInt64) {
            queued -= byteCount
            turn()
        }

        /// Takes an upload through to its end.
        mutating func upload(_ blob: BlobReference, for job: UInt64) -> SchedulerRefusal? {
            if let refusal = budget.uploadBegan(byteCount: blob.byteCount, job: job, at: now) { return refusal }
            stored(blob)
            budget.uploadEnded(byteCount: blob.byteCount)
            return nil
        }
    }

    private func harness() -> Harness { Harness(now: now) }

    @Test func `bytes wait from the first one sent until their image has ended`() throws {
        var harness = harness()
        let input = try blob(1, 60)
        #expect(harness.budget.uploadBegan(byteCount: 60, job: 1, at: now) == nil)
        #expect(harness.budget.counters.waitingByteCount == 60)
        harness.stored(input)
        harness.budget.uploadEnded(byteCount: 60)
        #expect(harness.budget.counters.waitingByteCount == 60)
        harness.claimed([input], by: 1)
        #expect(harness.budget.counters.waitingByteCount == 60)
        harness.ended(60)
        #expect(harness.budget.counters.waitingByteCount == 0)
    }

    @Test func `an upload that failed leaves nothing behind, and one that nobody wanted goes`() throws {
        var harness = harness()
        #expect(harness.budget.uploadBegan(byteCount: 60, job: 1, at: now) == nil)
        harness.budget.uploadEnded(byteCount: 60)
        #expect(harness.budget.counters.waitingByteCount == 0)
        let input = try blob(1, 30)
        #expect(harness.upload(input, for: 1) == nil)
        #expect(harness.upload(input, for: 2) == nil, "the same bytes count once")
        #expect(harness.budget.counters.waitingByteCount == 30)
        harness.unclaimed.remove(input.digest)
        harness.turn()
        #expect(harness.budget.counters.waitingByteCount == 0)
    }

    @Test func `when the images that wait fill it, everybody is told when to come back`() throws {
        var harness = harness()
        harness.queued = 80
        harness.turn()
        for job: UInt64 in [1, 2, 1, 0] {
            let refusal = try #require(harness.budget.uploadBegan(byteCount: 30, job: job, at: now))
            #expect(RefusalCode(refusal) == .overloaded)
            #expect(refusal.retryAfter.map { $0 > .zero } == true)
            for word in ["80", "100", "30", "--max-queued-bytes"] { #expect(refusal.description.contains(word)) }
        }
        #expect(harness.budget.counters.askedToWait == 4)
        harness.ended(10)
        #expect(harness.budget.uploadBegan(byteCount: 30, job: 2, at: now) == nil)
    }

    @Test func `what can never fit is refused permanently`() throws {
        let refusal = try #require(UploadBudget(limit: 100).uploadBegan(byteCount: 101, job: 1, at: now))
        #expect(RefusalCode(refusal) == .overLimit && refusal.retryAfter == nil)
        #expect(refusal.description.contains("101") && refusal.description.contains("100"))
    }

    @Test func `uploads that wait for the rest of their batches do not hold each other up for ever`() throws {
        var harness = harness()
        for job: UInt64 in 1...5 { #expect(harness.upload(try blob(UInt8(job), 20), for: job) == nil) }
        // Each job needs one more file before it can add its images.
        #expect(harness.upload(try blob(13, 20), for: 3) == nil, "the first that asks continues")
        #expect(harness.upload(try blob(15, 20), for: 5) != nil, "a younger one waits")
        #expect(harness.upload(try blob(12, 20), for: 2) == nil, "an older one goes first")
        #expect(harness.upload(try blob(14, 20), for: 4) != nil)
        harness.claimed([try blob(2, 20), try blob(12, 20)], by: 2)
        #expect(harness.upload(try blob(15, 20), for: 5) == nil, "the one that held it is through")
    }

    @Test func `a job that does not come back loses its turn`() throws {
        var harness = harness()
        #expect(harness.upload(try blob(1, 100), for: 1) == nil)
        #expect(harness.budget.uploadBegan(byteCount: 10, job: 1, at: now) == nil)
        #expect(harness.budget.uploadBegan(byteCount: 10, job: 2, at: now + .seconds(80)) != nil)
        #expect(harness.budget.uploadBegan(byteCount: 10, job: 2, at: now + .seconds(91)) == nil)
    }
}
