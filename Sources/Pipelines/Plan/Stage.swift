/// A run of a plan in which every chunk can be computed by itself, from rows and perhaps a value.
///
///     rows in -> [prologue: apply the value] -> step -> step ... -> rows out -> epilogue
public struct Stage: Sendable {
    /// What becomes of a chunk's rows.
    public enum Epilogue: Sendable {
        /// They are kept as raw rows for the next stage.
        case rows
        /// They are kept as raw columns: the next stage's input is their image transposed (see `TransposedRows`).
        case columns
        /// They are kept as raw rows, and aggregated: the next stage applies the values made of all partial aggregates.
        case aggregate(WholeImageStep)
        /// They are aggregated and not kept: the document is made of all partial aggregates. Only the last stage.
        case report(ReportStep)
        /// They are encoded, segment by segment of the plan's `SegmentGrid`. Only the last stage.
        case segments

        public var kind: EpilogueKind {
            switch self {
            case .rows: .rows
            case .columns: .columns
            case .aggregate: .aggregate
            case .report: .report
            case .segments: .segments
            }
        }
    }

    /// An epilogue without what it aggregates: all that scheduling needs.
    public enum EpilogueKind: Hashable, Sendable {
        case rows, columns, aggregate, report, segments

        /// Whether the chunks' partial aggregates are merged: to values, or to a document.
        public var isReduced: Bool {
            switch self {
            case .aggregate, .report: true
            case .rows, .columns, .segments: false
            }
        }
    }

    public let input: ImageShape
    public let output: ImageShape
    /// How the rows of the input are divided into pieces, when the stage before ends with columns; `nil` when they are whole.
    public let transposedInput: TransposedRows?
    /// Applied with its value before the first step.
    public let prologue: WholeImageStep?
    public let steps: [RowStep]
    public let epilogue: Epilogue
    /// The chunks of the output rows.
    public let chunks: RowPartition
    /// Rows of the output in a segment, when the stage ends with segments.
    public let rowsPerSegment: Int?

    init(
        input: ImageShape, transposedInput: TransposedRows? = nil, prologue: WholeImageStep?, steps: [RowStep],
        epilogue: Epilogue, rowsPerChunk: Int, grid: SegmentGrid
    ) {
        assert(transposedInput == nil || prologue == nil, "a stage begins with one thing")
        self.input = input
        self.transposedInput = transposedInput
        self.prologue = prologue
        self.steps = steps
        self.epilogue = epilogue
        output = steps.last?.output ?? prologue?.output ?? input
        chunks = RowPartition(rowCount: output.height, rowsPerPart: rowsPerChunk)
        rowsPerSegment = epilogue.kind == .segments ? grid.rowsPerSegment(of: output) : nil
    }

    /// The input rows that the output rows `rows` need, computed backwards through the steps.
    public func inputRows(for rows: Range<Int>) -> Range<Int> { steps.inputRows(for: rows) }

    public func inputRows(forChunk index: Int) -> Range<Int> { inputRows(for: chunks[index]) }

    /// Images that the steps need besides the rows.
    public var attachments: [AttachedImage.Content] { steps.flatMap(\.computation.attachments) }

    /// Which of the prologue's values belongs to a chunk. `nil` when the stage has no prologue.
    ///
    /// When the prologue works row by row all values are the same, and the first will do; else the chunks are those of the
    /// stage that was aggregated, and each has its own.
    public func valueIndex(forChunk index: Int) -> Int? {
        prologue.map { $0.appliesRowByRow ? 0 : index }
    }
}
