/// Checks that bytes are one table of comma-separated values as feature operations write them: a line of names in lower-case
/// letters, then lines of as many whole numbers, each ended by a line feed. Keeps none of them.
struct TableCheck {
    private static let longestField = 20

    private var isHeader = true
    private var columnCount = 0
    /// Fields of the line so far that are complete.
    private var fieldCount = 0
    /// Bytes of the field so far.
    private var fieldLength = 0
    private var hasRows = false
    private var offset: UInt64 = 0

    /// Looks at the bytes that follow.
    mutating func update(_ bytes: UnsafeRawBufferPointer) throws(CodecError) {
        for byte in bytes {
            guard take(byte) else {
                throw .corrupt("The document is not a table: byte \(offset) is \(byte), which cannot be there.")
            }
            offset += 1
        }
    }

    /// No bytes follow.
    func finish() throws(CodecError) {
        guard hasRows, fieldCount == 0, fieldLength == 0 else {
            throw .corrupt("The document is not a table: it ends at byte \(offset), too early.")
        }
    }

    /// - Returns: whether the byte can be where it is.
    private mutating func take(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: ","): return endField()
        case UInt8(ascii: "\n"):
            guard endField() else { return false }
            if isHeader { columnCount = fieldCount }
            guard fieldCount == columnCount else { return false }
            hasRows = !isHeader
            (isHeader, fieldCount) = (false, 0)
            return true
        default:
            let allowed =
                isHeader ? UInt8(ascii: "a")...UInt8(ascii: "z") : UInt8(ascii: "0")...UInt8(ascii: "9")
            fieldLength += 1
            return allowed.contains(byte) && fieldLength <= Self.longestField
        }
    }

    private mutating func endField() -> Bool {
        guard fieldLength > 0 else { return false }
        fieldLength = 0
        fieldCount += 1
        return true
    }
}
