import Cryptography
import GatewayLogic

/// A token or a session's cookie: an id to find it by, and a secret, of which only the digest is stored.
package struct Credential: Hashable, Sendable {
    package let id: String
    package let secret: String

    /// A new one from the system's random source.
    package init() {
        id = RandomText.base32(byteCount: 5)
        secret = RandomText.base32(byteCount: 32)
    }

    /// Reads what `text(prefix:)` wrote.
    package init?(parsing text: String, prefix: String) {
        let parts = text.split(separator: "_", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == prefix, RandomText.isBase32(parts[1], characterCount: 8),
            RandomText.isBase32(parts[2], characterCount: 52)
        else { return nil }
        id = String(parts[1])
        secret = String(parts[2])
    }

    /// `tsw_<id>_<secret>`.
    package func text(prefix: String) -> String { "\(prefix)_\(id)_\(secret)" }

    /// What is stored of the secret.
    package var digest: String { HexText.text(SHA256.hash(Array(secret.utf8))) }

    /// Whether `digest` is that of the secret; takes the same time wherever they differ.
    package func matches(_ digest: String) -> Bool {
        var difference: UInt8 = 0
        let (mine, other) = (Array(self.digest.utf8), Array(digest.utf8))
        guard mine.count == other.count else { return false }
        for (a, b) in zip(mine, other) { difference |= a ^ b }
        return difference == 0
    }

    package static let tokenPrefix = "tsw"
    package static let sessionPrefix = "tss"
}
