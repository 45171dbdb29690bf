/// Texts that nobody guesses, in the alphabet of RFC 4648's base 32, lower case.
package enum RandomText {
    private static let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)

    package static func base32(byteCount: Int) -> String {
        var random = SystemRandomNumberGenerator()
        let characterCount = (byteCount * 8 + 4) / 5
        return String(
            decoding: (0..<characterCount).map { _ in alphabet[Int.random(in: 0..<32, using: &random)] }, as: UTF8.self)
    }

    package static func isBase32(_ text: some StringProtocol, characterCount: Int) -> Bool {
        text.utf8.count == characterCount && text.utf8.allSatisfy(alphabet.contains)
    }
}

/// Bytes as lower-case hexadecimal digits.
package enum HexText {
    package static func text(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count * 2)
        for byte in bytes { text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
        return String(decoding: text, as: UTF8.self)
    }

    /// `nil` for anything else than pairs of digits.
    package static func bytes(_ text: some StringProtocol) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        for start in stride(from: 0, to: digits.count, by: 2) {
            guard let byte = UInt8(hexadecimal: digits[start..<start + 2]) else { return nil }
            bytes.append(byte)
        }
        return bytes
    }
}
