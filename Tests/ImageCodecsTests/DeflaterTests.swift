import Testing

@testable import ImageCodecs

@Suite struct DeflaterTests {
    /// ISA-L once took the hash of the third byte from the address of its own state, so that the same rows were compressed
    /// otherwise wherever that address happened to give the right hash: in about one of 64 places for runs this short.
    @Test func `compressed bytes do not depend on where the compressor is in memory`() {
        var seen: [Set<[UInt8]>] = Array(repeating: [], count: runs.count)
        // All alive at a time, so that each is elsewhere.
        let deflaters = (0..<512).map { _ in Deflater() }
        for deflater in deflaters {
            for (index, run) in runs.enumerated() { seen[index].insert(deflate(run, by: deflater)) }
        }
        for (run, results) in zip(runs, seen) {
            #expect(results.count == 1, "\(run.count) bytes were compressed in \(results.count) ways")
        }
    }

    /// Short runs, in which few hashes are told apart, whose third byte begins a repetition.
    private let runs: [[UInt8]] = [
        [0, 255] + Array(repeating: 0, count: 16),
        [1, 9] + Array(repeating: 7, count: 15),
        [0, 1] + (0..<30).map { UInt8($0 % 5) },
        [3, 4] + (0..<100).map { UInt8($0 % 7) },
    ]

    private func deflate(_ run: [UInt8], by deflater: Deflater) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Deflater.maximumByteCount(run.count)) { output, count in
            count = run.withUnsafeBytes { deflater.deflate($0, to: UnsafeMutableRawBufferPointer(output)) }
        }
    }
}
