/// How large a plan would be: the tasks that it has, and the parts that these wait for.
///
/// Computed by arithmetic, without a list of anything: it costs as much for ten chunks as for ten million. So a plan can be
/// rejected before any memory is taken for it.
public struct PlanSize: Hashable, Sendable {
    /// Decode, chunks and reductions; 1 for an image that one task processes.
    public let taskCount: Int
    /// The bands and outputs of other tasks that all tasks together read: an estimate from above.
    public let dependencyCount: Int
    /// The most values that one task gives, because each chunk of the stage behind it takes a value of its own.
    public let largestValueCount: Int

    public init(taskCount: Int, dependencyCount: Int, largestValueCount: Int) {
        self.taskCount = taskCount
        self.dependencyCount = dependencyCount
        self.largestValueCount = largestValueCount
    }

    /// The plan of an image that one task processes.
    public static let whole = PlanSize(taskCount: 1, dependencyCount: 0, largestValueCount: 0)
}

extension ProcessingPlan {
    /// The size of the plan; see `PlanSize`.
    public var size: PlanSize { size(isInPieces: false) }

    /// The size of the plan, were the file read in the one way or the other.
    ///
    /// - Parameter isInPieces: whether the chunks of the first stage read the file by its pieces: instead of bands, each needs to
    ///   be told its pieces, also where the image would be a single task.
    public func size(isInPieces: Bool) -> PlanSize {
        if isSingleTask, !isInPieces { return .whole }
        var taskCount = 1
        var dependencyCount = 0
        var largestValueCount = isInPieces ? stages[0].chunks.count : 0
        for (number, stage) in stages.enumerated() {
            let count = stage.chunks.count
            taskCount = taskCount.addingClamped(count + (stage.epilogue.kind.isReduced ? 1 : 0))
            let search = RowPartition(rowCount: input.height, rowsPerPart: input.height)
            let sources = number > 0 ? stages[number - 1].chunks : isInPieces ? search : bands
            // Where rows became columns, each chunk reads a piece of every part.
            let largest = stage.transposedInput == nil ? stage.largestSourceCount(in: sources) : sources.count
            dependencyCount = dependencyCount.addingClamped(count.multipliedClamped(by: largest))
            // Every chunk behind a reduction waits for it, and the reduction for every chunk.
            if stage.prologue != nil { dependencyCount = dependencyCount.addingClamped(count) }
            if stage.epilogue.kind.isReduced { dependencyCount = dependencyCount.addingClamped(count) }
            if let prologue = stage.prologue, !prologue.appliesRowByRow {
                largestValueCount = max(largestValueCount, count)
            }
        }
        return PlanSize(
            taskCount: taskCount, dependencyCount: dependencyCount, largestValueCount: largestValueCount)
    }
}

extension Stage {
    /// Chunks that are looked at, of more.
    private static let sampleCount = 256

    /// The most parts of `sources` from which a chunk reads.
    ///
    /// Chunks have equally many rows and read by one rule, so that only those at the edges read less: some of them, evenly
    /// spread, tell what all need, but for one part more or less where rows and parts do not divide evenly.
    fileprivate func largestSourceCount(in sources: RowPartition) -> Int {
        let step = max(1, chunks.count / Self.sampleCount)
        var largest = 0
        for chunk in stride(from: 0, to: chunks.count, by: step) {
            largest = max(largest, sources.indices(overlapping: inputRows(forChunk: chunk)).count)
        }
        return step == 1 ? largest : min(largest + 1, sources.count)
    }
}

extension Int {
    fileprivate func addingClamped(_ other: Int) -> Int {
        let (sum, overflows) = addingReportingOverflow(other)
        return overflows ? .max : sum
    }

    fileprivate func multipliedClamped(by other: Int) -> Int {
        let (product, overflows) = multipliedReportingOverflow(by: other)
        return overflows ? .max : product
    }
}
