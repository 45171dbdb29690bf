import GatewayLogic
import SQLite

/// A token as it is stored.
package struct TokenRecord: Hashable, Sendable {
    package let id: String
    package let name: String
    package let role: Role
    package let createdAt: UInt64
    package let expiresAt: UInt64?
    /// The last use of the token or of a session that it opened.
    package let lastUsedAt: UInt64?
    /// Whether a link to sign in made it: nobody has its text, and it ends with its session.
    package let isSignIn: Bool
}

extension WebStore {
    /// A session that was not used for that long has ended, in milliseconds.
    package static let sessionIdle: UInt64 = 12 * 3_600_000

    /// Makes a token. Its text is known only now.
    package func createToken(
        name: String, role: Role, expiresAt: UInt64?, now: UInt64
    ) throws -> (record: TokenRecord, text: String) {
        let credential = Credential()
        try write { connection in
            try Self.insert(
                credential, name: name, role: role, expiresAt: expiresAt, isSignIn: false, now: now, connection)
        }
        let record = TokenRecord(
            id: credential.id, name: name, role: role, createdAt: now, expiresAt: expiresAt, lastUsedAt: nil,
            isSignIn: false)
        return (record, credential.text(prefix: Credential.tokenPrefix))
    }

    static func insert(
        _ token: Credential, name: String, role: Role, expiresAt: UInt64?, isSignIn: Bool, now: UInt64,
        _ connection: Connection
    ) throws {
        try connection.run(
            """
            INSERT INTO token (id, name, role, digest, created_at, expires_at, is_sign_in) VALUES (?, ?, ?, ?, ?, ?, ?)
            """, .text(token.id), .text(name), .text(role.rawValue), .text(token.digest), SQLiteValue(now),
            SQLiteValue(expiresAt), SQLiteValue(isSignIn ? 1 : 0))
    }

    /// All tokens, the oldest first; of those of links to sign in, the ones whose session has not ended.
    package func tokens(now: UInt64) throws -> [TokenRecord] {
        try read { connection in
            try connection.rows(
                """
                SELECT id, name, role, created_at, expires_at, last_used_at, is_sign_in,
                    (SELECT MAX(used_at) FROM session WHERE session.token = token.id)
                FROM token ORDER BY created_at, id
                """
            ) { row in
                let (isSignIn, sessionUse) = (row.count(at: 6) == 1, row.count(at: 7))
                let sessionEnd = (sessionUse ?? 0) + Self.sessionIdle
                return TokenRecord(
                    id: row.text(at: 0) ?? "", name: row.text(at: 1) ?? "",
                    role: row.text(at: 2).flatMap { Role(rawValue: $0) } ?? .viewer,
                    createdAt: row.count(at: 3) ?? 0, expiresAt: isSignIn ? sessionEnd : row.count(at: 4),
                    lastUsedAt: [row.count(at: 5), sessionUse].compactMap { $0 }.max(), isSignIn: isSignIn)
            }
        }.filter { !$0.isSignIn || $0.expiresAt ?? 0 > now }
    }

    /// Revokes a token with the sessions that it opened.
    /// - Returns: whether there was one.
    package func deleteToken(_ id: String) throws -> Bool {
        try write { try $0.run("DELETE FROM token WHERE id = ?", .text(id)) > 0 }
    }

    /// The caller that a bearer token stands for.
    /// - Throws: `bad-token`, with the reason.
    package func caller(token text: String, now: UInt64) throws -> Caller {
        guard let credential = Credential(parsing: text, prefix: Credential.tokenPrefix) else {
            throw Self.badToken("it is not of the form tsw_..., as 'tessera-web token create' prints it")
        }
        let version = knownCallers.version
        let found = try read { connection in
            try connection.rows(
                "SELECT name, role, digest, expires_at, last_used_at FROM token WHERE id = ?", .text(credential.id)
            ) { row in
                (
                    finding: KnownCallers.Finding(
                        name: row.text(at: 0) ?? "", role: row.text(at: 1).flatMap { Role(rawValue: $0) } ?? .viewer,
                        tokenID: credential.id, isSession: false, tokenEnd: row.count(at: 3),
                        usedAt: row.count(at: 4) ?? 0),
                    digest: row.text(at: 2) ?? ""
                )
            }.first
        }
        guard let (finding, digest) = found, credential.matches(digest) else {
            throw Self.badToken("there is no such token, or it was revoked")
        }
        if let end = finding.tokenEnd, end <= now {
            throw Self.badToken("'\(finding.name)' expired \((now - end) / 1000) seconds ago; ask for a new one")
        }
        if finding.isUseOld(at: now) {
            try write {
                try $0.run("UPDATE token SET last_used_at = ? WHERE id = ?", SQLiteValue(now), .text(credential.id))
            }
        } else {
            knownCallers.keep(finding, of: credential, prefix: Credential.tokenPrefix, version: version)
        }
        return finding.caller(at: now)
    }

    /// The caller that a bearer token stands for, where that was found of late and the database has not changed since; `nil` when
    /// it has to be looked up. Does not block.
    package func knownCaller(token text: String, now: UInt64) -> Caller? {
        knownCaller(text, prefix: Credential.tokenPrefix, now: now)
    }

    /// The caller that a cookie stands for, as for a bearer token.
    package func knownCaller(session text: String, now: UInt64) -> Caller? {
        knownCaller(text, prefix: Credential.sessionPrefix, now: now)
    }

    private func knownCaller(_ text: String, prefix: String, now: UInt64) -> Caller? {
        guard let credential = Credential(parsing: text, prefix: prefix) else { return nil }
        return knownCallers.finding(credential, prefix: prefix, now: now)?.caller(at: now)
    }

    // MARK: Sessions

    /// Opens a session for a browser.
    /// - Returns: the cookie's value.
    package func openSession(for caller: Caller, now: UInt64) throws -> String {
        try write { try Self.openSession(for: caller, now: now, $0) }
    }

    static func openSession(for caller: Caller, now: UInt64, _ connection: Connection) throws -> String {
        let credential = Credential()
        let oldest = now > sessionIdle ? now - sessionIdle : 0
        try connection.run("DELETE FROM session WHERE used_at < ?", SQLiteValue(oldest))
        try connection.run(
            "INSERT INTO session (id, token, digest, used_at) VALUES (?, ?, ?, ?)", .text(credential.id),
            .text(caller.tokenID), .text(credential.digest), SQLiteValue(now))
        try deleteEndedSignIns(connection)
        return credential.text(prefix: Credential.sessionPrefix)
    }

    private static func deleteEndedSignIns(_ connection: Connection) throws {
        try connection.run("DELETE FROM token WHERE is_sign_in = 1 AND id NOT IN (SELECT token FROM session)")
    }

    /// The caller that a cookie stands for.
    package func caller(session text: String, now: UInt64) throws -> Caller {
        let ended = Self.badToken("the session has ended; sign in again")
        guard let credential = Credential(parsing: text, prefix: Credential.sessionPrefix) else { throw ended }
        let version = knownCallers.version
        let found = try read { connection in
            try connection.rows(
                """
                SELECT token.name, token.role, session.digest, token.expires_at, session.used_at, token.id
                FROM session JOIN token ON token.id = session.token WHERE session.id = ?
                """, .text(credential.id)
            ) { row in
                (
                    finding: KnownCallers.Finding(
                        name: row.text(at: 0) ?? "", role: row.text(at: 1).flatMap { Role(rawValue: $0) } ?? .viewer,
                        tokenID: row.text(at: 5) ?? "", isSession: true, tokenEnd: row.count(at: 3),
                        usedAt: row.count(at: 4) ?? 0),
                    digest: row.text(at: 2) ?? ""
                )
            }.first
        }
        guard let (finding, digest) = found, credential.matches(digest), finding.usedAt + Self.sessionIdle > now,
            finding.tokenEnd ?? .max > now
        else { throw ended }
        if finding.isUseOld(at: now) {
            try write {
                try $0.run("UPDATE session SET used_at = ? WHERE id = ?", SQLiteValue(now), .text(credential.id))
            }
        } else {
            knownCallers.keep(finding, of: credential, prefix: Credential.sessionPrefix, version: version)
        }
        return finding.caller(at: now)
    }

    package func closeSession(_ text: String) throws {
        guard let credential = Credential(parsing: text, prefix: Credential.sessionPrefix) else { return }
        try write { connection in
            try connection.run("DELETE FROM session WHERE id = ?", .text(credential.id))
            try Self.deleteEndedSignIns(connection)
        }
    }

    private static func badToken(_ why: String) -> Problem {
        Problem(401, "bad-token", "the token is not accepted: \(why)")
    }
}

extension Statement {
    /// A column with a number that is not negative.
    func count(at column: Int32) -> UInt64? { integer(at: column).map { UInt64(clamping: $0) } }
}
