import GatewayLogic
import SQLite
import Synchronization

/// Callers whose tokens and sessions were looked up of late, so that most requests wait for no thread that may block.
///
/// An entry counts while the database is as it was when the entry was read. Every commit ends all of them, also one of another
/// process, such as `tessera-web token revoke`: each is looked up again at its next request.
final class KnownCallers: Sendable {
    /// What was found of a token or a session.
    struct Finding: Sendable {
        let name: String
        let role: Role
        let tokenID: String
        let isSession: Bool
        /// Milliseconds since 1970; `nil` for a token without an end.
        let tokenEnd: UInt64?
        /// When its use was stored last, in milliseconds since 1970.
        let usedAt: UInt64

        func caller(at now: UInt64) -> Caller {
            let end = isSession ? min(tokenEnd ?? .max, now + WebStore.sessionIdle) : tokenEnd
            return Caller(name: name, role: role, tokenID: tokenID, isSession: isSession, expiresAt: end)
        }

        /// Whether its use has to be stored again: to the minute, so that many requests are one write.
        func isUseOld(at now: UInt64) -> Bool { now > usedAt + 60_000 }
    }

    private struct Entry {
        let finding: Finding
        let secretDigest: [UInt8]
        let version: Int64
    }

    private static let limit = 1000

    /// A connection of its own: to ask for the version never waits for a transaction.
    private let watch: Database
    private let entries = Mutex<[Credential.Place: Entry]>([:])

    init(path: String) throws(SQLiteError) { watch = try Database(path: path) }

    func close() throws(SQLiteError) { try watch.close() }

    /// Names the present state of the database; `nil` when it cannot be told.
    var version: Int64? { try? watch.withConnection { try $0.dataVersion() } }

    /// Keeps what was read after the database had `version`.
    func keep(_ finding: Finding, of credential: Credential, prefix: String, version: Int64?) {
        guard let version else { return }
        let entry = Entry(finding: finding, secretDigest: credential.secretDigest, version: version)
        entries.withLock { entries in
            if entries.count >= Self.limit { entries = [:] }
            entries[credential.place(prefix: prefix)] = entry
        }
    }

    /// What is known of a credential; `nil` when it has to be looked up.
    func finding(_ credential: Credential, prefix: String, now: UInt64) -> Finding? {
        let place = credential.place(prefix: prefix)
        guard let entry = entries.withLock({ $0[place] }) else { return nil }
        guard entry.finding.tokenEnd ?? .max > now, !entry.finding.isUseOld(at: now),
            credential.matches(entry.secretDigest), entry.version == version
        else { return nil }
        return entry.finding
    }
}
