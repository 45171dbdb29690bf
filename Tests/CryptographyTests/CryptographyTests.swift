import Cryptography
import Testing

@Suite struct CryptographyTests {
    /// NIST's examples (FIPS 180-4, and a million times the letter a).
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (
            String(repeating: "a", count: 1_000_000),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        ),
    ])
    func `a digest is the one that the standard gives`(_ text: String, digest: String) {
        #expect(hex(SHA256.hash(Array(text.utf8))) == digest)
    }

    @Test(arguments: [1, 3, 63, 64, 65, 1000])
    func `a digest does not depend on the pieces in which the bytes arrive`(_ pieceByteCount: Int) {
        let bytes = (0..<2500).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var hash = SHA256()
        for start in stride(from: 0, to: bytes.count, by: pieceByteCount) {
            hash.update(Array(bytes[start..<min(start + pieceByteCount, bytes.count)]))
        }
        #expect(hash.finalize() == SHA256.hash(bytes))
    }

    @Test func `a copy continues on its own`() {
        var hash = SHA256()
        hash.update([1, 2])
        var copy = hash
        copy.update([3])
        #expect(hash.finalize() == SHA256.hash([1, 2]))
        #expect(copy.finalize() == SHA256.hash([1, 2, 3]))
        hash.update([4])
        #expect(hash.finalize() == SHA256.hash([1, 2, 4]))
    }

    /// RFC 4231, test cases 1, 2 and 6 (a key longer than a block).
    @Test(arguments: [
        (
            [UInt8](repeating: 0x0b, count: 20), "Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        ),
        (
            Array("Jefe".utf8), "what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        ),
        (
            [UInt8](repeating: 0xaa, count: 131), "Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        ),
    ])
    func `an authentication code is the one that the standard gives`(_ key: [UInt8], text: String, code: String) {
        let message = Array(text.utf8)
        #expect(hex(HMACSHA256.code(over: [message], key: key)) == code)
        #expect(hex(HMACSHA256.code(over: [Array(message[..<3]), [], Array(message[3...])], key: key)) == code)
    }

    @Test func `a code is recognised, and nothing else is`() {
        let key = [UInt8](repeating: 7, count: 32)
        let code = HMACSHA256.code(over: [[1], [2, 3]], key: key)
        #expect(HMACSHA256.isCode(code, over: [[1, 2, 3]], key: key))
        #expect(!HMACSHA256.isCode(code, over: [[1, 2, 4]], key: key))
        #expect(!HMACSHA256.isCode(code, over: [[1, 2, 3]], key: Array(key.dropLast())))
        #expect(!HMACSHA256.isCode(Array(code.dropLast()), over: [[1, 2, 3]], key: key))
        #expect(!HMACSHA256.isCode(code + [0], over: [[1, 2, 3]], key: key))
        #expect(!HMACSHA256.isCode([], over: [[1, 2, 3]], key: key))
        for index in code.indices {
            var other = code
            other[index] ^= 1
            #expect(!HMACSHA256.isCode(other, over: [[1, 2, 3]], key: key))
        }
    }

    private func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
