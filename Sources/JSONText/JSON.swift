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
    public var text: String { String(decoding: utf8, as: UTF8.self) }

    /// The bytes of `text`.
    package var utf8: [UInt8] {
        var bytes: [UInt8] = []
        write(to: &bytes)
        return bytes
    }

    /// This object with the members of `more` at its end.
    public func with(_ more: JSON) -> JSON {
        guard case .object(let own) = self, case .object(let others) = more else { return self }
        return .object(own + others)
    }

    private func write(to bytes: inout [UInt8]) {
        switch self {
        case .null: bytes += "null".utf8
        case .bool(let value): bytes += (value ? "true" : "false").utf8
        case .integer(let value): bytes += String(value).utf8
        case .number(let value):
            // There is no JSON for infinity and not-a-number.
            bytes += (value.isFinite ? ArithmeticText.shortest(value) : "null").utf8
        case .string(let value): Self.write(value, to: &bytes)
        case .array(let values):
            bytes.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                value.write(to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let members):
            bytes.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                Self.write(member.name, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                member.value.write(to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private static func write(_ string: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        if string.utf8.allSatisfy(isPlain) {
            bytes += string.utf8
        } else {
            for scalar in string.unicodeScalars { write(scalar, to: &bytes) }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Whether a byte is a character that is written as it is: the printable half of ASCII but for two.
    private static func isPlain(_ byte: UInt8) -> Bool {
        (0x20..<0x7F).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    private static func write(_ scalar: Unicode.Scalar, to bytes: inout [UInt8]) {
        switch scalar {
        case "\"": bytes += "\\\"".utf8
        case "\\": bytes += "\\\\".utf8
        case "\n": bytes += "\\n".utf8
        case "\r": bytes += "\\r".utf8
        case "\t": bytes += "\\t".utf8
        case _ where ShownText.isHidden(scalar):
            // A terminal may show the JSON: characters that could steer it are escaped, as UTF-16.
            for unit in UTF16.encode(scalar).map({ Array($0) }) ?? [] {
                let digits = String(unit, radix: 16)
                bytes += "\\u".utf8
                bytes += String(repeating: "0", count: 4 - digits.count).utf8
                bytes += digits.utf8
            }
        default: bytes += UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
        }
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
