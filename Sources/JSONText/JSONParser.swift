/// Why a text is not JSON.
public struct MalformedJSON: Error, Hashable, CustomStringConvertible {
    /// The place of the first byte that cannot be there, counted from 0.
    public let byteOffset: Int
    public let reason: String

    public var description: String { "\(reason) at byte \(byteOffset)" }
}

extension JSON {
    /// The deepest nesting of arrays and objects that is read.
    public static let maximumDepth = 32

    /// Reads one JSON value and nothing else (RFC 8259).
    ///
    /// Stricter than the standard where readers differ: a member's name occurs once in its object, text is UTF-8 without lone
    /// surrogates, and nesting has a limit. Whole numbers within 64 bits are `integer`, all others `number`.
    public init(parsing bytes: [UInt8]) throws(MalformedJSON) {
        var parser = Parser(bytes: bytes)
        self = try parser.document()
    }

    private struct Parser {
        let bytes: [UInt8]
        var position = 0

        mutating func document() throws(MalformedJSON) -> JSON {
            let value = try value(depth: 0)
            skipSpace()
            guard position == bytes.count else { throw error("there is more behind the value") }
            return value
        }

        private mutating func value(depth: Int) throws(MalformedJSON) -> JSON {
            skipSpace()
            guard let byte = peek else { throw error("the text ends where a value is expected") }
            switch byte {
            case UInt8(ascii: "{"): return .object(try members(depth: depth + 1))
            case UInt8(ascii: "["): return .array(try elements(depth: depth + 1))
            case UInt8(ascii: "\""): return .string(try string())
            case UInt8(ascii: "t"): return try word("true", .bool(true))
            case UInt8(ascii: "f"): return try word("false", .bool(false))
            case UInt8(ascii: "n"): return try word("null", .null)
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
            default: throw error("no value begins like this")
            }
        }

        private mutating func members(depth: Int) throws(MalformedJSON) -> [Member] {
            try enter(depth)
            var members: [Member] = []
            var names: Set<String> = []
            skipSpace()
            if take(UInt8(ascii: "}")) { return members }
            while true {
                skipSpace()
                let place = position
                guard peek == UInt8(ascii: "\"") else { throw error("a member's name in quotes is expected") }
                let name = try string()
                guard names.insert(name).inserted else {
                    throw MalformedJSON(byteOffset: place, reason: "a member's name occurs twice")
                }
                skipSpace()
                guard take(UInt8(ascii: ":")) else { throw error("':' is expected") }
                members.append(Member(name: name, value: try value(depth: depth)))
                skipSpace()
                if take(UInt8(ascii: "}")) { return members }
                guard take(UInt8(ascii: ",")) else { throw error("',' or '}' is expected") }
            }
        }

        private mutating func elements(depth: Int) throws(MalformedJSON) -> [JSON] {
            try enter(depth)
            var elements: [JSON] = []
            skipSpace()
            if take(UInt8(ascii: "]")) { return elements }
            while true {
                elements.append(try value(depth: depth))
                skipSpace()
                if take(UInt8(ascii: "]")) { return elements }
                guard take(UInt8(ascii: ",")) else { throw error("',' or ']' is expected") }
            }
        }

        private mutating func enter(_ depth: Int) throws(MalformedJSON) {
            guard depth <= JSON.maximumDepth else {
                throw error("more than \(JSON.maximumDepth) values within another")
            }
            position += 1
        }

        private mutating func word(_ word: StaticString, _ value: JSON) throws(MalformedJSON) -> JSON {
            let end = position + word.utf8CodeUnitCount
            let matches = word.withUTF8Buffer { end <= bytes.count && bytes[position..<end].elementsEqual($0) }
            guard matches else { throw error("no value begins like this") }
            position = end
            return value
        }

        private mutating func number() throws(MalformedJSON) -> JSON {
            let start = position
            _ = take(UInt8(ascii: "-"))
            if !take(UInt8(ascii: "0")) { try digits() }
            var isWhole = true
            if take(UInt8(ascii: ".")) {
                isWhole = false
                try digits()
            }
            if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
                isWhole = false
                if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
                try digits()
            }
            let text = String(decoding: bytes[start..<position], as: UTF8.self)
            // No integer is negative zero.
            if isWhole, text != "-0", let whole = Int(text) { return .integer(whole) }
            guard let number = Double(text), number.isFinite else {
                throw MalformedJSON(byteOffset: start, reason: "the number is too large")
            }
            return .number(number)
        }

        private mutating func digits() throws(MalformedJSON) {
            let start = position
            while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
            guard position > start else { throw error("a digit is expected") }
        }

        private mutating func string() throws(MalformedJSON) -> String {
            position += 1
            var text: [UInt8] = []
            while true {
                guard let byte = peek else { throw error("the text ends within a string") }
                switch byte {
                case UInt8(ascii: "\""):
                    guard let string = String(validating: text, as: UTF8.self) else {
                        throw error("the string before this is not UTF-8")
                    }
                    position += 1
                    return string
                case UInt8(ascii: "\\"): text += try escaped()
                case 0..<0x20: throw error("a control character in a string has to be escaped")
                default:
                    text.append(byte)
                    position += 1
                }
            }
        }

        /// The bytes that an escape sequence stands for.
        private mutating func escaped() throws(MalformedJSON) -> [UInt8] {
            let simple: [UInt8: UInt8] = [
                UInt8(ascii: "\""): UInt8(ascii: "\""), UInt8(ascii: "\\"): UInt8(ascii: "\\"),
                UInt8(ascii: "/"): UInt8(ascii: "/"), UInt8(ascii: "b"): 8, UInt8(ascii: "f"): 12,
                UInt8(ascii: "n"): 10, UInt8(ascii: "r"): 13, UInt8(ascii: "t"): 9,
            ]
            position += 1
            guard let byte = peek else { throw error("the text ends within a string") }
            if let character = simple[byte] {
                position += 1
                return [character]
            }
            guard byte == UInt8(ascii: "u") else { throw error("there is no such escape sequence") }
            let first = try unit()
            var code = UInt32(first)
            if UTF16.isLeadSurrogate(first) {
                guard take(UInt8(ascii: "\\")), peek == UInt8(ascii: "u") else { throw error("half a character") }
                let second = try unit()
                guard UTF16.isTrailSurrogate(second) else { throw error("half a character") }
                code = 0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw error("half a character") }
            return Array(String(Character(scalar)).utf8)
        }

        /// The four hexadecimal digits behind a `u`.
        private mutating func unit() throws(MalformedJSON) -> UInt16 {
            position += 1
            guard position + 4 <= bytes.count else { throw error("the text ends within a string") }
            let digits = bytes[position..<position + 4]
            guard digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
                let unit = UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
            else { throw error("four hexadecimal digits are expected") }
            position += 4
            return unit
        }

        private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

        private mutating func take(_ byte: UInt8) -> Bool {
            guard peek == byte else { return false }
            position += 1
            return true
        }

        private mutating func skipSpace() {
            while let byte = peek, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { position += 1 }
        }

        private func error(_ reason: String) -> MalformedJSON { MalformedJSON(byteOffset: position, reason: reason) }
    }
}
