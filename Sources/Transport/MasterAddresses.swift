/// The addresses at which a master may be: of several, it is at one at a time. As text `a:7400,b:7400`.
public struct MasterAddresses: Hashable, Sendable, CustomStringConvertible {
    /// Each takes seconds where nothing answers.
    public static let limit = 8

    /// At least one, in the order in which they are tried.
    public let all: [Endpoint]

    public init(_ endpoint: Endpoint) { all = [endpoint] }

    /// - Parameter defaultPort: the port of an address that names none; `nil` makes ports obligatory.
    /// - Throws: `TransportError` with code `bad-endpoint`.
    public init(parsing text: some StringProtocol, defaultPort: Int? = nil) throws(TransportError) {
        var all: [Endpoint] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let endpoint = try Endpoint(parsing: Self.trimmed(part), defaultPort: defaultPort)
            guard !all.contains(endpoint) else {
                throw TransportError(.badEndpoint, "'\(text)' has \(endpoint) twice; name each address once")
            }
            all.append(endpoint)
        }
        guard all.count <= Self.limit else {
            throw TransportError(
                .badEndpoint, "'\(text)' has \(all.count) addresses; at most \(Self.limit) are allowed")
        }
        self.all = all
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        let start = text.firstIndex { $0 != " " } ?? text.endIndex
        let end = text.lastIndex { $0 != " " }.map(text.index(after:)) ?? start
        return String(text[start..<max(start, end)])
    }

    public var description: String { all.map(\.description).joined(separator: ",") }
}
