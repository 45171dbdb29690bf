import Foundation
import JobModel
import SQLite
import TestBasics
import Testing

@testable import Journal

/// What crashes and failing disks leave, and what is made of it.
@Suite struct JournalDamageTests {
    /// A copy of the files as they are at this moment is what a crash would leave.
    private func copyFiles(of journal: Journal, to directory: String) throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        for name in ["journal.sqlite", "journal.sqlite-wal", "acknowledged"] {
            let original = URL(fileURLWithPath: journal.path).deletingLastPathComponent().path + "/" + name
            try write(try contents(original), to: directory + "/" + name)
        }
    }

    @Test func `a crash at any moment keeps all that was appended before`() throws {
        try withTemporaryDirectory { directory in
            let journal = try Journal(directory: directory + "/live")
            var expected: [Record] = []
            for job in 1...12 as ClosedRange<UInt64> {
                let records = Transcript.job(job, imageCount: UInt32(job))
                try journal.append(records)
                expected += records
                if job.isMultiple(of: 4) {
                    try journal.append([.jobForgotten(JobID(job - 1))])
                    expected.removeAll { $0.job == JobID(job - 1) }
                }
                let copy = "\(directory)/crash-\(job)"
                try copyFiles(of: journal, to: copy)
                let recovered = try Journal(directory: copy)
                #expect(try recovered.records() == expected)
                #expect(recovered.highestJobID == JobID(job))
                try recovered.append([Transcript.opened(100)])
                #expect(try recovered.records() == expected + [Transcript.opened(100)])
            }
        }
    }

    @Test func `a log that ends anywhere leaves whole transactions`() throws {
        try withTemporaryDirectory { directory in
            let journal = try Journal(directory: directory + "/live")
            let transactions = (1...4).map { Transcript.job(UInt64($0), imageCount: 4) }
            for records in transactions { try journal.append(records) }
            let prefixes = (0...4).map { Array(transactions[..<$0].joined()) }
            try copyFiles(of: journal, to: directory + "/copy")
            let log = try contents(directory + "/copy/journal.sqlite-wal")
            let database = try contents(directory + "/copy/journal.sqlite")
            var found: Set<Int> = []
            for end in stride(from: 0, through: log.count, by: 1511) {
                let torn = "\(directory)/torn-\(end)"
                try FileManager.default.createDirectory(atPath: torn, withIntermediateDirectories: true)
                try write(database, to: torn + "/journal.sqlite")
                try write(Array(log[..<end]), to: torn + "/journal.sqlite-wal")
                let records = try Journal(directory: torn).records()
                let count = try #require(prefixes.firstIndex(of: records), "cut at \(end)")
                found.insert(count)
            }
            #expect(found.contains(0) && found.contains(3))
        }
    }

    @Test func `one flipped bit in the log undoes no acknowledged transaction unnoticed`() throws {
        try withTemporaryDirectory { directory in
            let journal = try Journal(directory: directory + "/live")
            let transactions = (1...6).map { Transcript.job(UInt64($0), imageCount: 4) }
            for records in transactions { try journal.append(records) }
            try copyFiles(of: journal, to: directory + "/copy")
            let log = try contents(directory + "/copy/journal.sqlite-wal")
            let database = try contents(directory + "/copy/journal.sqlite")
            let mark = try contents(directory + "/copy/acknowledged")
            let expected = Array(transactions.joined())
            var foundCount = 0
            for (round, position) in stride(from: 0, to: log.count, by: 401).enumerated() {
                var damaged = log
                damaged[position] ^= 1 << UInt8(round % 8)
                let copy = "\(directory)/flip-\(position)"
                try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: true)
                defer { try? FileManager.default.removeItem(atPath: copy) }
                try write(database, to: copy + "/journal.sqlite")
                try write(damaged, to: copy + "/journal.sqlite-wal")
                try write(mark, to: copy + "/acknowledged")
                do {
                    let records = try Journal(directory: copy).records()
                    #expect(records == expected, "bit \(round % 8) of byte \(position)")
                } catch is JournalError {
                    foundCount += 1
                }
            }
            #expect(foundCount > 0)
        }
    }

    @Test func `a log that is missing or ends before what was acknowledged is found`() throws {
        try withTemporaryDirectory { directory in
            let journal = try Journal(directory: directory + "/live")
            for job in 1...4 as ClosedRange<UInt64> { try journal.append(Transcript.job(job, imageCount: 4)) }
            try journal.append([.jobForgotten(JobID(2))])
            try journal.append([.workersReserved(through: WorkerID(64))])
            try copyFiles(of: journal, to: directory + "/copy")
            let log = try contents(directory + "/copy/journal.sqlite-wal")
            for end in [0, 32, log.count / 2, log.count - 4096] {
                try write(Array(log[..<end]), to: directory + "/copy/journal.sqlite-wal")
                #expect { try Journal(directory: directory + "/copy") } throws: {
                    ($0 as? JournalError)?.code == "journal-damaged"
                }
                // Opening writes the log back; the next round begins with the same files.
                try copyFiles(of: journal, to: directory + "/copy")
            }
            #expect(throws: Never.self) { try Journal(directory: directory + "/copy") }
        }
    }

    @Test func `a log that was about to be begun again loses nothing`() throws {
        try withTemporaryDirectory { directory in
            let journal = try Journal(directory: directory + "/live")
            let expected = Transcript.job(1, imageCount: 20)
            try journal.append(expected)
            var log = try contents(journal.path + "-wal")
            // Writes all of the log to the database.
            try journal.close()
            // Half of the new header over the old one.
            for position in 12..<20 { log[position] ^= 0xff }
            try write(log, to: journal.path + "-wal")
            do {
                let recovered = try Journal(directory: directory + "/live")
                #expect(try recovered.records() == expected)
                try recovered.close()
            }
            // Without the mark it could be a log that was lost.
            try write(log, to: journal.path + "-wal")
            try FileManager.default.removeItem(atPath: directory + "/live/acknowledged")
            #expect { try Journal(directory: directory + "/live") } throws: {
                ($0 as? JournalError)?.code == "journal-damaged"
            }
        }
    }

    @Test func `one flipped bit in a record is found, and the record named`() throws {
        try withTemporaryDirectory { directory in
            let journal = try Journal(directory: directory)
            try journal.append([
                Transcript.opened(1), Transcript.opened(2, pipeline: "the-damaged-one"), Transcript.opened(3),
            ])
            try journal.close()
            var bytes = try contents(journal.path)
            let marker = Array("damaged".utf8)
            let position = try #require(bytes.indices.first { bytes[$0...].starts(with: marker) })
            bytes[position] ^= 0x10
            try write(bytes, to: journal.path)
            let expected = JournalError.damagedRecord(
                path: journal.path, sequence: 2, job: JobID(2), reason: "its bytes are not what was written")
            #expect(throws: expected) { try Journal(directory: directory).records() }
        }
    }

    @Test func `vanished, added and swapped rows are found`() throws {
        let changes = [
            "DELETE FROM record WHERE sequence = 2",
            "DELETE FROM record",
            "INSERT INTO record SELECT 100, job, kind, body, checksum FROM record WHERE sequence = 1",
            "UPDATE record SET sequence = 50 WHERE sequence = 1",
            "UPDATE record SET job = 9 WHERE sequence = 2",
            "UPDATE record SET body = (SELECT body FROM record WHERE sequence = 1) WHERE sequence = 2",
            "UPDATE counter SET highest_job = 1",
            "UPDATE counter SET record_count = 2",
            "DELETE FROM counter",
        ]
        for change in changes {
            try withTemporaryDirectory { directory in
                let journal = try Journal(directory: directory)
                try journal.append(Transcript.job(1, imageCount: 1) + Transcript.job(2, imageCount: 1))
                try journal.close()
                try Connection(path: journal.path).execute(change)
                #expect(throws: JournalError.self, "\(change)") { try Journal(directory: directory).records() }
            }
        }
    }

    @Test func `any one flipped bit of the database is found or harmless`() throws {
        try withTemporaryDirectory { directory in
            let journal = try Journal(directory: directory + "/live")
            let expected = Transcript.job(1, imageCount: 40) + Transcript.job(3, imageCount: 40)
            try journal.append(Transcript.job(1, imageCount: 40) + Transcript.job(2, imageCount: 40))
            try journal.append(Transcript.job(3, imageCount: 40) + [.jobForgotten(JobID(2))])
            try journal.close()
            let bytes = try contents(journal.path)
            var foundCount = 0
            // Steps through the file with a prime, and through the bits of a byte.
            for (round, position) in stride(from: 0, to: bytes.count, by: 389).enumerated() {
                var damaged = bytes
                damaged[position] ^= 1 << UInt8(round % 8)
                let copy = "\(directory)/flip-\(position)"
                try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: true)
                defer { try? FileManager.default.removeItem(atPath: copy) }
                try write(damaged, to: copy + "/journal.sqlite")
                do {
                    let journal = try Journal(directory: copy)
                    #expect(try journal.records() == expected, "bit \(round % 8) of byte \(position)")
                    #expect(journal.highestJobID == JobID(3), "bit \(round % 8) of byte \(position)")
                } catch is JournalError {
                    foundCount += 1
                }
            }
            #expect(foundCount > 0)
        }
    }
}
