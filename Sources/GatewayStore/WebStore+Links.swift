import Cryptography
import GatewayLogic
import SQLite

/// A presigned link as it is stored.
package struct LinkRecord: Hashable, Sendable {
    package let id: String
    package let owner: String
    /// Below `/api/v1`.
    package let path: String
    package let isPrefix: Bool
    /// Milliseconds since 1970, as are the other times.
    package let createdAt: UInt64
    package let expiresAt: UInt64
    package let lastUsedAt: UInt64?
    /// Its address on this gateway, from `/s/`.
    package let url: String
}

/// A key that links are signed with. The newest one signs; the one before it is still accepted.
private struct LinkKey {
    let id: String
    let secret: [UInt8]
    let madeAt: UInt64

    func signature(_ scope: LinkScope, expiry: UInt64, id: String) -> [UInt8] {
        HMACSHA256.code(over: [Self.signed(scope, expiry, id)], key: secret)
    }

    /// Takes the same time wherever the signatures differ.
    func hasSigned(_ scope: LinkScope, _ address: LinkAddress) -> Bool {
        HMACSHA256.isCode(address.signature, over: [Self.signed(scope, address.expiry, address.id)], key: secret)
    }

    private static func signed(_ scope: LinkScope, _ expiry: UInt64, _ id: String) -> [UInt8] {
        Array(LinkAddress.signedText(scope: scope, expiry: expiry, id: id).utf8)
    }
}

extension WebStore {
    /// Keys that are accepted at a time.
    package static let linkKeyCount = 2
    /// A key signs for that long, in milliseconds: then `rotateLinkKey` is due. No link outlives its key by that.
    package static let linkKeyAge = NewLink.maximumLifetime * 1000
    /// Links that have ended are shown for that long, in milliseconds.
    package static let endedLinkAge: UInt64 = 7 * 86_400_000

    /// Makes and signs a link.
    /// - Throws: `too-many-requests` when the owner has too many.
    package func createLink(_ new: NewLink, owner: String, now: UInt64) throws -> LinkRecord {
        try write { connection in
            let key = try Self.linkKeys(connection, now: now)[0]
            try connection.run(
                "DELETE FROM link WHERE expires_at < ?", SQLiteValue(now - min(now, Self.endedLinkAge)))
            let count = try connection.rows("SELECT count(*) FROM link WHERE owner = ?", .text(owner)) {
                Int($0.count(at: 0) ?? 0)
            }.first
            guard count ?? 0 < NewLink.maximumCount else {
                throw Problem(
                    429, "too-many-requests",
                    "'\(owner)' has \(NewLink.maximumCount) links, which is the most: revoke some, or share a job by one prefix link"
                ).with("Retry-After", "60")
            }
            // Not shorter than what was asked for.
            let expiresAt = ((now + 999) / 1000 + new.lifetime) * 1000
            let id = LinkAddress.newID()
            try connection.run(
                "INSERT INTO link (id, owner, path, is_prefix, key, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                .text(id), .text(owner), .text(new.scope.path), SQLiteValue(new.scope.isPrefix), .text(key.id),
                SQLiteValue(now), SQLiteValue(expiresAt))
            return LinkRecord(
                id: id, owner: owner, path: new.scope.path, isPrefix: new.scope.isPrefix, createdAt: now,
                expiresAt: expiresAt, lastUsedAt: nil, url: Self.url(new.scope, key, expiresAt: expiresAt, id: id))
        }
    }

    /// Links behind the one at `after`, in the order in which they were made.
    /// - Parameter owner: `nil` for those of everybody.
    package func links(of owner: String?, after: Int64, limit: Int) throws -> [(LinkRecord, Int64)] {
        try read { connection in
            let keys = try Self.storedLinkKeys(connection)
            return try connection.rows(
                """
                SELECT id, owner, path, is_prefix, key, created_at, expires_at, last_used_at, rowid FROM link
                WHERE (?1 IS NULL OR owner = ?1) AND rowid > ? ORDER BY rowid LIMIT ?
                """, SQLiteValue(owner), .integer(after), SQLiteValue(limit)
            ) { row in
                Self.record(row, keys).map { ($0, row.integer(at: 8) ?? 0) }
            }.compactMap(\.self)
        }
    }

    /// The owner of a link; `nil` when there is none of that id.
    package func ownerOfLink(_ id: String) throws -> String? {
        try read { try $0.rows("SELECT owner FROM link WHERE id = ?", .text(id)) { $0.text(at: 0) ?? "" }.first }
    }

    /// Revokes a link.
    /// - Returns: whether there was one.
    @discardableResult
    package func deleteLink(_ id: String) throws -> Bool {
        try write { try $0.run("DELETE FROM link WHERE id = ?", .text(id)) > 0 }
    }

    /// Checks the signature of an address, then its time, then whether the link is there.
    ///
    /// - Throws: `link-invalid` or `link-expired`.
    package func open(_ address: LinkAddress, now: UInt64) throws {
        let key = try read { try Self.storedLinkKeys($0) }.first { $0.id == address.key }
        // All scopes are compared, whichever of them was signed.
        let matches = LinkScope.scopes(opening: address.segments).map { key?.hasSigned($0, address) ?? false }
        guard matches.contains(true) else {
            throw Self.invalidLink(
                "the link is not one that this gateway has signed for this path, or its key was replaced since; ask the sender for a new one"
            )
        }
        guard now < address.expiry * 1000 else {
            throw Problem(
                403, "link-expired",
                "the link ended \(now / 1000 - address.expiry) seconds ago; ask the sender for a new one")
        }
        let lastUse = try read { connection in
            try connection.rows("SELECT last_used_at FROM link WHERE id = ?", .text(address.id)) {
                $0.count(at: 0) ?? 0
            }
            .first
        }
        guard let lastUse else {
            throw Self.invalidLink("the link was revoked; ask the sender for a new one")
        }
        // To the minute: one write for many requests.
        if now > lastUse + 60_000 {
            try write {
                try $0.run("UPDATE link SET last_used_at = ? WHERE id = ?", SQLiteValue(now), .text(address.id))
            }
        }
    }

    /// The problem of a link that is not accepted.
    package static func invalidLink(_ why: String) -> Problem { Problem(403, "link-invalid", why) }

    // MARK: Keys

    /// Makes a key that signs from now on, and forgets all but the one before it, with the links that they have signed.
    ///
    /// - Parameter age: nothing happens while the newest key is younger, in milliseconds.
    /// - Returns: the new key's id and the number of links that ended; `nil` when it was too early.
    package func rotateLinkKey(ifOlderThan age: UInt64 = 0, now: UInt64) throws -> (key: String, ended: Int)? {
        try write { connection in
            let newest = try Self.linkKeys(connection, now: now)[0]
            guard age == 0 || now >= newest.madeAt + age else { return nil }
            let made = try Self.makeLinkKey(connection, now: now)
            let old = try Self.storedLinkKeys(connection).dropFirst(Self.linkKeyCount)
            var ended = 0
            for key in old {
                ended += try connection.run(
                    "DELETE FROM link WHERE key = ? AND expires_at > ?", .text(key.id), SQLiteValue(now))
                try connection.run("DELETE FROM link_key WHERE id = ?", .text(key.id))
            }
            return (made.id, ended)
        }
    }

    /// The keys, the newest one first; the first one is made when there is none.
    private static func linkKeys(_ connection: Connection, now: UInt64) throws -> [LinkKey] {
        let stored = try storedLinkKeys(connection)
        return stored.isEmpty ? [try makeLinkKey(connection, now: now)] : stored
    }

    private static func storedLinkKeys(_ connection: Connection) throws -> [LinkKey] {
        try connection.rows("SELECT id, secret, made_at FROM link_key ORDER BY rowid DESC") { row in
            LinkKey(
                id: row.text(at: 0) ?? "", secret: row.text(at: 1).flatMap { HexText.bytes($0) } ?? [],
                madeAt: row.count(at: 2) ?? 0)
        }
        // An empty key would sign what everybody can sign.
        .filter { $0.secret.count == 32 }
    }

    private static func makeLinkKey(_ connection: Connection, now: UInt64) throws -> LinkKey {
        var random = SystemRandomNumberGenerator()
        let secret = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        let key = LinkKey(id: LinkAddress.newKeyID(), secret: secret, madeAt: now)
        try connection.run(
            "INSERT INTO link_key (id, secret, made_at) VALUES (?, ?, ?)", .text(key.id), .text(HexText.text(secret)),
            SQLiteValue(now))
        return key
    }

    private static func url(_ scope: LinkScope, _ key: LinkKey, expiresAt: UInt64, id: String) -> String {
        let expiry = expiresAt / 1000
        return LinkAddress.path(
            expiry: expiry, key: key.id, id: id, signature: key.signature(scope, expiry: expiry, id: id), scope: scope)
    }

    private static func record(_ row: Statement, _ keys: [LinkKey]) -> LinkRecord? {
        let (id, path, isPrefix) = (row.text(at: 0) ?? "", row.text(at: 2) ?? "", row.integer(at: 3) == 1)
        let expiresAt = row.count(at: 6) ?? 0
        guard let key = keys.first(where: { $0.id == row.text(at: 4) }),
            let scope = try? LinkScope(path: path, isPrefix: isPrefix)
        else { return nil }
        return LinkRecord(
            id: id, owner: row.text(at: 1) ?? "", path: path, isPrefix: isPrefix, createdAt: row.count(at: 5) ?? 0,
            expiresAt: expiresAt, lastUsedAt: row.count(at: 7), url: url(scope, key, expiresAt: expiresAt, id: id))
    }
}
