/// The target of a request: the segments of its path and its query, decoded.
package struct RequestTarget: Hashable, Sendable {
    /// The path as it was sent.
    package let path: String
    /// Between the slashes, decoded; the last one is empty behind a slash at the end.
    package let segments: [String]
    private let query: [(name: String, value: String)]

    package static func == (left: RequestTarget, right: RequestTarget) -> Bool {
        left.path == right.path && left.query.elementsEqual(right.query) { $0 == $1 }
    }
    package func hash(into hasher: inout Hasher) { hasher.combine(path) }

    /// - Throws: for a target that is not a path, or has bytes that are not UTF-8 when decoded.
    package init(parsing text: String) throws(Problem) {
        let parts = text.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        path = String(parts[0])
        guard path.utf8.first == UInt8(ascii: "/"), path.utf8.count <= 4096 else {
            throw .malformed("the request's target is not a path of at most 4096 bytes")
        }
        var segments: [String] = []
        for part in path.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            guard let segment = Self.decoded(part), !segment.utf8.contains(0) else {
                throw .malformed("the path '\(path.prefix(200))' is not percent-encoded UTF-8")
            }
            segments.append(segment)
        }
        self.segments = segments
        var query: [(name: String, value: String)] = []
        for pair in (parts.count > 1 ? parts[1] : "").split(separator: "&") {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Self.decoded(sides[0]), let value = Self.decoded(sides.count > 1 ? sides[1] : "") else {
                throw .malformed("the query is not percent-encoded UTF-8")
            }
            // Which of them would count, a proxy and a reader of the description may see otherwise.
            guard !query.contains(where: { $0.name == name }) else {
                throw .malformed("the query names '\(name.prefix(40))' twice; name it once")
            }
            query.append((name, value))
        }
        self.query = query
    }

    /// The value of a member of the query; `nil` when it is not there, or empty.
    package func value(_ name: String) -> String? {
        query.first { $0.name == name }.flatMap { $0.value.isEmpty ? nil : $0.value }
    }

    /// The members of the query that are not among `names`.
    package func unknownNames(besides names: [String]) -> [String] { query.map(\.name).filter { !names.contains($0) } }

    /// A whole number of the query within `range`; `nil` when it is not there.
    package func integer(_ name: String, in range: ClosedRange<Int>) throws(Problem) -> Int? {
        // An empty one is not a number, and not left out.
        guard let text = query.first(where: { $0.name == name })?.value else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw Problem(
                422, "invalid-argument",
                "\(name)=\(text.prefix(40)) is not allowed; it is a whole number from \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return number
    }

    /// The value of a member of the query that is one of `choices`; `nil` when it is not there. An empty one is not left out.
    package func choice(_ name: String, of choices: [String]) throws(Problem) -> String? {
        guard let value = query.first(where: { $0.name == name })?.value else { return nil }
        guard choices.contains(value) else {
            let allowed = choices.dropLast().joined(separator: ", ") + " or " + (choices.last ?? "")
            throw Problem(
                422, "invalid-argument", "\(name)=\(value.prefix(40)) is not allowed; it is \(allowed)")
        }
        return value
    }

    /// The value of a member of the query; `nil` when it is not there, or empty.
    /// - Throws: for one of more than `limit` characters.
    package func text(_ name: String, upTo limit: Int) throws(Problem) -> String? {
        guard let text = value(name) else { return nil }
        // Characters as JSON Schema counts them.
        guard text.unicodeScalars.count <= limit else {
            throw Problem(
                422, "invalid-argument",
                "\(name) has \(text.unicodeScalars.count) characters; at most \(limit) are allowed")
        }
        return text
    }

    /// Percent-decoded; `nil` when that is not UTF-8, or a `%` has no two digits.
    private static func decoded(_ text: Substring) -> String? {
        guard text.utf8.contains(UInt8(ascii: "%")) || text.utf8.contains(UInt8(ascii: "+")) else {
            return String(validating: text.utf8, as: UTF8.self)
        }
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            let digits = rest.prefix(2)
            guard digits.count == 2, let code = UInt8(hexadecimal: digits) else { return nil }
            bytes.append(code)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}

extension UInt8 {
    /// The byte that two hexadecimal digits mean; `nil` for anything else.
    init?(hexadecimal digits: some Collection<UInt8>) {
        var value: UInt8 = 0
        for digit in digits {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | (digit - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | (digit - UInt8(ascii: "a") + 10)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): value = value << 4 | (digit - UInt8(ascii: "A") + 10)
            default: return nil
            }
        }
        self = value
    }
}
