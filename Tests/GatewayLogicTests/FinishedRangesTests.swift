import GatewayLogic
import SeededRandom
import Testing

@Suite struct FinishedRangesTests {
    @Test func `ranges that touch become one, in whatever order they come`() {
        var rows = FinishedRanges()
        #expect(rows.firstGap == 0 && rows.contains(5..<5) && !rows.contains(0..<1))
        rows.insert(10..<20)
        rows.insert(30..<40)
        #expect(rows.ranges == [10..<20, 30..<40] && rows.firstGap == 0)
        rows.insert(20..<30)
        #expect(rows.ranges == [10..<40])
        rows.insert(0..<10)
        #expect(rows.ranges == [0..<40] && rows.firstGap == 40)
        rows.insert(41..<50)
        rows.insert(60..<60)
        #expect(rows.ranges == [0..<40, 41..<50] && rows.contains(41..<50) && !rows.contains(39..<42))
        rows.insert(5..<100)
        #expect(rows.ranges == [0..<100])
    }

    @Test func `they hold exactly the rows that were inserted`() {
        var random = SeededGenerator(seed: 5)
        for _ in 0..<200 {
            var (rows, model): (FinishedRanges, Set<Int>) = (FinishedRanges(), [])
            for _ in 0..<Int.random(in: 1...12, using: &random) {
                let first = Int.random(in: 0..<60, using: &random)
                let range = first..<first + Int.random(in: 0...12, using: &random)
                rows.insert(range)
                model.formUnion(range)
                #expect(Set(rows.ranges.joined()) == model)
                #expect(zip(rows.ranges, rows.ranges.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound })
                #expect(rows.firstGap == (0...).first { !model.contains($0) })
                #expect(rows.contains(range))
            }
        }
    }

    @Test func `rows of an image are a topic`() throws {
        #expect(try Topic.list("rows:17.3,jobs") == [.rows(ImageName(job: 17, index: 3)), .jobs])
        for wrong in ["rows:", "rows:17", "rows:0.1", "rows:17.x", "rows:17.3.1"] {
            #expect(throws: Problem.self) { try Topic.list(wrong) }
        }
    }
}
