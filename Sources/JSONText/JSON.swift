import FoundationEssentials
import Names

/// A JSON value; the members of an object keep the order in which they were given.
public enum JSON: Sendable, Hashable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSON])
    case object([Member])

    /// A name and a value of an object.
    public struct Member: Sendable, Hashable {
        public let name: String
        public let value: JSON

        public init(name: String, value: JSON) {
            self.name = name
            self.value = value
        }
    }

    /// A counter. JSON readers agree on integers up to 2^53 only; our counters stay far below.
    public static func integer(_ value: UInt64) -> JSON { .integer(Int(clamping: value)) }
    /// A counter.
    public static func integer(_ value: UInt32) -> JSON { .integer(Int(value)) }

    /// The value on one line without a line feed at its end (RFC 8259).
    public var text: String {
        var text = ""
        write(to: &text)
        return text
    }

    /// This object with the members of `more` at its end.
    public func with(_ more: JSON) -> JSON {
        guard case .object(let own) = self, case .object(let others) = more else { return self }
        return .object(own + others)
    }

    private func write(to text: inout String) {
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .integer(let value): text += String(value)
        case .number(let value):
            // There is no JSON for infinity and not-a-number.
            text += value.isFinite ? ArithmeticText.shortest(value) : "null"
        case .string(let value): Self.write(value, to: &text)
        case .array(let values):
            text += "["
            for (index, value) in values.enumerated() {
                if index > 0 { text += "," }
                value.write(to: &text)
            }
            text += "]"
        case .object(let members):
            text += "{"
            for (index, member) in members.enumerated() {
                if index > 0 { text += "," }
                Self.write(member.name, to: &text)
                text += ":"
                member.value.write(to: &text)
            }
            text += "}"
        }
    }

    private static func write(_ string: String, to text: inout String) {
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case _ where ShownText.isHidden(scalar):
                // A terminal may show the JSON: characters that could steer it are escaped, as UTF-16.
                for unit in UTF16.encode(scalar).map({ Array($0) }) ?? [] {
                    let digits = String(unit, radix: 16)
                    text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}

extension JSON {
    /// The value of a member of an object; `nil` when it has none of that name, and for anything else.
    package func member(_ name: String) -> JSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    /// An object with the path of a file, in its text form: `file`, and `file_base64` where it is not UTF-8.
    public static func file(_ path: String) -> JSON { ["file": .name(path), "file_base64": .base64(ofName: path)] }

    /// The text of a name, which is in its text form, with U+FFFD for bytes that are not UTF-8.
    package static func name(_ name: String) -> JSON { .string(NameText.repaired(name).text) }

    /// The bytes of a name that is not UTF-8, in Base64 (RFC 4648); `nil` for one that is.
    package static func base64(ofName name: String) -> JSON? {
        NameText.repaired(name).isExact ? nil : .string(Data(NameText.bytes(of: name)).base64EncodedString())
    }
}

extension JSON: ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral, ExpressibleByStringLiteral {
    /// An object. A member whose value is `nil` is left out.
    public init(dictionaryLiteral elements: (String, JSON?)...) {
        self = .object(elements.compactMap { name, value in value.map { Member(name: name, value: $0) } })
    }

    public init(arrayLiteral elements: JSON...) { self = .array(elements) }

    public init(stringLiteral value: String) { self = .string(value) }
}

/// Numbers as text, without a locale.
package enum ArithmeticText {
    /// The shortest decimal that reads back as `value`; whole numbers without `.0`.
    package static func shortest(_ value: Double) -> String {
        let text = String(value)
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    /// `value` with exactly `places` digits after the point, rounded to nearest.
    package static func fixed(_ value: Double, places: Int) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return String(value) }
        var scale = 1
        for _ in 0..<places { scale *= 10 }
        let scaled = Int((abs(value) * Double(scale)).rounded())
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard places > 0 else { return sign + String(scaled) }
        let fraction = String(scaled % scale)
        return sign + String(scaled / scale) + "." + String(repeating: "0", count: places - fraction.count) + fraction
    }
}
