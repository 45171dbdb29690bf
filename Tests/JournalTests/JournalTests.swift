import Foundation
import JobModel
import SQLite
import TestBasics
import Testing

@testable import Journal

@Suite struct JournalTests {
    @Test func `what was appended is replayed in order, also after reopening`() throws {
        try withTemporaryDirectory { directory in
            var expected: [Record] = []
            for job in 1...3 as ClosedRange<UInt64> {
                let journal = try Journal(directory: directory)
                #expect(try journal.records() == expected)
                for records in [[Transcript.opened(job)], Transcript.job(job, imageCount: 5)] {
                    try journal.append(records)
                    expected += records
                    #expect(try journal.records() == expected)
                }
                #expect(journal.recordCount == expected.count)
                try journal.close()
            }
            #expect(try Journal(directory: directory).records() == expected)
        }
    }

    @Test func `a forgotten job leaves nothing behind`() throws {
        try withTemporaryDirectory { directory in
            do {
                let journal = try Journal(directory: directory)
                try journal.append(Transcript.job(1, imageCount: 3))
                try journal.append(Transcript.job(2, imageCount: 3))
                try journal.append(Transcript.job(3, imageCount: 3))
                try journal.append([.jobForgotten(JobID(2))])
                #expect(try journal.records() == Transcript.job(1, imageCount: 3) + Transcript.job(3, imageCount: 3))
            }
            let journal = try Journal(directory: directory)
            #expect(try journal.records() == Transcript.job(1, imageCount: 3) + Transcript.job(3, imageCount: 3))
            // Forgotten together with records of its own, before and after it in the same transaction.
            try journal.append(Transcript.job(4, imageCount: 1) + [.jobForgotten(JobID(4)), .jobForgotten(JobID(1))])
            #expect(try journal.records() == Transcript.job(3, imageCount: 3))
            try journal.append([.jobForgotten(JobID(3)), .jobForgotten(JobID(99))])
            #expect(try journal.records() == [])
            #expect(journal.recordCount == 0)
        }
    }

    @Test func `identifiers never go back`() throws {
        try withTemporaryDirectory { directory in
            do {
                let journal = try Journal(directory: directory)
                #expect(journal.highestJobID == JobID(0))
                #expect(journal.highestWorkerID == WorkerID(0))
                try journal.append([Transcript.opened(7), Transcript.started(7, image: 0, worker: 41)])
                try journal.append([.jobForgotten(JobID(7))])
                #expect(journal.highestJobID == JobID(7))
                #expect(journal.highestWorkerID == WorkerID(41))
            }
            do {
                let journal = try Journal(directory: directory)
                #expect(journal.highestJobID == JobID(7))
                #expect(journal.highestWorkerID == WorkerID(41))
                try journal.append([.workersReserved(through: WorkerID(1000))])
            }
            let journal = try Journal(directory: directory)
            #expect(journal.highestWorkerID == WorkerID(1000))
            #expect(journal.highestJobID == JobID(7), "a reservation is about no job")
        }
    }

    @Test func `of the reservations of worker identifiers the latest is kept`() throws {
        try withTemporaryDirectory { directory in
            let latest = Record.workersReserved(through: WorkerID(192))
            do {
                let journal = try Journal(directory: directory)
                try journal.append([.workersReserved(through: WorkerID(64)), Transcript.opened(1)])
                try journal.append([.workersReserved(through: WorkerID(128))])
                try journal.append([latest])
                #expect(try journal.records() == [Transcript.opened(1), latest])
            }
            #expect(try Journal(directory: directory).records() == [Transcript.opened(1), latest])
        }
    }

    @Test func `a second master on the same state directory is refused, and told who holds it`() throws {
        try withTemporaryDirectory { directory in
            let journal = try Journal(directory: directory)
            #expect(throws: JournalError.inUse(path: directory, processID: getpid())) {
                try Journal(directory: directory)
            }
            try journal.append([Transcript.opened(1)])
            #expect(try journal.records() == [Transcript.opened(1)])
        }
    }

    @Test func `the state directory is free again once the journal is gone`() throws {
        try withTemporaryDirectory { directory in
            for _ in 0..<3 { #expect(throws: Never.self) { try Journal(directory: directory) } }
        }
    }

    @Test func `a journal that could not be replayed is free again at once`() throws {
        struct Refused: Error {}
        try withTemporaryDirectory { directory in
            try Journal(directory: directory).append(Transcript.job(1, imageCount: 1500))
            for _ in 0..<50 {
                let journal = try Journal(directory: directory)
                #expect(throws: Refused.self) { try journal.replay { _ in throw Refused() } }
            }
        }
    }

    @Test func `an error of the reader ends the replay and comes through`() throws {
        struct Refused: Error {}
        try withTemporaryDirectory { directory in
            let journal = try Journal(directory: directory)
            try journal.append(Transcript.job(1, imageCount: 3))
            var count = 0
            #expect(throws: Refused.self) {
                try journal.replay { _ in
                    count += 1
                    if count == 2 { throw Refused() }
                }
            }
            #expect(count == 2)
            #expect(try journal.records() == Transcript.job(1, imageCount: 3))
        }
    }

    @Test func `after a failed write nothing more is written`() throws {
        try withTemporaryDirectory { directory in
            let journal = try Journal(directory: directory)
            try journal.append([Transcript.opened(1)])
            // The disk is full from here on.
            try journal.database.withConnection { database in
                let pageCount = try #require(try database.text("PRAGMA page_count"))
                try database.execute("PRAGMA max_page_count = \(pageCount)")
            }
            let large = Transcript.opened(2, pipeline: String(repeating: "x", count: 100_000))
            #expect { try journal.append([Transcript.opened(3), large]) } throws: { error in
                (error as? JournalError)?.code == "journal-failed"
            }
            // Space is back, but what the disk holds is uncertain.
            try journal.database.withConnection { try $0.execute("PRAGMA max_page_count = 1000000") }
            #expect { try journal.append([Transcript.opened(4)]) } throws: {
                ($0 as? JournalError)?.code == "journal-failed"
            }
            #expect(throws: JournalError.self) { try journal.append([.workersReserved(through: WorkerID(9))]) }
            #expect(journal.highestJobID == JobID(1))
            try journal.close()
            let reopened = try Journal(directory: directory)
            #expect(try reopened.records() == [Transcript.opened(1)])
            try reopened.append([Transcript.opened(5)])
        }
    }

    @Test func `records that break the schema are not written`() throws {
        try withTemporaryDirectory { directory in
            let journal = try Journal(directory: directory)
            #expect(throws: JournalError.self) { try journal.append([Transcript.opened(1), Transcript.opened(0)]) }
            try journal.close()
            #expect(try Journal(directory: directory).records() == [])
        }
    }

    @Test func `a closed journal refuses to read and to write`() throws {
        try withTemporaryDirectory { directory in
            let journal = try Journal(directory: directory)
            try journal.close()
            try journal.close()
            #expect(throws: JournalError.closed) { try journal.append([Transcript.opened(1)]) }
            #expect(throws: JournalError.closed) { try journal.records() }
        }
    }

    @Test func `the write-ahead log stays bounded`() throws {
        try withTemporaryDirectory { directory in
            let journal = try Journal(directory: directory)
            // 25 pages each, and a few more for the index and the counters.
            let record = Transcript.opened(1, pipeline: String(repeating: "x", count: 100_000))
            var highest = 0
            for _ in 0..<250 {
                try journal.append([record])
                highest = max(highest, try byteCount(journal.path + "-wal"))
            }
            let limit = Journal.defaultCheckpointPageCount * (4096 + 24)
            // It was long enough to be begun again, and grew by no more than a transaction beyond the limit.
            #expect(highest > limit * 9 / 10)
            #expect(highest < limit * 11 / 10)
            #expect(try journal.records() == [Record](repeating: record, count: 250))
        }
    }

    @Test func `the reason why a journal cannot be opened is named`() throws {
        try withTemporaryDirectory { directory in
            let file = directory + "/file"
            try write([1, 2, 3], to: file)
            #expect { try Journal(directory: file) } throws: {
                ($0 as? JournalError)?.code == "journal-directory-unusable"
            }
            #expect { try Journal(directory: directory + "/no/such") } throws: {
                ($0 as? JournalError)?.code == "journal-directory-unusable"
            }
            try write(Array("this is not a database, and never was".utf8), to: directory + "/journal.sqlite")
            #expect { try Journal(directory: directory) } throws: {
                ($0 as? JournalError)?.code == "journal-database-unusable"
            }
        }
    }

    @Test func `a journal of a newer release is left alone`() throws {
        try withTemporaryDirectory { directory in
            let path = try Journal(directory: directory).path
            try Connection(path: path).execute("INSERT INTO grdb_migrations VALUES ('2 something newer')")
            #expect(throws: JournalError.newerSchema(path: path)) { try Journal(directory: directory) }
        }
    }

    private func byteCount(_ path: String) throws -> Int {
        try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
    }
}

@Suite struct RecordChecksumTests {
    @Test func `the checksum covers every column`() {
        let body: [UInt8] = [1, 2, 3]
        let original = body.withUnsafeBytes { recordChecksum(sequence: 1, job: 2, kind: 3, body: $0) }
        let changed = body.withUnsafeBytes { body in
            [
                recordChecksum(sequence: 2, job: 2, kind: 3, body: body),
                recordChecksum(sequence: 1, job: 3, kind: 3, body: body),
                recordChecksum(sequence: 1, job: 2, kind: 4, body: body),
                recordChecksum(sequence: 1, job: 2, kind: 3, body: UnsafeRawBufferPointer(rebasing: body.dropLast())),
            ]
        }
        #expect(!changed.contains(original))
        #expect(Set(changed).count == changed.count)
    }
}
