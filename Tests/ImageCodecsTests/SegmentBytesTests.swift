import ImageFormats
import SeededRandom
import Testing

@Suite struct SegmentBytesTests {
    @Test func `any bytes of any parts are read as if they were one`() throws {
        var random = SeededGenerator(seed: 11)
        for _ in 0..<300 {
            // Empty parts, too: an image of few rows has few segments.
            let parts = (0..<Int.random(in: 0...6, using: &random)).map { _ in
                (0..<Int.random(in: 0...5, using: &random)).map { _ in UInt8(Int.random(in: 0...255, using: &random)) }
            }
            let whole = Array(parts.joined())
            let segments = SegmentBytes(parts)
            #expect(segments.byteCount == UInt64(whole.count))
            for start in 0...whole.count {
                for end in start...whole.count {
                    #expect(try segments.read(UInt64(start), end - start) == Array(whole[start..<end]))
                }
            }
        }
    }
}
