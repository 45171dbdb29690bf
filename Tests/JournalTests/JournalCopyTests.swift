import Foundation
import JobModel
import Synchronization
import TestBasics
import Testing

@testable import Journal

@Suite struct JournalCopyTests {
    @Test func `a copy that is made while others write has everything up to its sequence, and nothing else`() throws {
        try withTemporaryDirectory { directory in
            let journal = try Journal(directory: directory + "/state", checkpointPageCount: 50)
            for job in UInt64(1)...200 { try journal.append(Transcript.job(job, imageCount: 40)) }
            // Each appended job is noted before it is written, with the sequence behind it afterwards.
            let isEnough = Mutex(false)
            let writerEnded = DispatchSemaphore(value: 0)
            let failure = Mutex<String?>(nil)
            Thread {
                do {
                    var job: UInt64 = 201
                    while !isEnough.withLock({ $0 }) {
                        try journal.append(Transcript.job(job, imageCount: 3))
                        if job.isMultiple(of: 3) { try journal.append([.jobForgotten(JobID(job - 1))]) }
                        job += 1
                    }
                } catch {
                    failure.withLock { $0 = "\(error)" }
                }
                writerEnded.signal()
            }.start()
            var copies: [(path: String, sequence: Int64)] = []
            for number in 0..<5 {
                let path = "\(directory)/copy-\(number)"
                copies.append((path, try journal.copy(to: path)))
            }
            isEnough.withLock { $0 = true }
            writerEnded.wait()
            #expect(failure.withLock { $0 } == nil)
            let all = try journal.records()
            let kept = Set(all.compactMap(\.job))
            for (path, sequence) in copies {
                let copy = try JournalFile(path: path)
                #expect(copy.sequence == sequence && copy.generation == journal.generation)
                var records: [Record] = []
                // Compares the rows with the counters, too.
                try copy.replay { records.append($0) }
                #expect(records.count == copy.recordCount && records.count >= 199 * 82)
                // What was forgotten since is in the copy only.
                let last = records.compactMap(\.job).max()?.rawValue ?? 0
                let stillKept = records.filter { $0.job.map(kept.contains) ?? true }
                let isEqual = stillKept == Array(all.prefix { ($0.job?.rawValue ?? 0) <= last })
                #expect(isEqual)
            }
            #expect(copies.map(\.sequence) == copies.map(\.sequence).sorted())
            try journal.close()
        }
    }

    @Test func `a copy that cannot be made leaves the journal as it was`() throws {
        try withTemporaryDirectory { directory in
            let journal = try Journal(directory: directory + "/state")
            try journal.append(Transcript.job(1, imageCount: 2))
            #expect { try journal.copy(to: directory + "/missing/copy") } throws: {
                ($0 as? JournalError)?.code == "journal-copy-failed"
            }
            try journal.append(Transcript.job(2, imageCount: 2))
            try journal.close()
            #expect(try Journal(directory: directory + "/state").records().count == 12)
        }
    }

    @Test func `a journal keeps its lineage, and its generation rises to the time of the restore`() throws {
        try withTemporaryDirectory { directory in
            let first = try Journal(directory: directory)
            let generation = first.generation
            #expect(generation.number == 0)
            try first.close()
            let second = try Journal(directory: directory)
            #expect(second.generation == generation)
            let restored = Generation(of: generation.lineage, number: 1_800_000_000_000)
            #expect(try second.raiseGeneration(at: restored.number) == restored)
            try second.close()
            let third = try Journal(directory: directory)
            #expect(third.generation == restored)
            // A clock that was set back does not make it fall.
            #expect(try third.raiseGeneration(at: 5).number == restored.number + 1)
            try third.close()
        }
    }
}
