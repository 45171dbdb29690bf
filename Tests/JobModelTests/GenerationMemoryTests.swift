import JobModel
import Testing

@Suite struct GenerationMemoryTests {
    private var memory = GenerationMemory()

    private static func lineage(_ name: UInt8) -> Lineage {
        guard let lineage = Lineage([UInt8](repeating: name, count: Lineage.byteCount)) else {
            preconditionFailure("16 bytes are a lineage")
        }
        return lineage
    }

    @Test func `a restored state is later than its backup, whatever the clock says`() {
        let first = Generation(of: Self.lineage(1), number: 0)
        let second = first.restored(at: 1_800_000_000_000)
        #expect(second.number == 1_800_000_000_000 && second.lineage == first.lineage)
        #expect(second.restored(at: 3).number == 1_800_000_000_001)
        #expect(first.restored(at: 0).number == 1)
    }

    @Test mutating func `the latest generation of each lineage counts`() {
        let (early, late) = (Generation(of: Self.lineage(1), number: 3), Generation(of: Self.lineage(1), number: 8))
        #expect(memory.meet(early) == .news)
        #expect(memory.meet(early) == .known)
        #expect(memory.meet(late) == .news)
        #expect(memory.meet(early) == .replaced(by: late))
        #expect(memory.meet(Generation(of: Self.lineage(2), number: 0)) == .news)
        #expect(memory.meet(early) == .replaced(by: late))
        #expect(memory.meet(late) == .known)
    }

    @Test mutating func `of too many lineages the one that was met longest ago is forgotten`() {
        let limit = UInt8(GenerationMemory.lineageLimit)
        for name in 1...limit { _ = memory.meet(Generation(of: Self.lineage(name), number: 9)) }
        // Met again, the first one is not the oldest any more.
        #expect(memory.meet(Generation(of: Self.lineage(1), number: 9)) == .known)
        #expect(memory.meet(Generation(of: Self.lineage(limit + 1), number: 9)) == .news)
        #expect(memory.latest.count == GenerationMemory.lineageLimit)
        #expect(memory.meet(Generation(of: Self.lineage(2), number: 1)) == .news)
        let first = Generation(of: Self.lineage(1), number: 9)
        #expect(memory.meet(Generation(of: Self.lineage(1), number: 1)) == .replaced(by: first))
    }

    @Test mutating func `what another process has met is taken over where it is later`() {
        let (early, late) = (Generation(of: Self.lineage(1), number: 3), Generation(of: Self.lineage(1), number: 8))
        var other = GenerationMemory()
        _ = other.meet(late)
        _ = other.meet(Generation(of: Self.lineage(2), number: 4))
        _ = memory.meet(early)
        memory.merge(other)
        #expect(memory.meet(early) == .replaced(by: late))
        #expect(memory.meet(Generation(of: Self.lineage(2), number: 4)) == .known)
        var old = GenerationMemory()
        _ = old.meet(early)
        memory.merge(old)
        #expect(memory.meet(early) == .replaced(by: late))
        // The lineages of others do not push out those that this process knows.
        for name in UInt8(3)...200 {
            var many = GenerationMemory()
            _ = many.meet(Generation(of: Self.lineage(name), number: 1))
            memory.merge(many)
        }
        #expect(memory.latest.count == GenerationMemory.lineageLimit)
        #expect(memory.meet(late) == .known)
    }
}
