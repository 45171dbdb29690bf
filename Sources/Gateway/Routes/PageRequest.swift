import GatewayLogic
import GatewayStore

/// The page of a list that a request asks for.
struct PageRequest: Sendable {
    let limit: Int
    /// Where the page before ended.
    let position: UInt64?
    private let key: CursorKey
    private let list: String
    private let path: String
    private let query: String

    /// - Parameters:
    ///   - list: names the list; with the values of its filters it is what the cursor is good for.
    ///   - filters: names of the members of the query that choose items.
    init(_ call: Gateway.Call, _ key: CursorKey, list: String, filters: [String]) throws(Problem) {
        self.key = key
        let target = call.target
        let unknown = target.unknownNames(besides: filters + ["limit", "cursor", "first"])
        guard unknown.isEmpty else {
            throw Problem(
                422, "invalid-argument",
                "there is no '\(unknown[0].prefix(40))' in this list's query; it has \((filters + ["limit", "cursor"]).joined(separator: ", "))"
            )
        }
        limit = try target.integer("limit", in: 1...500) ?? 100
        let given = filters.compactMap { name in target.value(name).map { (name, $0) } }
        let named = list + given.map { "\n\($0)=\($1)" }.joined()
        self.list = named
        path = target.path
        query = (given + [("limit", "\(limit)")]).map { "\($0)=\(Self.encoded($1))" }.joined(separator: "&")
        if let cursor = target.value("cursor") {
            position = try key.position(cursor, of: named)
        } else {
            position = nil
        }
    }

    /// The path of the page behind `position`.
    @Sendable func next(_ position: UInt64) -> String { "\(path)?\(query)&cursor=\(key.cursor(position, of: list))" }

    private static func encoded(_ text: String) -> String {
        let plain = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~,".utf8)
        return text.utf8.map { byte in
            if plain.contains(byte) { return String(Unicode.Scalar(byte)) }
            let digits = String(byte, radix: 16, uppercase: true)
            return "%" + (byte < 16 ? "0" : "") + digits
        }.joined()
    }
}

extension Gateway.Call {
    /// The job of the path.
    func jobNumber() throws(Problem) -> UInt64 {
        let text = values["job"] ?? ""
        guard let job = UInt64(text), job > 0, job <= 1 << 53, String(job) == text else {
            throw .notFound("there is no job '\(text.prefix(40))'")
        }
        return job
    }

    /// The image of the path.
    func imageName() throws(Problem) -> ImageName {
        let text = values["image"] ?? ""
        guard let index = UInt32(text), String(index) == text else {
            throw .notFound("there is no image '\(text.prefix(40))'")
        }
        return ImageName(job: try jobNumber(), index: index)
    }
}
