/// How an image is processed: in which stages, cut into which chunks.
///
/// Depends only on the pipeline, the input's shape and the chunk size, never on workers or ranks, so that everyone
/// who knows these three computes the same plan. Cheap: a plan of a million chunks is a few numbers.
///
/// A stage ends where a whole-image operation needs the summaries of all chunks, and where rows become columns:
///
///     blur | canny | invert
///     stage 0:  blur, gradient, suppression      -> summary of each chunk's edge fragments
///     (reduce:  all summaries -> a value a chunk)
///     stage 1:  finish with the value, invert    -> segments
///
///     blur | rotate degrees=90 | sobel
///     stage 0:  blur                             -> columns
///     stage 1:  mirror each row, sobel           -> segments
///
/// What ranks can only compute together is a stage of one chunk: its kernels are a `CollectiveKernel` alone.
///
/// A document is what the last reduction gives:
///
///     blur | components output=json
///     stage 0:  blur                             -> summary of each chunk's regions
///     (reduce:  all summaries -> the document)
public struct ProcessingPlan: Sendable {
    public let input: ImageShape
    /// The image that the last operation gives; where that gives a document, the image that it is found in.
    public let output: ImageShape
    /// The image and everything made of it fit into one chunk: one task does it all.
    public let isSingleTask: Bool
    /// How the decoder publishes raw rows: about one chunk each.
    public let bands: RowPartition
    /// The bands of which a row is read; the others need not be published.
    public var neededBands: Range<Int> {
        bands.indices(overlapping: stages[0].inputRows(for: 0..<stages[0].output.height))
    }
    /// At least one; the last closes with `.segments` or `.report`, and no other does.
    public let stages: [Stage]

    /// - Parameter chunkByteCount: raw bytes of the largest rows that a chunk reads, makes between or gives back, leaving
    ///   out halos; at least 1. A chunk has at least one row.
    public init(pipeline: Pipeline, input: ImageShape, chunkByteCount: Int) throws(PipelineError) {
        precondition(chunkByteCount > 0, "chunks of \(chunkByteCount) bytes")
        var drafts = StageDrafts(input: input)
        var shape = input
        let report = pipeline.report
        for operation in report == nil ? pipeline.operations[...] : pipeline.operations.dropLast() {
            let next = try operation.outputShape(for: shape)
            switch operation.kernel(for: shape) {
            case .rows(let kernels): for kernel in kernels { drafts.append(kernel) }
            case .wholeImage(let kernel): drafts.append(kernel)
            case .transposition(let before, let after):
                for kernel in before { drafts.append(kernel) }
                drafts.transpose()
                for kernel in after { drafts.append(kernel) }
            }
            assert(drafts.shape == next, "\(type(of: operation).description.name) announces another shape")
            shape = next
        }
        if let report {
            _ = try report.outputShape(for: shape)
            drafts.finish(report.reportKernel(for: shape))
        }
        self.input = input
        output = shape
        isSingleTask = drafts.largestByteCount <= chunkByteCount
        bands = RowPartition(rowCount: input.height, rowsPerPart: max(1, chunkByteCount / input.bytesPerRow))
        stages = drafts.finished(chunkByteCount: isSingleTask ? .max : chunkByteCount)
    }
}

/// Stages in the making: where to cut, but not yet into how many chunks.
private struct StageDrafts {
    struct Draft {
        var input: ImageShape
        var isTransposed = false
        var opening: (any WholeImageKernel)?
        var kernels: [any RowKernel] = []
        var closing = Stage.Closing.segments

        /// All ranks of a world compute it together: one chunk is all of it.
        var isCollective: Bool { kernels.last is any CollectiveKernel }
        /// The opening kernel's values belong to exactly the chunks that were summarised.
        var sharesChunksWithPrevious: Bool { opening.map { !$0.finishesRowByRow } ?? false }

        var shapes: [ImageShape] { [input] + (opening.map { [$0.outputShape] } ?? []) + kernels.map(\.outputShape) }
        var output: ImageShape { kernels.last?.outputShape ?? opening?.outputShape ?? input }

        /// How many output rows can be made from, by way of and into `byteCount` bytes each time. Where the image shrinks,
        /// many rows are read for one; where it is cut, few of all.
        func rowCount(for byteCount: Int) -> Int {
            var rows = 0..<output.height
            var largest = output.byteCount
            for (kernel, shape) in zip(kernels, shapes.suffix(kernels.count + 1)).reversed() {
                rows = kernel.inputRows(for: rows)
                largest = max(largest, rows.count * shape.bytesPerRow)
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

    mutating func append(_ kernel: any RowKernel) {
        // A chunk that can only finish its own rows cannot serve a kernel that needs its neighbours'.
        let isCutOff = current.sharesChunksWithPrevious && !kernel.readsOnlyItsOwnRow
        let isBegun = !current.kernels.isEmpty || current.opening != nil || current.isTransposed
        if isCutOff || current.isCollective || (kernel is any CollectiveKernel && isBegun) {
            close(with: .rows, opening: nil)
        }
        if let last = current.kernels.last, last.readsOnlyItsOwnRow, kernel.readsOnlyItsOwnRow {
            current.kernels[current.kernels.count - 1] = PointChain(last, kernel)
        } else {
            current.kernels.append(kernel)
        }
    }

    mutating func append(_ kernel: any WholeImageKernel) {
        for preparation in kernel.prelude { append(preparation) }
        assert(current.output == kernel.summarisedShape)
        close(with: .summary(kernel), opening: kernel)
    }

    mutating func transpose() {
        close(with: .columns, opening: nil)
        current.input = TransposedRows(of: current.input, rowsPerPart: 1).shape
        current.isTransposed = true
    }

    /// A document is all that comes out: nothing is appended any more.
    mutating func finish(_ kernel: any ReportKernel) {
        for preparation in kernel.prelude { append(preparation) }
        assert(current.output == kernel.summarisedShape)
        current.closing = .report(kernel)
    }

    private mutating func close(with closing: Stage.Closing, opening: (any WholeImageKernel)?) {
        let output = current.output
        current.closing = closing
        closed.append(current)
        current = Draft(input: output, opening: opening)
    }

    /// Decides the chunks. Stages that share theirs are decided together, by the largest rows among them.
    func finished(chunkByteCount: Int) -> [Stage] {
        let drafts = closed + [current]
        let output = current.output
        let isEncoded = if case .segments = current.closing { true } else { false }
        let rowsPerSegment = SegmentGrid.rowsPerSegment(bytesPerRow: output.bytesPerRow)
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
                if case .segments = draft.closing, !endsOnGrid { draft.closing = .rows }
                let transposed = draft.isTransposed ? stages.last.map { TransposedRows(of: $0) } : nil
                stages.append(
                    Stage(
                        input: draft.input, transposedInput: transposed, opening: draft.opening, kernels: draft.kernels,
                        closing: draft.closing,
                        rowsPerChunk: rowsPerChunk))
            }
            if end == drafts.count && !endsOnGrid {
                // Chunks smaller than a segment are computed first and compressed afterwards.
                let segments = max(1, chunkByteCount / output.bytesPerRow / rowsPerSegment)
                stages.append(
                    Stage(
                        input: output, opening: nil, kernels: [], closing: .segments,
                        rowsPerChunk: segments * rowsPerSegment))
            }
            first = end
        }
        return stages
    }
}
