/// What a `Range` field asks for of a file (RFC 9110, section 14).
package enum ByteRange: Hashable, Sendable {
    /// All of it: there is no field, or one that is to be passed over.
    case whole
    /// These bytes, at least one.
    case part(Range<UInt64>)
    /// No byte of the file: 416.
    case unsatisfiable

    /// - Parameters:
    ///   - field: the field's value. Several ranges at once, which few clients send, are answered by the whole file.
    ///   - byteCount: bytes of the file.
    package init(_ field: String?, of byteCount: UInt64) {
        self = field.flatMap { Self.parsed($0, byteCount) } ?? .whole
    }

    private static func parsed(_ field: String, _ byteCount: UInt64) -> ByteRange? {
        let sides = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard sides.count == 2, sides[0].trimmingSpaces().lowercased() == "bytes" else { return nil }
        let ends = sides[1].trimmingSpaces().split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2 else { return nil }
        switch (ends[0].isEmpty, ends[1].isEmpty) {
        case (true, true): return nil
        case (true, false):
            guard let count = number(ends[1]) else { return nil }
            guard count > 0, byteCount > 0 else { return .unsatisfiable }
            return .part(byteCount - min(count, byteCount)..<byteCount)
        case (false, true):
            guard let first = number(ends[0]) else { return nil }
            return first < byteCount ? .part(first..<byteCount) : .unsatisfiable
        case (false, false):
            guard let first = number(ends[0]), let last = number(ends[1]), first <= last else { return nil }
            return first < byteCount ? .part(first..<min(last, byteCount - 1) + 1) : .unsatisfiable
        }
    }

    /// Digits only; more of them than fit are the largest number.
    private static func number(_ digits: Substring) -> UInt64? {
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return UInt64(digits) ?? .max
    }
}
