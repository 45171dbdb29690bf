/// Checks that bytes are one JSON document (RFC 8259), object or array, and nothing behind it. Keeps none of them.
///
/// What it looks at: the structure, literals, the form of numbers, the characters and escapes of strings, and that the bytes
/// are UTF-8. Its memory is a bit per level of nesting.
struct DocumentCheck {
    static let deepestNesting = 64

    private enum Place {
        /// Before a value; in an array that has just begun, its end may come instead.
        case value(mayEnd: Bool)
        /// Before a member's name; in an object that has just begun, its end may come instead.
        case name(mayEnd: Bool)
        case colon
        /// Behind a value: a comma, or the end of what it is in.
        case comma
        case string(isName: Bool)
        case escape(isName: Bool)
        /// Behind `\u`, with that many digits to come.
        case hexadecimal(Int, isName: Bool)
        case number(Number)
        /// In a literal, with these letters to come.
        case literal([UInt8])
        /// Behind the document.
        case end
    }

    /// Where in a number: what may follow, and whether the number may end.
    private enum Number {
        case sign, zero, integer, point, fraction, exponent, exponentSign, exponentDigits

        var mayEnd: Bool {
            switch self {
            case .zero, .integer, .fraction, .exponentDigits: true
            case .sign, .point, .exponent, .exponentSign: false
            }
        }

        /// `nil` for a byte that does not belong to the number.
        func next(_ byte: UInt8) -> Number? {
            let isDigit = (0x30...0x39).contains(byte)
            switch (self, byte) {
            case (.sign, 0x30): return .zero
            case (.sign, _) where isDigit: return .integer
            case (.integer, _) where isDigit: return .integer
            case (.zero, 0x2e), (.integer, 0x2e): return .point
            case (.point, _) where isDigit, (.fraction, _) where isDigit: return .fraction
            case (.zero, 0x65), (.zero, 0x45), (.integer, 0x65), (.integer, 0x45), (.fraction, 0x65), (.fraction, 0x45):
                return .exponent
            case (.exponent, 0x2b), (.exponent, 0x2d): return .exponentSign
            case (.exponent, _) where isDigit, (.exponentSign, _) where isDigit, (.exponentDigits, _) where isDigit:
                return .exponentDigits
            default: return nil
            }
        }
    }

    private var place = Place.value(mayEnd: false)
    /// Whether each level is an object; the outermost first.
    private var levels: [Bool] = []
    private var offset: UInt64 = 0
    private var utf8 = UTF8Sequence()

    /// Looks at the bytes that follow.
    mutating func update(_ bytes: UnsafeRawBufferPointer) throws(CodecError) {
        for byte in bytes {
            guard try take(byte) else {
                throw .corrupt("The document is not JSON: byte \(offset) is \(byte), which cannot be there.")
            }
            offset += 1
        }
    }

    /// No bytes follow.
    func finish() throws(CodecError) {
        guard case .end = place else {
            throw .corrupt("The document is not JSON: it ends at byte \(offset), too early.")
        }
    }

    /// - Returns: whether the byte can be where it is.
    private mutating func take(_ byte: UInt8) throws(CodecError) -> Bool {
        switch place {
        case .string(let isName): return takeCharacter(byte, isName)
        case .escape(let isName):
            if byte == 0x75 {
                place = .hexadecimal(4, isName: isName)
            } else {
                // " \ / b f n r t
                guard [0x22, 0x5c, 0x2f, 0x62, 0x66, 0x6e, 0x72, 0x74].contains(byte) else { return false }
                place = .string(isName: isName)
            }
            return true
        case .hexadecimal(let rest, let isName):
            guard (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte | 0x20) else { return false }
            place = rest == 1 ? .string(isName: isName) : .hexadecimal(rest - 1, isName: isName)
            return true
        case .literal(let rest):
            guard byte == rest.first else { return false }
            place = rest.count == 1 ? behindValue : .literal(Array(rest.dropFirst()))
            return true
        case .number(let number):
            if let next = number.next(byte) {
                place = .number(next)
                return true
            }
            guard number.mayEnd else { return false }
            place = behindValue
            return try take(byte)
        case .value, .name, .colon, .comma, .end: break
        }
        // Space, tabulator, line feed, carriage return.
        if byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d { return true }
        switch place {
        case .value(let mayEnd):
            if mayEnd, byte == 0x5d { return close(isObject: false) }
            return try beginValue(byte)
        case .name(let mayEnd):
            if mayEnd, byte == 0x7d { return close(isObject: true) }
            guard byte == 0x22 else { return false }
            place = .string(isName: true)
        case .colon:
            guard byte == 0x3a else { return false }
            place = .value(mayEnd: false)
        case .comma:
            guard let isObject = levels.last else { return false }
            if byte == (isObject ? 0x7d : 0x5d) { return close(isObject: isObject) }
            guard byte == 0x2c else { return false }
            place = isObject ? .name(mayEnd: false) : .value(mayEnd: false)
        case .end, .string, .escape, .hexadecimal, .literal, .number: return false
        }
        return true
    }

    private var behindValue: Place { levels.isEmpty ? .end : .comma }

    private mutating func takeCharacter(_ byte: UInt8, _ isName: Bool) -> Bool {
        guard utf8.take(byte) else { return false }
        // A byte of a longer character is neither a quotation mark nor a reverse solidus.
        guard byte >= 0x20 else { return false }
        if byte == 0x22 { place = isName ? .colon : behindValue }
        if byte == 0x5c { place = .escape(isName: isName) }
        return true
    }

    private mutating func beginValue(_ byte: UInt8) throws(CodecError) -> Bool {
        switch byte {
        case 0x7b, 0x5b:
            guard levels.count < Self.deepestNesting else {
                throw .corrupt("The document is nested more than \(Self.deepestNesting) levels deep.")
            }
            levels.append(byte == 0x7b)
            place = byte == 0x7b ? .name(mayEnd: true) : .value(mayEnd: true)
        case _ where levels.isEmpty: return false
        case 0x22: place = .string(isName: false)
        case 0x2d: place = .number(.sign)
        case 0x30: place = .number(.zero)
        case 0x31...0x39: place = .number(.integer)
        case 0x74: place = .literal(Array("rue".utf8))
        case 0x66: place = .literal(Array("alse".utf8))
        case 0x6e: place = .literal(Array("ull".utf8))
        default: return false
        }
        return true
    }

    private mutating func close(isObject: Bool) -> Bool {
        guard levels.popLast() == isObject else { return false }
        place = behindValue
        return true
    }
}

/// Follows UTF-8 (RFC 3629) byte by byte: no overlong forms, no surrogates, nothing above U+10FFFF.
private struct UTF8Sequence {
    private var rest = 0
    /// What the next continuation may be.
    private var allowed: ClosedRange<UInt8> = 0x80...0xbf

    /// - Returns: whether the byte can follow those before.
    mutating func take(_ byte: UInt8) -> Bool {
        if rest > 0 {
            guard allowed.contains(byte) else { return false }
            rest -= 1
            allowed = 0x80...0xbf
            return true
        }
        switch byte {
        case 0x00...0x7f: return true
        case 0xc2...0xdf: rest = 1
        case 0xe0: (rest, allowed) = (2, 0xa0...0xbf)
        case 0xed: (rest, allowed) = (2, 0x80...0x9f)
        case 0xe1...0xef: rest = 2
        case 0xf0: (rest, allowed) = (3, 0x90...0xbf)
        case 0xf1...0xf3: rest = 3
        case 0xf4: (rest, allowed) = (3, 0x80...0x8f)
        default: return false
        }
        return true
    }
}
