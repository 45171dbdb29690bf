#if TESSERA_X86_64_V3
    internal import _Builtin_intrinsics.intel
#endif

/// A function of a byte, looked up for many bytes at once.
///
/// AVX2 looks 16 bytes up in 16 entries by one instruction, which gives 0 for a negative index. The entries are kept in
/// rows of 16, each as its difference (exclusive or) to the row before: while 16 is taken away from an index again and
/// again, all rows up to its own answer, and their differences add up to its entry. Entries from 128 on are a second such
/// sequence, for the indices with their highest bit changed.
struct ByteTable {
    private let levels: [UInt8]
    private let differences: [UInt8]

    /// - Parameter levels: 256, each at its index.
    init(_ levels: [UInt8]) {
        precondition(levels.count == 256, "a byte has 256 values")
        self.levels = levels
        differences = levels.indices.map { levels[$0] ^ ($0 % 128 < 16 ? 0 : levels[$0 - 16]) }
    }

    /// - Parameter target: is not `source`.
    func lookUp(_ source: UnsafePointer<UInt8>, into target: UnsafeMutablePointer<UInt8>, _ count: Int) {
        #if TESSERA_X86_64_V3
            if count >= Self.vectorLength { return lookUpVectors(source, into: target, count) }
        #endif
        levels.withUnsafeBufferPointer { levels in
            for i in 0..<count { target[i] = levels[Int(source[i])] }
        }
    }

    #if TESSERA_X86_64_V3
        private static var vectorLength: Int { MemoryLayout<__m256i>.size }

        private func lookUpVectors(
            _ source: UnsafePointer<UInt8>, into target: UnsafeMutablePointer<UInt8>, _ count: Int
        ) {
            let (source, target) = (UnsafeRawPointer(source), UnsafeMutableRawPointer(target))
            let (sixteen, highest) = (_mm256_set1_epi8(16), _mm256_set1_epi8(-128))
            differences.withUnsafeBytes { differences in
                @inline(__always) func look(_ index: __m256i, row: Int) -> __m256i {
                    let entries = differences.loadUnaligned(fromByteOffset: 16 * row, as: __m128i.self)
                    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(entries), index)
                }
                var start = 0
                while start < count {
                    // The last vector begins where it still fits.
                    let place = min(start, count - Self.vectorLength)
                    var lower = source.loadUnaligned(fromByteOffset: place, as: __m256i.self)
                    var upper = _mm256_xor_si256(lower, highest)
                    var (low, high) = (look(lower, row: 0), look(upper, row: 8))
                    for row in 1..<8 {
                        lower = _mm256_subs_epi8(lower, sixteen)
                        upper = _mm256_subs_epi8(upper, sixteen)
                        low = _mm256_xor_si256(low, look(lower, row: row))
                        high = _mm256_xor_si256(high, look(upper, row: row + 8))
                    }
                    target.storeBytes(of: _mm256_xor_si256(low, high), toByteOffset: place, as: __m256i.self)
                    start += Self.vectorLength
                }
            }
        }
    #endif
}
