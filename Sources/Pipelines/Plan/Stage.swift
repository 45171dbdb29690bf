/// A run of a plan in which every chunk can be computed by itself, from rows and perhaps a value.
///
///     rows in -> [opening.finish(value)] -> kernel -> kernel ... -> rows out -> closing
public struct Stage: Sendable {
    /// What becomes of a chunk's rows.
    public enum Closing: Sendable {
        /// They are kept as raw rows for the next stage.
        case rows
        /// They are kept as raw columns: the next stage's input is their image transposed (see `TransposedRows`).
        case columns
        /// They are kept as raw rows, and summarised: the next stage opens with the kernel once all summaries are in.
        case summary(any WholeImageKernel)
        /// They are summarised and not kept: the document is made of all summaries. Only the last stage.
        case report(any ReportKernel)
        /// They are compressed, segment by segment of the `SegmentGrid`. Only the last stage.
        case segments
    }

    public let input: ImageShape
    public let output: ImageShape
    /// How the rows of the input lie in pieces, when the stage before closed with columns; `nil` when they are whole.
    public let transposedInput: TransposedRows?
    /// Finished with its value before the first kernel.
    public let opening: (any WholeImageKernel)?
    public let kernels: [any RowKernel]
    public let closing: Closing
    /// The chunks of the output rows.
    public let chunks: RowPartition

    init(
        input: ImageShape, transposedInput: TransposedRows? = nil, opening: (any WholeImageKernel)?,
        kernels: [any RowKernel], closing: Closing, rowsPerChunk: Int
    ) {
        assert(transposedInput == nil || opening == nil, "a stage opens with one thing")
        self.input = input
        self.transposedInput = transposedInput
        self.opening = opening
        self.kernels = kernels
        self.closing = closing
        output = kernels.last?.outputShape ?? opening?.outputShape ?? input
        chunks = RowPartition(rowCount: output.height, rowsPerPart: rowsPerChunk)
    }

    /// The input rows that the output rows `rows` need, computed backwards through the kernels.
    public func inputRows(for rows: Range<Int>) -> Range<Int> {
        kernels.reversed().reduce(rows) { $1.inputRows(for: $0) }
    }

    public func inputRows(forChunk index: Int) -> Range<Int> { inputRows(for: chunks[index]) }

    /// Which of the values that the opening kernel resolved belongs to a chunk. `nil` when nothing opens the stage.
    ///
    /// When the opening kernel finishes row by row all values are the same, and the first will do; else the chunks are
    /// those of the stage that was summarised, and each has its own.
    public func valueIndex(forChunk index: Int) -> Int? {
        opening.map { $0.finishesRowByRow ? 0 : index }
    }
}
