/// What a person is shown of text that others chose: nothing in it steers the terminal, forges a line or hides.
///
/// Control and format characters, and those that separate lines and paragraphs, are written as escape sequences in Swift's
/// notation (`\n`, `\u{1b}`), bytes of names that are not UTF-8 as `\xF1`. All other characters are left as they are.
public enum ShownText {
    /// One line for a text, which may be the text form of a name.
    public static func of(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { isHidden($0) || NameText.isEscape($0) }) else { return text }
        return of(name: NameText.bytes(of: text))
    }

    /// One line for a name.
    public static func of(name: [UInt8]) -> String { shown(name) { _ in false } }

    /// Several lines: as `of`, but line feeds and tabulators stay what they are.
    public static func lines(_ text: String) -> String {
        let isKept: (Unicode.Scalar) -> Bool = { $0 == "\n" || $0 == "\t" }
        guard text.unicodeScalars.contains(where: { (isHidden($0) && !isKept($0)) || NameText.isEscape($0) }) else {
            return text
        }
        return shown(NameText.bytes(of: text), keeping: isKept)
    }

    private static func shown(_ name: [UInt8], keeping isKept: (Unicode.Scalar) -> Bool) -> String {
        var shown = ""
        NameText.forEachPart(of: name) { scalar, bytes in
            switch scalar {
            case nil: for byte in bytes { shown += "\\x" + hexadecimal(byte) }
            case let scalar? where isKept(scalar) || !isHidden(scalar): shown.unicodeScalars.append(scalar)
            case "\n": shown += "\\n"
            case "\r": shown += "\\r"
            case "\t": shown += "\\t"
            case let scalar?: shown += "\\u{\(String(scalar.value, radix: 16))}"
            }
        }
        return shown
    }

    /// Whether a scalar is a control or format character, or ends a line or paragraph.
    public static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        // The printable half of ASCII is most of what is asked for.
        if scalar.value >= 0x20, scalar.value < 0x7F { return false }
        return switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }

    static func hexadecimal(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16, uppercase: true)
        return byte < 16 ? "0" + digits : digits
    }
}
