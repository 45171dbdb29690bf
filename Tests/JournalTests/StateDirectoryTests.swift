import Foundation
import JobModel
import TestBasics
import Testing

@testable import Journal

/// What somebody removed from a state directory.
@Suite struct StateDirectoryTests {
    private func remove(_ name: String, from directory: String) throws {
        try FileManager.default.removeItem(atPath: directory + "/" + name)
    }

    private func lock(_ directory: String) throws {
        let held = try StateDirectory(path: directory)
        _ = held.path
    }

    @Test func `a lock file that is removed is made and locked again`() throws {
        try withTemporaryDirectory { directory in
            let journal = try Journal(directory: directory)
            #expect(try !journal.keepLock())
            try remove("lock", from: directory)
            #expect(try journal.keepLock())
            #expect(try !journal.keepLock())
            #expect { try lock(directory) } throws: {
                $0 as? JournalError == .inUse(path: directory, processID: getpid())
            }
            try journal.close()
            try Journal(directory: directory).close()
        }
    }

    @Test func `a lock file that was replaced, and locked by another, is found`() throws {
        try withTemporaryDirectory { directory in
            let journal = try Journal(directory: directory)
            try remove("lock", from: directory)
            let other = try StateDirectory(path: directory)
            #expect { try journal.keepLock() } throws: { ($0 as? JournalError)?.code == "journal-in-use" }
            withExtendedLifetime(other.path) {}
            try journal.append([Transcript.opened(1)])
            try journal.close()
        }
    }

    @Test func `a second master behind a removed lock is told that the directory is in use`() throws {
        try withTemporaryDirectory { directory in
            let journal = try Journal(directory: directory)
            try journal.append([Transcript.opened(1)])
            try remove("lock", from: directory)
            // Not that it is broken and should be moved away.
            #expect { try Journal(directory: directory) } throws: {
                ($0 as? JournalError)?.code == "journal-in-use" && !"\($0)".contains("move it away")
            }
            try journal.append([Transcript.opened(2)])
            try journal.close()
        }
    }

    @Test func `a missing mark is noticed, and made again`() throws {
        try withTemporaryDirectory { directory in
            do {
                let fresh = try Journal(directory: directory)
                #expect(!fresh.isMarkMissing, "there is nothing that it could show")
                try fresh.append([Transcript.opened(1)])
                try fresh.close()
            }
            for _ in 0..<2 {
                let whole = try Journal(directory: directory)
                #expect(!whole.isMarkMissing)
                try whole.close()
                try remove("acknowledged", from: directory)
                let bare = try Journal(directory: directory)
                #expect(bare.isMarkMissing)
                try bare.append([Transcript.opened(2)])
                try bare.close()
            }
        }
    }
}
