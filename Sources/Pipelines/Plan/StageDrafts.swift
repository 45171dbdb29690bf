/// Stages in the making: where to cut, but not yet into how many chunks.
struct StageDrafts {
    struct Draft {
        var input: ImageShape
        var isTransposed = false
        var prologue: WholeImageStep?
        var steps: [RowStep] = []
        var epilogue = Stage.Epilogue.segments

        /// All ranks of a world compute it together: one chunk is all of it.
        var isCollective: Bool { steps.last?.isCollective ?? false }
        /// The prologue's values belong to exactly the chunks that were aggregated.
        var sharesChunksWithPrevious: Bool { prologue.map { !$0.appliesRowByRow } ?? false }

        var shapes: [ImageShape] { [input] + (prologue.map { [$0.output] } ?? []) + steps.map(\.output) }
        var output: ImageShape { steps.last?.output ?? prologue?.output ?? input }

        /// How many output rows can be made from, by way of and into `byteCount` bytes each time. Where the image shrinks,
        /// many rows are read for one; where it is cut, few of all.
        func rowCount(for byteCount: Int) -> Int {
            var rows = 0..<output.height
            var largest = output.byteCount
            for step in steps.reversed() {
                rows = step.inputRows(for: rows)
                largest = max(largest, rows.count * step.input.bytesPerRow)
            }
            largest = max(largest, rows.count * input.bytesPerRow)
            let (product, overflows) = byteCount.multipliedReportingOverflow(by: output.height)
            return max(1, overflows ? byteCount / largest * output.height : product / largest)
        }
    }

    private var closed: [Draft] = []
    private var current: Draft

    init(input: ImageShape) { current = Draft(input: input) }

    /// The shape after everything so far.
    var shape: ImageShape { current.output }

    var largestByteCount: Int {
        (closed + [current]).flatMap(\.shapes).reduce(0) { max($0, $1.byteCount) }
    }

    mutating func append(_ computation: OperationComputation) {
        switch computation {
        case .rows(let computations): append(computations)
        case .wholeImage(let computation, let after):
            append(computation)
            append(after)
        case .transposition(let before, let after):
            append(before)
            transpose()
            append(after)
        case .sequence(let parts): for part in parts { append(part) }
        }
    }

    private mutating func append(_ computations: [any RowComputation]) {
        for computation in computations { append(RowStep(computation, of: shape)) }
    }

    private mutating func append(_ step: RowStep) {
        // A chunk whose value is for its own rows only cannot serve a step that needs its neighbours'.
        let isCutOff = current.sharesChunksWithPrevious && !step.readsOnlyItsOwnRow
        let isBegun = !current.steps.isEmpty || current.prologue != nil || current.isTransposed
        if isCutOff || current.isCollective || (step.isCollective && isBegun) { close(with: .rows, prologue: nil) }
        if let last = current.steps.last, last.readsOnlyItsOwnRow, step.readsOnlyItsOwnRow {
            current.steps[current.steps.count - 1] = RowStep(PointChain(last, step), of: last.input)
        } else {
            current.steps.append(step)
        }
    }

    private mutating func append(_ computation: any WholeImageComputation) {
        let step = WholeImageStep(computation, of: shape)
        for preparation in step.prelude { append(preparation) }
        close(with: .aggregate(step), prologue: step)
    }

    private mutating func transpose() {
        close(with: .columns, prologue: nil)
        current.input = current.input.transposed
        current.isTransposed = true
    }

    /// A document is all that comes out: nothing is appended any more.
    mutating func finish(_ report: any ReportComputation) {
        let step = ReportStep(report, of: shape)
        for preparation in step.prelude { append(preparation) }
        current.epilogue = .report(step)
    }

    private mutating func close(with epilogue: Stage.Epilogue, prologue: WholeImageStep?) {
        let output = current.output
        current.epilogue = epilogue
        closed.append(current)
        current = Draft(input: output, prologue: prologue)
    }

    /// Decides the chunks. Stages that share theirs are decided together, by the largest rows among them.
    func finished(chunkByteCount: Int, grid: SegmentGrid) -> [Stage] {
        let drafts = closed + [current]
        let output = current.output
        let isEncoded = current.epilogue.kind == .segments
        let rowsPerSegment = grid.rowsPerSegment(of: output)
        var stages: [Stage] = []
        var first = 0
        while first < drafts.count {
            var end = first + 1
            while end < drafts.count && drafts[end].sharesChunksWithPrevious { end += 1 }
            var rowsPerChunk = drafts[first..<end].reduce(.max) { min($0, $1.rowCount(for: chunkByteCount)) }
            if drafts[first..<end].contains(where: \.isCollective) { rowsPerChunk = drafts[first].output.height }
            let endsOnGrid = !isEncoded || rowsPerChunk >= min(rowsPerSegment, output.height)
            if end == drafts.count && isEncoded && endsOnGrid && rowsPerChunk < output.height {
                rowsPerChunk -= rowsPerChunk % rowsPerSegment
            }
            for var draft in drafts[first..<end] {
                if draft.epilogue.kind == .segments, !endsOnGrid { draft.epilogue = .rows }
                let transposed = draft.isTransposed ? stages.last.map { TransposedRows(of: $0) } : nil
                stages.append(
                    Stage(
                        input: draft.input, transposedInput: transposed, prologue: draft.prologue, steps: draft.steps,
                        epilogue: draft.epilogue, rowsPerChunk: rowsPerChunk, grid: grid))
            }
            if end == drafts.count && !endsOnGrid {
                // Chunks smaller than a segment are computed first and encoded afterwards.
                let segments = max(1, chunkByteCount / output.bytesPerRow / rowsPerSegment)
                stages.append(
                    Stage(
                        input: output, prologue: nil, steps: [], epilogue: .segments,
                        rowsPerChunk: segments * rowsPerSegment, grid: grid))
            }
            first = end
        }
        return stages
    }
}
