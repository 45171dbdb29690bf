import Pipelines

/// A rank's share of the spectrum of one channel: first rows of it, then columns, then rows again. Owns memory: call
/// `deallocate()`.
///
/// As many columns as there are lanes are stored together, as a block: first their numbers of one row, then of the next. So the
/// columns of a block are transformed where they are.
struct SpectrumExchange<Lanes: FourierLanes> {
    typealias Number = ComplexLanes<Lanes>

    private let shape: ImageShape
    private let ranks: any CollectiveRanks
    /// The blocks of all columns with this rank's rows; or this rank's blocks with all rows.
    let spectrum: Number.Row
    /// What is sent, or was received, if there are other ranks.
    private let others: Number.Row

    init(_ shape: ImageShape, _ ranks: any CollectiveRanks) {
        self.shape = shape
        self.ranks = ranks
        let rows = ranks.rows(of: ranks.rank, height: shape.height)
        let count = max(
            rows.count * Self.blockCount(shape), shape.height * Self.blocks(of: ranks.rank, ranks, shape).count)
        spectrum = Number.allocate(count)
        others = Number.allocate(ranks.size > 1 ? count : 0)
    }

    func deallocate() {
        spectrum.deallocate()
        others.deallocate()
    }

    static func blockCount(_ shape: ImageShape) -> Int {
        ButterworthFilter.blockCount(width: shape.width, laneCount: Lanes.scalarCount)
    }

    private static func blocks(of rank: Int, _ ranks: any CollectiveRanks, _ shape: ImageShape) -> Range<Int> {
        let count = blockCount(shape)
        return count * rank / ranks.size..<count * (rank + 1) / ranks.size
    }

    /// This rank's blocks.
    var blocks: Range<Int> { blocks(of: ranks.rank) }
    private func blocks(of rank: Int) -> Range<Int> { Self.blocks(of: rank, ranks, shape) }
    private func rows(of rank: Int) -> Range<Int> { ranks.rows(of: rank, height: shape.height) }

    func toColumns() {
        guard ranks.size > 1 else { return }
        exchange(spectrum, others, toColumns: true)
        forEachPart { part, column, count in (spectrum + column).update(from: others + part, count: count) }
    }

    func toRows() {
        guard ranks.size > 1 else { return }
        forEachPart { part, column, count in (others + part).update(from: spectrum + column, count: count) }
        exchange(others, spectrum, toColumns: false)
    }

    /// For each rank and each of this rank's blocks, that rank's rows of it: where they begin in what is exchanged with that
    /// rank, where in the block, and how many they are.
    private func forEachPart(_ body: (_ part: Int, _ column: Int, _ count: Int) -> Void) {
        for rank in 0..<ranks.size {
            let rows = rows(of: rank)
            for block in 0..<blocks.count {
                body(
                    rows.lowerBound * blocks.count + block * rows.count, block * shape.height + rows.lowerBound,
                    rows.count)
            }
        }
    }

    /// Sends each rank its part, and receives each rank's: of this rank's rows and others' columns one way, of others' rows
    /// and this rank's columns the other way.
    private func exchange(_ source: Number.Row, _ target: Number.Row, toColumns: Bool) {
        let (ownRows, ownBlocks) = (rows(of: ranks.rank), blocks)
        var outgoing: [UnsafeRawBufferPointer] = []
        var incoming: [UnsafeMutableRawBufferPointer] = []
        for rank in 0..<ranks.size {
            let (theirBlocks, theirRows) = (blocks(of: rank), rows(of: rank))
            let ofRows = (offset: ownRows.count * theirBlocks.lowerBound, count: ownRows.count * theirBlocks.count)
            let ofColumns = (offset: theirRows.lowerBound * ownBlocks.count, count: theirRows.count * ownBlocks.count)
            let (out, into) = toColumns ? (ofRows, ofColumns) : (ofColumns, ofRows)
            outgoing.append(UnsafeRawBufferPointer(UnsafeBufferPointer(start: source + out.offset, count: out.count)))
            incoming.append(
                UnsafeMutableRawBufferPointer(
                    UnsafeMutableBufferPointer(start: target + into.offset, count: into.count)))
        }
        incoming[ranks.rank].copyMemory(from: outgoing[ranks.rank])
        ranks.exchange(outgoing, incoming)
    }
}
