/// The address that a webhook sends to.
package struct WebhookTarget: Hashable, Sendable {
    package let isEncrypted: Bool
    /// A name, or an IP address without brackets.
    package let host: String
    package let port: Int
    /// Path and query, as they are sent.
    package let path: String

    package static let limit = 2048

    /// The field `Host` of its requests.
    package var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (isEncrypted ? 443 : 80) ? name : "\(name):\(port)"
    }

    /// - Throws: for anything but `https://host[:port][/path][?query]`, or `http`, in ASCII without a name or a password in it.
    package init(parsing text: String) throws(Problem) {
        func refuse(_ why: String) -> Problem { .invalid("/url", "'\(text.prefix(100))' is not accepted: \(why)") }
        let isPlain = text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\\") }
        guard isPlain, text.utf8.count <= Self.limit else {
            throw refuse("an address has at most \(Self.limit) characters of ASCII, without spaces")
        }
        guard let colon = text.firstRange(of: "://") else { throw refuse("it is not like https://example.com/hook") }
        switch text[..<colon.lowerBound].lowercased() {
        case "https": isEncrypted = true
        case "http": isEncrypted = false
        default: throw refuse("it begins with neither https:// nor http://")
        }
        let rest = text[colon.upperBound...]
        guard !rest.contains("#") else { throw refuse("a fragment is never sent; leave it out") }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let tail = rest[authority.endIndex...]
        path = tail.first == "/" ? String(tail) : "/" + tail
        guard !authority.contains("@") else {
            throw refuse("names and passwords in addresses end in logs; the signature proves the sender")
        }
        let name: Substring
        let end: Substring
        if authority.first == "[" {
            guard let bracket = authority.firstIndex(of: "]") else { throw refuse("a bracket is missing") }
            name = authority[authority.index(after: authority.startIndex)..<bracket]
            end = authority[authority.index(after: bracket)...]
        } else {
            name = authority.prefix { $0 != ":" }
            end = authority[name.endIndex...]
        }
        let allowed = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:".utf8)
        guard !name.isEmpty, name.utf8.count <= 253, name.utf8.allSatisfy(allowed.contains) else {
            throw refuse("its host is not a name or an address")
        }
        host = name.lowercased()
        if end.isEmpty {
            port = isEncrypted ? 443 : 80
        } else {
            guard end.first == ":", let number = Int(end.dropFirst()), (1...65535).contains(number),
                String(number) == end.dropFirst()
            else { throw refuse("its port is not a number from 1 to 65535") }
            port = number
        }
    }
}
