import Foundation
import JobModel
import SQLite
import TestBasics
import Testing

@testable import Journal

/// A journal that a release wrote which used the library GRDB: ten transactions, then killed, so that all is in the log.
@Suite struct EarlierReleaseTests {
    private func withEarlierJournal(_ body: (String) throws -> Void) throws {
        let original = try #require(Bundle.module.url(forResource: "EarlierRelease", withExtension: nil))
        try withTemporaryDirectory { directory in
            let copy = directory + "/state"
            try FileManager.default.copyItem(atPath: original.path, toPath: copy)
            try body(copy)
        }
    }

    @Test func `its journal is read whole, and continued`() throws {
        try withEarlierJournal { directory in
            let journal = try Journal(directory: directory)
            #expect(journal.recordCount == 30)
            #expect(journal.highestJobID == JobID(10))
            #expect(journal.highestWorkerID == WorkerID(7))
            let records = try journal.records()
            #expect(records.count == 30)
            try journal.append([Transcript.opened(11)])
            try journal.close()
            #expect(try Journal(directory: directory).records() == records + [Transcript.opened(11)])
        }
    }

    @Test func `its tables are those that are made today, so that it opens today's journals`() throws {
        try withEarlierJournal { directory in
            try Journal(directory: directory).close()
            try Journal(directory: directory + "/new").close()
            for query in [
                "SELECT group_concat(name || sql, '') FROM (SELECT name, sql FROM sqlite_schema ORDER BY name)",
                "SELECT group_concat(identifier, '') FROM grdb_migrations", "PRAGMA auto_vacuum", "PRAGMA page_size",
                "PRAGMA encoding", "PRAGMA user_version", "PRAGMA application_id", "PRAGMA journal_mode",
            ] {
                let earlier = try Connection(path: directory + "/journal.sqlite").text(query)
                let new = try Connection(path: directory + "/new/journal.sqlite").text(query)
                #expect(earlier != nil && earlier == new, "\(query)")
            }
        }
    }
}
