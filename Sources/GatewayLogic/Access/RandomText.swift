/// Texts that nobody guesses, in the alphabet of RFC 4648's base 32, lower case.
package enum RandomText {
    private static let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)

    package static func base32(byteCount: Int) -> String {
        var random = SystemRandomNumberGenerator()
        let characterCount = (byteCount * 8 + 4) / 5
        var text: [UInt8] = []
        text.reserveCapacity(characterCount)
        while text.count < characterCount {
            // Each number is a call of the system, and good for twelve characters of five bits.
            var bits: UInt64 = random.next()
            for _ in 0..<min(12, characterCount - text.count) {
                text.append(alphabet[Int(bits & 31)])
                bits >>= 5
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    package static func isBase32(_ text: some StringProtocol, characterCount: Int) -> Bool {
        text.utf8.count == characterCount
            && text.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                    || (UInt8(ascii: "2")...UInt8(ascii: "7")).contains($0)
            }
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

/// Bytes in Base64 (RFC 4648).
package enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let urlAlphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    package static func text(_ bytes: [UInt8]) -> String {
        let digits = digits(bytes, alphabet)
        return digits + String(repeating: "=", count: (4 - digits.utf8.count % 4) % 4)
    }

    /// In the alphabet for addresses, without padding.
    package static func urlText(_ bytes: [UInt8]) -> String { digits(bytes, urlAlphabet) }

    /// The bytes that `urlText` made this of; `nil` for any other text, also for one that means the same bytes.
    package static func bytes(urlText text: some StringProtocol) -> [UInt8]? {
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var bitCount = 0
        for digit in text.utf8 {
            guard let value = urlAlphabet.firstIndex(of: digit) else { return nil }
            bits = bits << 6 | UInt32(value)
            bitCount += 6
            guard bitCount >= 8 else { continue }
            bitCount -= 8
            bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)))
            bits &= (1 << UInt32(bitCount)) - 1
        }
        // Bits that are left over would make many texts of the same bytes.
        return bits == 0 && urlText(bytes).utf8.count == text.utf8.count ? bytes : nil
    }

    private static func digits(_ bytes: [UInt8], _ alphabet: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count * 4 + 2) / 3)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
            for index in 0...group.count { text.append(alphabet[Int(bits >> UInt32(18 - 6 * index) & 63)]) }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
