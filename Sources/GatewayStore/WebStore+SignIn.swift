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

    /// Whether a code is good; it is not afterwards.
    package func takeSignInCode(_ code: String, now: UInt64) throws -> Bool {
        try write { connection in
            try connection.run(
                "DELETE FROM sign_in_code WHERE digest = ? AND expires_at > ?", .text(Self.digest(ofCode: code)),
                SQLiteValue(now)) > 0
        }
    }

    private static func digest(ofCode code: String) -> String { HexText.text(SHA256.hash(Array(code.utf8))) }
}
