/// The text form of a name: how bytes that may be anything travel in places that hold text.
///
/// The system's names are bytes, most of them UTF-8. Command lines, messages of the wire and records hold text. The text
/// form of a name that is UTF-8 is the name itself. In any other name, each byte b that is not part of a UTF-8 sequence
/// becomes the scalar U+10FE00 + b, which is for private use and hence nobody's letter; so do the four bytes of such a
/// scalar that was in the name already. Every name has one text form, and `bytes(of:)` gives the name back.
///
///     4D 75 F1 6F 7A   "Muñoz" in Latin-1   <-->   M u U+10FEF1 o z
public enum NameText {
    private static let firstEscape: UInt32 = 0x10FE00
    /// The scalars that stand for the bytes 80 to FF.
    private static let escapes: ClosedRange<UInt32> = 0x10FE80...0x10FEFF

    /// The text form of `name`.
    public static func text(of name: some Sequence<UInt8>) -> String {
        let name = Array(name)
        if let text = String(validating: name, as: UTF8.self), !text.unicodeScalars.contains(where: isEscape) {
            return text
        }
        var text = String.UnicodeScalarView()
        forEachPart(of: name) { scalar, bytes in
            if let scalar, !isEscape(scalar) {
                text.append(scalar)
            } else {
                for byte in bytes { text.append(escape(of: byte)) }
            }
        }
        return String(text)
    }

    /// The name whose text form is `text`.
    public static func bytes(of text: String) -> [UInt8] {
        guard text.unicodeScalars.contains(where: isEscape) else { return Array(text.utf8) }
        var bytes: [UInt8] = []
        for scalar in text.unicodeScalars {
            if isEscape(scalar) {
                bytes.append(UInt8(truncatingIfNeeded: scalar.value))
            } else {
                bytes.append(contentsOf: UTF8.encode(scalar).map { Array($0) } ?? [])
            }
        }
        return bytes
    }

    /// Whether the name whose text form is `text` is UTF-8.
    public static func isUTF8(_ text: String) -> Bool { repaired(text).isExact }

    /// The text form with U+FFFD for what is not UTF-8, and whether there was any: for receivers that cannot take the bytes.
    public static func repaired(_ text: String) -> (text: String, isExact: Bool) {
        guard text.unicodeScalars.contains(where: isEscape) else { return (text, true) }
        let bytes = bytes(of: text)
        let repaired = String(decoding: bytes, as: UTF8.self)
        return (repaired, repaired.utf8.elementsEqual(bytes))
    }

    /// Calls `body` with each scalar of a name and its bytes, and without a scalar for bytes that are not UTF-8.
    static func forEachPart(of name: [UInt8], _ body: (Unicode.Scalar?, ArraySlice<UInt8>) -> Void) {
        var parser = Unicode.UTF8.ForwardParser()
        var input = name.makeIterator()
        var position = 0
        while true {
            switch parser.parseScalar(from: &input) {
            case .valid(let encoded):
                body(UTF8.decode(encoded), name[position..<position + encoded.count])
                position += encoded.count
            case .error(let length):
                body(nil, name[position..<position + length])
                position += length
            case .emptyInput: return
            }
        }
    }

    static func isEscape(_ scalar: Unicode.Scalar) -> Bool { escapes.contains(scalar.value) }

    private static func escape(of byte: UInt8) -> Unicode.Scalar {
        guard let scalar = Unicode.Scalar(firstEscape + UInt32(byte)) else {
            preconditionFailure("U+10FE00 to U+10FEFF are scalars")
        }
        return scalar
    }
}
