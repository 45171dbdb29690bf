import Checksums
import SeededRandom
import Testing

@Suite struct ChecksumsTests {
    @Test func `CRC-32 of the check string is the published one`() {
        #expect(CRC32.checksum(Array("123456789".utf8)) == 0xcbf4_3926)
        #expect(CRC32.checksum([]) == 0)
        #expect(CRC32.checksum(Array("IEND".utf8)) == 0xae42_6082)
    }

    @Test func `CRC-32 is the remainder of the division by its polynomial, at every length, in one piece or several`() {
        var random = SeededGenerator(seed: 3)
        for count in 0..<80 {
            let bytes = random.bytes(count)
            var remainder: UInt32 = 0xffff_ffff
            for bit in 0..<8 * count {
                let carry = (remainder ^ UInt32(bytes[bit / 8] >> UInt8(bit % 8))) & 1
                remainder = remainder >> 1 ^ (carry == 1 ? 0xedb8_8320 : 0)
            }
            #expect(CRC32.checksum(bytes) == ~remainder)
            var crc = CRC32()
            crc.update(Array(bytes.prefix(count / 3)))
            crc.update(Array(bytes.dropFirst(count / 3)))
            #expect(crc.value == ~remainder)
        }
    }

    @Test func `Adler-32 of the standard's example is the published one`() {
        #expect(Adler32.checksum(Array("Wikipedia".utf8)) == 0x11e6_0398)
        #expect(Adler32.checksum([]) == Adler32.empty)
    }

    @Test func `Adler-32 is the two sums of its definition, taken without a modulus on the way`() {
        var random = SeededGenerator(seed: 4)
        for count in [0, 1, 15, 16, 5552, 5553, 70_001] {
            for bytes in [random.bytes(count), [UInt8](repeating: 255, count: count)] {
                var (a, b) = (UInt64(1), UInt64(0))
                for byte in bytes {
                    a += UInt64(byte)
                    b += a
                }
                #expect(Adler32.checksum(bytes) == UInt32(b % 65521) << 16 | UInt32(a % 65521))
            }
        }
    }

    @Test func `checksums of neighbours combine to that of both, wherever the cut is`() {
        var random = SeededGenerator(seed: 5)
        let bytes = random.bytes(300) + [UInt8](repeating: 255, count: 70_000)
        let whole = Adler32.checksum(bytes)
        for cut in Array(0...300) + [65_520, 65_521, 65_522, bytes.count] {
            let (head, tail) = (Array(bytes[..<cut]), Array(bytes[cut...]))
            let combined = Adler32.combine(
                Adler32.checksum(head), Adler32.checksum(tail), secondByteCount: UInt64(tail.count))
            #expect(combined == whole, "cut at \(cut)")
        }
    }

    @Test func `CRC-32C and CRC-64 of the check string are the published ones, in one piece or several`() {
        let text = Array("123456789".utf8)
        for cut in 0...text.count {
            var short = CRC32C()
            var long = CRC64()
            for piece in [text[..<cut], text[cut...]] {
                piece.withUnsafeBytes {
                    short.update($0)
                    long.update($0)
                }
            }
            #expect(short.value == 0xe306_9283)
            #expect(long.value == 0x995d_c9bb_df19_39fa)
        }
    }

    @Test func `CRC-32C is the remainder of the division by its polynomial at every length`() {
        var random = SeededGenerator(seed: 7)
        for count in 0..<80 {
            let bytes = random.bytes(count)
            var remainder = UInt32.max
            for bit in 0..<8 * count {
                let carry = (remainder ^ UInt32(bytes[bit / 8] >> UInt8(bit % 8))) & 1
                remainder = remainder >> 1 ^ (carry == 1 ? 0x82f6_3b78 : 0)
            }
            var crc = CRC32C()
            bytes.withUnsafeBytes { crc.update($0) }
            #expect(crc.value == ~remainder)
        }
    }

    @Test func `MD5 of the texts of RFC 1321 are the published ones`() {
        let digits = String(repeating: "1234567890", count: 8)
        for (text, expected) in [
            ("", "d41d8cd98f00b204e9800998ecf8427e"), ("abc", "900150983cd24fb0d6963f7d28e17f72"),
            ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"), (digits, "57edf4a22be3c955ac49da2e2107b67a"),
        ] {
            let digest = MD5.digest(text.utf8).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            #expect(digest == expected)
        }
    }
}
