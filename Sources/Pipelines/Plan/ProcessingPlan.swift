/// How an image is processed: in which stages, cut into which chunks.
///
/// Depends only on the pipeline, the input's shape, the chunk size and the output format's segments, never on workers or
/// ranks, so that every program that knows these computes the same plan. Cheap: a plan of a million chunks is a few numbers,
/// and has no code that touches pixels.
///
/// A stage ends where a whole-image operation needs the partial aggregates of all chunks, and where rows become columns:
///
///     blur | canny | invert
///     stage 0:  blur, gradient, suppression      -> partial aggregate of each chunk: its edge fragments
///     (reduce:  all partial aggregates -> a value per chunk)
///     stage 1:  apply the value, invert          -> segments
///
///     blur | rotate degrees=90 | sobel
///     stage 0:  blur                             -> columns
///     stage 1:  mirror each row, sobel           -> segments
///
/// What ranks can only compute together is a stage of one chunk, whose only step is a `CollectiveComputation`.
///
/// A document is what the last reduction gives:
///
///     blur | components output=json
///     stage 0:  blur                             -> partial aggregate of each chunk: its regions
///     (reduce:  all partial aggregates -> the document)
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
    /// At least one; the last ends with `.segments` or `.report`, and no other does.
    public let stages: [Stage]

    /// - Parameters:
    ///   - chunkByteCount: raw bytes of the largest rows that a chunk reads, makes between or gives back, leaving out halos;
    ///     at least 1. A chunk has at least one row.
    ///   - grid: the segments in which the output format is encoded.
    public init(
        pipeline: Pipeline, input: ImageShape, chunkByteCount: Int, grid: SegmentGrid = .standard
    ) throws(PipelineError) {
        precondition(chunkByteCount > 0, "chunks of \(chunkByteCount) bytes")
        var drafts = StageDrafts(input: input)
        let report = pipeline.report
        for operation in report == nil ? pipeline.operations[...] : pipeline.operations.dropLast() {
            drafts.append(try operation.computation(for: drafts.shape))
        }
        output = drafts.shape
        if let report { drafts.finish(try report.report(for: drafts.shape)) }
        self.input = input
        isSingleTask = drafts.largestByteCount <= chunkByteCount
        bands = RowPartition(rowCount: input.height, rowsPerPart: max(1, chunkByteCount / input.bytesPerRow))
        stages = drafts.finished(chunkByteCount: isSingleTask ? .max : chunkByteCount, grid: grid)
    }
}
