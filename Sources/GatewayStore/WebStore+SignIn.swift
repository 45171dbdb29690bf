import Cryptography
import GatewayLogic
import SQLite

extension WebStore {
    /// How long a link signs a browser in, in milliseconds.
    package static let signInLifetime: UInt64 = 600_000

    /// Makes the code of a link that signs one browser in, once. Only its digest is stored.
    package func makeSignInCode(now: UInt64) throws -> String {
        let code = RandomText.base32(byteCount: 20)
        try write { connection in
            try connection.run("DELETE FROM sign_in_code WHERE expires_at <= ?", SQLiteValue(now))
            try connection.run(
                "INSERT INTO sign_in_code (digest, expires_at) VALUES (?, ?)", .text(Self.digest(ofCode: code)),
                SQLiteValue(now + Self.signInLifetime))
        }
        return code
    }

    /// Opens a session by a code, which is not good afterwards. Its token ends with it, as nobody has that token's text.
    /// - Returns: `nil` when the code is not good.
    package func openSession(code: String, now: UInt64) throws -> (caller: Caller, cookie: String)? {
        try write { connection in
            let taken = try connection.run(
                "DELETE FROM sign_in_code WHERE digest = ? AND expires_at > ?", .text(Self.digest(ofCode: code)),
                SQLiteValue(now))
            guard taken > 0 else { return nil }
            let token = Credential()
            try Self.insert(token, name: "local", role: .admin, expiresAt: nil, isSignIn: true, now: now, connection)
            let caller = Caller(name: "local", role: .admin, tokenID: token.id, isSession: true, expiresAt: nil)
            return (caller, try Self.openSession(for: caller, now: now, connection))
        }
    }

    private static func digest(ofCode code: String) -> String { HexText.text(SHA256.hash(Array(code.utf8))) }
}
