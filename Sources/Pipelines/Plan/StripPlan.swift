/// The rows that each rank computes when several share a chunk: arithmetic only, the same on every rank.
///
/// Rows exist at *levels*. Level 0 is the chunk's input, which every rank sees. Each step (the stage's prologue, if it
/// has one, then each of its steps) makes the next level from the one below. The last level is delivery: nothing is
/// computed, but the rows go to the ranks that compress them, whole segments each.
///
///     level 0      input, visible to all
///     level 1..n   after step 1..n; each row owned by one rank
///     level n + 1  delivery
///
/// A level has all rows that the chunk needs of it, cut evenly. What a rank needs of a level and does not own are its
/// ghost rows: `exchanges` lists who sends what to whom.
public struct StripPlan: Sendable {
    /// Rows `rows` of a level, owned by `from`, which `to` needs.
    public struct Exchange: Hashable, Sendable {
        public let from: Int
        public let to: Int
        public let rows: Range<Int>
    }

    public let rankCount: Int
    /// The shape of the whole image at each level but delivery.
    private let shapes: [ImageShape]
    private let levelRows: [Range<Int>]
    private let steps: [RowStep]
    private let hasPrologue: Bool
    /// Rows of a segment, when the chunk is delivered as segments.
    private let rowsPerSegment: Int?

    /// - Parameters:
    ///   - rows: the chunk's output rows; when the stage ends with segments they begin on the grid, and end on it or with the
    ///     image.
    public init(stage: Stage, rows: Range<Int>, rankCount: Int) {
        precondition(rankCount > 0 && !rows.isEmpty, "\(rankCount) ranks for rows \(rows)")
        self.rankCount = rankCount
        steps = stage.steps
        hasPrologue = stage.prologue != nil
        shapes = [stage.input] + (stage.prologue.map { [$0.output] } ?? []) + stage.steps.map(\.output)
        var backwards = [rows]
        for step in stage.steps.reversed() { backwards.append(step.inputRows(for: backwards[backwards.count - 1])) }
        if hasPrologue { backwards.append(backwards[backwards.count - 1]) }
        levelRows = backwards.reversed()
        rowsPerSegment = stage.rowsPerSegment
    }

    /// The input, one a step, and delivery.
    public var levelCount: Int { levelRows.count + 1 }
    /// The level at which rows are delivered; the one below holds the chunk's output.
    public var deliveryLevel: Int { levelRows.count }

    /// The shape of the image whose rows are at `level`.
    public func shape(_ level: Int) -> ImageShape { shapes[min(level, shapes.count - 1)] }

    /// All rows of `level` that the chunk needs.
    public func rows(_ level: Int) -> Range<Int> { levelRows[min(level, levelRows.count - 1)] }

    /// The number, in the stage, of the step that makes `level` from the one below; `nil` for the input, the prologue, and
    /// delivery.
    public func stepIndex(_ level: Int) -> Int? {
        let index = level - 1 - (hasPrologue ? 1 : 0)
        return index >= 0 && level < deliveryLevel ? index : nil
    }

    /// The step that makes `level` from the one below; `nil` for the input, the prologue, and delivery.
    public func step(_ level: Int) -> RowStep? { stepIndex(level).map { steps[$0] } }

    /// The rows of `level` that `rank` computes (or delivers); maybe none. In rank order they cover `rows(level)`.
    /// At level 0 every rank has all of them.
    public func owned(_ rank: Int, _ level: Int) -> Range<Int> {
        let all = rows(level)
        if level == 0 { return all }
        guard level == deliveryLevel, let rowsPerSegment else { return share(of: all, rank) }
        let count = (all.count - 1) / rowsPerSegment + 1
        let segments = share(of: 0..<count, rank)
        return all.lowerBound + segments.lowerBound
            * rowsPerSegment..<min(all.lowerBound + segments.upperBound * rowsPerSegment, all.upperBound)
    }

    /// The rows of `level` that `rank` reads to compute what it owns of the level above. Empty at delivery.
    public func needed(_ rank: Int, _ level: Int) -> Range<Int> {
        guard level < deliveryLevel else { return 0..<0 }
        let made = owned(rank, level + 1)
        guard !made.isEmpty, let step = step(level + 1), !step.isCollective else { return made }
        return step.inputRows(for: made)
    }

    /// The part of `owned(rank, level)` that can be computed from the rows of the level below that `rank` owns itself,
    /// while its ghost rows travel.
    public func interior(_ rank: Int, _ level: Int) -> Range<Int> {
        precondition(level > 0, "the input is not computed")
        let made = owned(rank, level)
        let available = owned(rank, level - 1)
        guard let step = step(level), !step.isCollective else { return made.clamped(to: available) }
        // Both ends of inputRows move one way, so that each end is found by bisection.
        func reads(_ row: Int) -> Range<Int> { step.inputRows(for: row..<row + 1) }
        let (lower, upper) =
            step.readsUpwards
            ? (
                firstRow(in: made) { reads($0).upperBound <= available.upperBound },
                firstRow(in: made) { reads($0).lowerBound < available.lowerBound }
            )
            : (
                firstRow(in: made) { reads($0).lowerBound >= available.lowerBound },
                firstRow(in: made) { reads($0).upperBound > available.upperBound }
            )
        return lower..<max(lower, upper)
    }

    /// Whether the ranks make `level` together: then no rank needs another's rows before.
    public func isCollective(_ level: Int) -> Bool { step(level)?.isCollective ?? false }

    /// All transfers that must be made before the level above `level` can be completed; none at level 0.
    public func exchanges(_ level: Int) -> [Exchange] {
        guard level > 0 && level < deliveryLevel else { return [] }
        var exchanges: [Exchange] = []
        for to in 0..<rankCount {
            let needed = needed(to, level)
            guard !needed.isEmpty else { continue }
            for from in 0..<rankCount where from != to {
                let rows = needed.clamped(to: owned(from, level))
                if !rows.isEmpty { exchanges.append(Exchange(from: from, to: to, rows: rows)) }
            }
        }
        return exchanges
    }

    private func share(of all: Range<Int>, _ rank: Int) -> Range<Int> {
        all.lowerBound + all.count * rank / rankCount..<all.lowerBound + all.count * (rank + 1) / rankCount
    }

    private func firstRow(in rows: Range<Int>, where isMet: (Int) -> Bool) -> Int {
        var (low, high) = (rows.lowerBound, rows.upperBound)
        while low < high {
            let middle = low + (high - low) / 2
            if isMet(middle) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
