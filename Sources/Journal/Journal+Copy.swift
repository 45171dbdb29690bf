import Glibc
import JobModel
import SQLite

extension Journal {
    /// The pages that are copied while nobody may write: a millisecond's worth.
    private static let pagesPerStep = 256
    /// The pause between two steps, in which others write.
    private static let pauseMicroseconds: UInt32 = 500

    /// Copies the journal to a new file at `path`, while others write: the copy has everything up to one transaction, and is
    /// durable when this returns. Blocks.
    ///
    /// - Returns: the sequence of that transaction.
    /// - Throws: `copyFailed`, after which the journal is as good as before; what is at `path` is of no use.
    public func copy(to path: String) throws(JournalError) -> Int64 {
        do {
            let copy = try withDatabase { database, _ in try OnlineCopy(of: database, to: path) }
            // Its end takes it out of the source's list of copies.
            defer { try? withDatabase { _, _ in copy.finish() } }
            while true {
                let sequence = try withDatabase { _, sequence in
                    try copy.step(pageCount: Self.pagesPerStep) ? sequence : nil
                }
                if let sequence {
                    try withDatabase { _, _ in copy.finish() }
                    try Self.synchronize(path)
                    return sequence
                }
                usleep(Self.pauseMicroseconds)
            }
        } catch let error as JournalError {
            throw error
        } catch {
            throw .copyFailed(path: path, reason: "\(error)")
        }
    }

    /// Runs `body` while nobody writes, with the sequence of the last transaction.
    private func withDatabase<Result>(_ body: (Connection, Int64) throws -> Result) throws -> Result {
        var result: Swift.Result<Result, any Error>?
        try turn.withLock { _ in
            try state.withLock { state in
                guard !state.isClosed else { throw JournalError.closed }
                let sequence = state.counters.lastSequence
                result = try database.withConnection { database in
                    Swift.Result { try body(database, sequence) }
                }
            }
        }
        guard let result else { preconditionFailure("a lock that did not run its body") }
        return try result.get()
    }

    private static func synchronize(_ path: String) throws(JournalError) {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw .copyFailed(path: path, reason: String(cString: strerror(errno))) }
        defer { Glibc.close(file) }
        guard fsync(file) == 0 else { throw .copyFailed(path: path, reason: String(cString: strerror(errno))) }
    }
}
