import JobModel
import SeededRandom
import Testing

@testable import Scheduler

@Suite struct BlobUsesTests {
    private func blob(_ number: UInt64) -> BlobReference {
        guard let digest = BlobDigest((0..<4).flatMap { _ in withUnsafeBytes(of: number) { Array($0) } }) else {
            preconditionFailure("four words are a digest")
        }
        return BlobReference(digest: digest, byteCount: 1)
    }

    @Test func `it counts as a dictionary does, whatever comes and goes`() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        var uses = BlobUses()
        var model: [UInt64: Int] = [:]
        // Now more blobs come, now more go: the table grows, and every gap is filled and made again.
        for round in 0..<40 {
            let share = round % 2 == 0 ? 0.7 : 0.3
            for _ in 0..<500 {
                let number = UInt64.random(in: 0..<2_000, using: &random)
                if Double.random(in: 0..<1, using: &random) < share {
                    uses.retain(blob(number))
                    model[number, default: 0] += 1
                } else if let count = model[number] {
                    model[number] = count == 1 ? nil : count - 1
                    let isLast = uses.release(blob(number))
                    #expect(isLast == (count == 1), "seed \(seed)")
                }
            }
            for number in 0..<2_000 as Range<UInt64> {
                #expect(uses.isNeeded(blob(number).digest) == (model[number] != nil), "seed \(seed)")
            }
        }
    }

    @Test func `two are equal when they count the same, in whatever order they came to it`() {
        var forwards = BlobUses()
        var backwards = BlobUses()
        backwards.reserveCapacity(1_000)
        for number in 0..<100 as Range<UInt64> { forwards.retain(blob(number)) }
        for number in (0..<101 as Range<UInt64>).reversed() { backwards.retain(blob(number)) }
        #expect(forwards != backwards)
        _ = backwards.release(blob(100))
        #expect(forwards == backwards)
        backwards.retain(blob(7))
        #expect(forwards != backwards)
    }
}
