import JSONText

/// Reads the members of an object of a request, each once; what is left over at the end is refused.
package struct ObjectReader {
    /// The place of the object in the request's body (RFC 6901).
    package let pointer: String
    private var members: [String: JSON]

    /// - Throws: for a value that is not an object.
    package init(_ value: JSON, at pointer: String = "") throws(Problem) {
        guard case .object(let members) = value else {
            throw .invalid(pointer, "\(pointer.isEmpty ? "the body" : pointer) is not an object")
        }
        self.pointer = pointer
        self.members = Dictionary(members.map { ($0.name, $0.value) }) { first, _ in first }
    }

    /// - Throws: when a member was not asked for.
    package func finish() throws(Problem) {
        guard let unknown = members.keys.min() else { return }
        throw .invalid(place(unknown), "there is no member '\(unknown.prefix(60))' here; leave it out")
    }

    package func place(_ name: String) -> String {
        pointer + "/" + name.replacing("~", with: "~0").replacing("/", with: "~1")
    }

    /// Whether the member is there, and not yet read.
    package func has(_ name: String) -> Bool { members[name] != nil }

    package mutating func value(_ name: String) -> JSON? { members.removeValue(forKey: name) }

    package mutating func text(_ name: String, upTo limit: Int = 1024, allowsEmpty: Bool = false) throws(Problem)
        -> String?
    {
        guard let value = value(name) else { return nil }
        guard case .string(let text) = value else { throw .invalid(place(name), "\(place(name)) is not a string") }
        guard text.utf8.count <= limit, allowsEmpty || !text.isEmpty else {
            throw .invalid(
                place(name),
                "\(place(name)) has \(text.utf8.count) bytes; \(allowsEmpty ? "at most" : "1 to") \(limit) are allowed")
        }
        return text
    }

    package mutating func requiredText(
        _ name: String, upTo limit: Int = 1024, allowsEmpty: Bool = false
    ) throws(Problem) -> String {
        guard let text = try text(name, upTo: limit, allowsEmpty: allowsEmpty) else { throw missing(name) }
        return text
    }

    package mutating func integer(_ name: String, in range: ClosedRange<Int>) throws(Problem) -> Int? {
        guard let value = value(name) else { return nil }
        let number: Int? =
            switch value {
            case .integer(let whole): whole
            // JSON does not tell 3 from 3.0.
            case .number(let number): Int(exactly: number)
            case .null, .bool, .string, .array, .object: nil
            }
        guard let number, range.contains(number) else {
            throw .invalid(
                place(name), "\(place(name)) is not a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    package mutating func flag(_ name: String) throws(Problem) -> Bool {
        guard let value = value(name) else { return false }
        guard case .bool(let flag) = value else { throw .invalid(place(name), "\(place(name)) is not true or false") }
        return flag
    }

    package mutating func elements(_ name: String, upTo limit: Int) throws(Problem) -> [(value: JSON, pointer: String)]?
    {
        guard let value = value(name) else { return nil }
        guard case .array(let values) = value else { throw .invalid(place(name), "\(place(name)) is not an array") }
        guard values.count <= limit else {
            throw .invalid(place(name), "\(place(name)) has \(values.count) elements; at most \(limit) are allowed")
        }
        return values.enumerated().map { ($1, "\(place(name))/\($0)") }
    }

    package mutating func object(_ name: String) throws(Problem) -> ObjectReader? {
        guard let value = value(name) else { return nil }
        return try ObjectReader(value, at: place(name))
    }

    package func missing(_ name: String) -> Problem { .invalid(place(name), "\(place(name)) is missing") }
}
