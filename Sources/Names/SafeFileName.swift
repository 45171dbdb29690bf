extension FileName {
    /// The bytes of a name that somebody else chose, fit for a file's name: what could steer a terminal that lists the directory
    /// is written as `%1B`, each byte by two digits.
    ///
    /// That are control characters (C0, DEL, C1), the separators of lines and paragraphs, and the scalars that override or
    /// embed the direction of writing. Joiners and marks, which letters and emoji are made of, stay; and bytes that are not
    /// UTF-8, which a terminal of our days does not obey and a name in an older encoding is made of.
    /// - Parameter name: the bytes; "/" is not looked for.
    public static func withoutControls(_ name: [UInt8]) -> [UInt8] {
        var safe: [UInt8] = []
        NameText.forEachPart(of: name) { scalar, bytes in
            if let scalar, steersDisplay(scalar) {
                for byte in bytes { safe.append(contentsOf: "%\(ShownText.hexadecimal(byte))".utf8) }
            } else {
                safe.append(contentsOf: bytes)
            }
        }
        return safe
    }

    private static func steersDisplay(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0...0x1F, 0x7F...0x9F, 0x2028...0x2029, 0x202A...0x202E, 0x2066...0x2069: true
        default: false
        }
    }

    /// `bytes` without those at the end that are too many, not cut within a UTF-8 sequence.
    public static func shortened(_ bytes: [UInt8], to count: Int) -> [UInt8] {
        let count = max(0, count)
        guard bytes.count > count else { return bytes }
        var end = count
        // A sequence has at most three bytes behind its first one; more of them are not UTF-8.
        for _ in 0..<3 where end > 0 && bytes[end] & 0xC0 == 0x80 { end -= 1 }
        return Array(bytes[..<(bytes[end] & 0xC0 == 0x80 ? count : end)])
    }
}
