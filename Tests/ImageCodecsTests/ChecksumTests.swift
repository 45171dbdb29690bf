import SeededRandom
import Testing

@testable import ImageCodecs

@Suite struct ChecksumTests {
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
            let (head, tail) = (bytes[..<cut], bytes[cut...])
            let combined = Adler32.combine(
                Adler32.checksum(head), Adler32.checksum(tail), secondByteCount: UInt64(tail.count))
            #expect(combined == whole, "cut at \(cut)")
        }
    }

    @Test func `combining is associative, with no bytes as the neutral element, for counts beyond 32 bits`() {
        var random = SeededGenerator(seed: 6)
        for _ in 0..<1000 {
            let runs = (0..<3).map { _ in
                FilteredChecksum(
                    adler32: UInt32.random(in: 0..<65521, using: &random) << 16
                        | UInt32.random(in: 0..<65521, using: &random),
                    byteCount: UInt64.random(in: 0...(1 << 40), using: &random))
            }
            var left = runs[0]
            left.append(runs[1])
            left.append(runs[2])
            var right = runs[1]
            right.append(runs[2])
            var both = runs[0]
            both.append(right)
            #expect(left == both)
            #expect(Adler32.combine(runs.map { (adler32: $0.adler32, byteCount: $0.byteCount) }) == left.adler32)
            #expect(Adler32.combine(runs[0].adler32, Adler32.empty, secondByteCount: 0) == runs[0].adler32)
            #expect(
                Adler32.combine(Adler32.empty, runs[0].adler32, secondByteCount: runs[0].byteCount) == runs[0].adler32)
        }
    }

    @Test func `the checksum of 5 GiB of zeros is what arithmetic says`() {
        // Zeros leave a at 1 and add 1 to b each.
        let byteCount: UInt64 = 5 << 30
        var run = FilteredChecksum(adler32: Adler32.checksum([0]), byteCount: 1)
        while run.byteCount < byteCount {
            let again = run
            if byteCount - run.byteCount >= again.byteCount {
                run.append(again)
            } else {
                let rest = byteCount - run.byteCount
                run.append(FilteredChecksum(adler32: UInt32(rest % 65521) << 16 | 1, byteCount: rest))
            }
        }
        #expect(run.adler32 == UInt32(byteCount % 65521) << 16 | 1)
    }
}
