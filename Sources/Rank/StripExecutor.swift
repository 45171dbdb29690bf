import Kernels
import Pipelines

/// Computes one rank's strip of some output rows of a stage, together with the other ranks.
///
/// Level by level (see `StripPlan`): ghost rows of the level below are exchanged, and while they travel the rows are
/// computed that need none of them.
///
///     rank 0   ======|~~|            =  own rows, computed while ghost rows travel
///     rank 1      |~~|======|~~|     ~  rows that need a neighbour's: computed when they are in
///     rank 2            |~~|======
struct StripExecutor<Ranks: StripCommunicator> {
    let stage: Stage
    let plan: StripPlan
    let ranks: Ranks
    /// The code of the stage's steps.
    private let kernels: [any RowKernel]
    /// Called after each level, with the levels done and in all.
    let progress: (Int, Int) -> Void
    let isCancelled: () -> Bool

    /// - Parameter rows: the output rows that the ranks make together.
    init(
        stage: Stage, rows: Range<Int>, ranks: Ranks, progress: @escaping (Int, Int) -> Void = { _, _ in },
        isCancelled: @escaping () -> Bool = { false }
    ) {
        self.stage = stage
        kernels = stage.steps.map(\.kernel)
        plan = StripPlan(stage: stage, rows: rows, rankCount: ranks.size)
        self.ranks = ranks
        self.progress = progress
        self.isCancelled = isCancelled
    }

    /// The output rows that this rank is to deliver; maybe none.
    var delivered: Range<Int> { plan.owned(ranks.rank, plan.deliveryLevel) }

    /// Computes the strip.
    ///
    /// - Parameters:
    ///   - input: the rows that `plan.needed(_:0)` names for this rank, at least.
    ///   - value: what the prologue applies; not read when the stage has none.
    /// - Returns: rows that contain `delivered`.
    /// - Throws: on all ranks alike.
    func run(_ input: StripRows, value: [UInt8]) throws(RankFailure) -> StripRows {
        var below = input
        for level in 1...plan.deliveryLevel {
            let made = level < plan.deliveryLevel ? StripRows.owned(buffer(level)) : below
            if level == 1, let prologue = stage.prologue {
                try apply(prologue, value, to: below, into: made)
            } else {
                compute(level, from: below, to: made)
            }
            below = made
            try ranks.agree(isCancelled() ? RankFailure.cancelled : nil)
            progress(level, plan.deliveryLevel)
        }
        return below
    }

    /// Memory for what this rank owns or needs of a level, from the first such row to the last.
    private func buffer(_ level: Int) -> RowBuffer {
        RowBuffer(
            shape: plan.shape(level), rows: hull(plan.owned(ranks.rank, level), plan.needed(ranks.rank, level)))
    }

    private func compute(_ level: Int, from below: StripRows, to made: StripRows) {
        let kernel = plan.stepIndex(level).map { kernels[$0] }
        if let kernel = kernel as? any CollectiveKernel {
            return together(kernel, level, from: below, to: made)
        }
        let all = plan.owned(ranks.rank, level)
        let interior = plan.interior(ranks.rank, level)
        let exchanges = plan.exchanges(level - 1)
        var outgoing: [OutgoingRows] = []
        var incoming: [IncomingRows] = []
        for exchange in exchanges {
            if exchange.from == ranks.rank {
                outgoing.append(OutgoingRows(peer: exchange.to, bytes: below.view.slice(exchange.rows).bytes))
            } else if exchange.to == ranks.rank, let mutable = below.mutableView {
                incoming.append(IncomingRows(peer: exchange.from, bytes: mutable.slice(exchange.rows).bytes))
            }
        }
        guard let kernel else {
            return ranks.exchange(outgoing, incoming, while: {})
        }
        func compute(_ rows: Range<Int>) {
            guard !rows.isEmpty, let output = made.mutableView else { return }
            kernel.apply(below.view, to: output.slice(rows))
        }
        ranks.exchange(outgoing, incoming, while: { compute(interior) })
        if interior.isEmpty {
            compute(all)
        } else {
            compute(all.lowerBound..<interior.lowerBound)
            compute(interior.upperBound..<all.upperBound)
        }
    }

    /// Computes a level that no rank can compute by itself. A rank without rows takes part all the same.
    private func together(_ kernel: any CollectiveKernel, _ level: Int, from below: StripRows, to made: StripRows) {
        guard let output = made.mutableView else { return }
        let own = plan.owned(ranks.rank, level)
        kernel.apply(
            below.view.slice(own), to: own.isEmpty ? output : output.slice(own),
            with: LevelRanks(plan: plan, level: level, ranks: ranks))
    }

    /// Applies the chunk's value of a whole-image operation to this rank's strip of the input.
    private func apply(
        _ step: WholeImageStep, _ value: [UInt8], to input: StripRows, into made: StripRows
    ) throws(RankFailure) {
        let kernel = step.kernel
        let rows = plan.owned(ranks.rank, 1)
        let strip = input.view.slice(rows)
        var own = value
        if !step.appliesRowByRow {
            // A strip without rows is not a part, and has no partial aggregate.
            let counts = (0..<ranks.size).map { plan.owned($0, 1).count }
            let partials = ranks.allGather(rows.isEmpty ? [] : kernel.aggregate(strip))
            let parts = zip(partials, counts).filter { $0.1 > 0 }.map(\.0)
            // All ranks have the same partial aggregates, so all of them refine or none does.
            let values = try attempt { try kernel.refine(value, strips: parts) }
            let index = counts[..<ranks.rank].count { $0 > 0 }
            if !rows.isEmpty { own = values[index] }
        }
        try ranks.agree {
            guard !rows.isEmpty, let output = made.mutableView else { return }
            try kernel.apply(own, to: strip, into: output.slice(rows))
        }
    }

    private func attempt<Result>(_ body: () throws -> Result) throws(RankFailure) -> Result {
        do { return try body() } catch { throw RankFailure(error) }
    }
}

/// The rows of a level that a rank holds: the mapped input, or memory of its own.
enum StripRows {
    /// Outlives the execution.
    case borrowed(RowsView)
    case owned(RowBuffer)

    /// Valid while this value lives.
    var view: RowsView {
        switch self {
        case .borrowed(let view): view
        case .owned(let buffer): buffer.view
        }
    }

    /// `nil` for the mapped input.
    var mutableView: MutableRowsView? {
        switch self {
        case .borrowed: nil
        case .owned(let buffer): buffer.mutableView
        }
    }
}

extension RowsView {
    /// The part of the view that holds `part`; no rows at all if `part` is empty.
    func slice(_ part: Range<Int>) -> RowsView {
        let part = part.isEmpty ? rows.lowerBound..<rows.lowerBound : part
        precondition(part.lowerBound >= rows.lowerBound && part.upperBound <= rows.upperBound, "\(part) of \(rows)")
        let offset = (part.lowerBound - rows.lowerBound) * shape.bytesPerRow
        return RowsView(shape: shape, rows: part, base: bytes.baseAddress.unsafelyUnwrapped + offset)
    }
}

/// The smallest range that has both.
private func hull(_ a: Range<Int>, _ b: Range<Int>) -> Range<Int> {
    if a.isEmpty { return b }
    if b.isEmpty { return a }
    return min(a.lowerBound, b.lowerBound)..<max(a.upperBound, b.upperBound)
}
