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
    package var digest: String { HexText.text(secretDigest) }

    /// The SHA-256 of the secret.
    var secretDigest: [UInt8] { SHA256.hash(Array(secret.utf8)) }

    /// Whether `digest` is that of the secret; takes the same time wherever they differ.
    package func matches(_ digest: String) -> Bool { HexText.bytes(digest).map { matches($0) } ?? false }

    func matches(_ digest: [UInt8]) -> Bool {
        let mine = secretDigest
        var difference: UInt8 = 0
        guard mine.count == digest.count else { return false }
        for (a, b) in zip(mine, digest) { difference |= a ^ b }
        return difference == 0
    }

    /// Where it is found, without its secret.
    struct Place: Hashable, Sendable {
        let prefix: String
        let id: String
    }

    func place(prefix: String) -> Place { Place(prefix: prefix, id: id) }

    package static let tokenPrefix = "tsw"
    package static let sessionPrefix = "tss"
}
