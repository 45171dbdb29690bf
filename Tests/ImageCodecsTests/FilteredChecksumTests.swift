import Checksums
import ImageFormats
import SeededRandom
import Testing

@Suite struct FilteredChecksumTests {
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
