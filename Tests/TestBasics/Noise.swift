/// Bytes without a pattern, which compression makes no smaller; the same in every run.
package enum Noise {
    package static func bytes(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { bytes, filled in
            fill(UnsafeMutableRawBufferPointer(bytes))
            filled = count
        }
    }

    package static func fill(_ bytes: UnsafeMutableRawBufferPointer) {
        // Knuth's linear congruential generator, a word at a time.
        var state: UInt64 = 1
        for offset in stride(from: 0, to: bytes.count, by: 8) {
            state = state &* 6_364_136_223_846_793_005 &+ 1
            let word = state ^ state >> 29
            withUnsafeBytes(of: word) { word in
                UnsafeMutableRawBufferPointer(rebasing: bytes[offset...])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: word.prefix(bytes.count - offset)))
            }
        }
    }
}
