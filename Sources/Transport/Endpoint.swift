/// A host and a port, as people write them: `host:port`, `192.0.2.1:7400`, `[2001:db8::1]:7400`.
public struct Endpoint: Hashable, Sendable, CustomStringConvertible {
    /// A name or an address, without brackets.
    public let host: String
    /// 0 to 65535; 0 lets the system choose when listening.
    public let port: Int

    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// The host that stands for every address of this machine, of all families; only for listening.
    public static let everyAddress = "*"

    /// What the address is for.
    public enum Use: Sendable {
        case connecting
        /// The host may be `*`.
        case listening
    }

    /// - Parameter defaultPort: the port of a text that names none; `nil` makes the port obligatory.
    /// - Throws: `TransportError` with code `bad-endpoint`.
    public init(
        parsing text: some StringProtocol, defaultPort: Int? = nil, for use: Use = .connecting
    ) throws(TransportError) {
        func refused(_ why: String) -> TransportError {
            TransportError(
                .badEndpoint,
                "'\(text)' is not an address: \(why); addresses are host:port, 192.0.2.1:7400 or [2001:db8::1]:7400")
        }
        let host: Substring
        let rest: Substring
        let text = Substring(text)
        if let scheme = text.firstRange(of: "://") {
            throw refused("leave \(text[..<scheme.upperBound]) out")
        }
        if text.first == "[" {
            guard let close = text.firstIndex(of: "]") else { throw refused("the bracket is not closed") }
            host = text[text.index(after: text.startIndex)..<close]
            guard host.contains(":") else { throw refused("brackets are for IPv6 addresses") }
            rest = text[text.index(after: close)...]
        } else {
            let colon = text.firstIndex(of: ":") ?? text.endIndex
            host = text[..<colon]
            rest = text[colon...]
            guard !rest.dropFirst().contains(":") else { throw refused("an IPv6 address needs brackets") }
        }
        guard !host.isEmpty else { throw refused("the host is missing") }
        guard host.allSatisfy({ $0.isASCII && !$0.isWhitespace && $0 != "/" }) else {
            throw refused("a host has no spaces, slashes or letters outside ASCII")
        }
        guard !host.contains("*") || host == Self.everyAddress else {
            throw refused("a host has no '*'; alone, it stands for every address of the machine that listens")
        }
        guard host != Self.everyAddress || use == .listening else {
            throw refused("'*' is for the side that listens; name the master's host")
        }
        // To a resolver it is an address of 32 bits: "7400" is 0.0.28.232.
        guard !host.allSatisfy(\.isWholeNumber) else {
            throw refused("\(host) alone is a port; write 127.0.0.1:\(host), or the host in its place")
        }
        if rest.isEmpty {
            guard let defaultPort else { throw refused("the port is missing") }
            self.init(host: String(host), port: defaultPort)
            return
        }
        let digits = rest.dropFirst()
        guard rest.first == ":", !digits.isEmpty, digits.allSatisfy(\.isWholeNumber), let port = UInt16(digits) else {
            throw refused("the port is \"\(digits)\", not a number from 0 to 65535")
        }
        self.init(host: String(host), port: Int(port))
    }

    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
