/// One step of a pipeline, with its arguments bound. What it is called and takes is in its `OperationDescription`.
public protocol Operation: Sendable {
    static var description: OperationDescription { get }

    /// Binds the arguments, already parsed and checked against the ranges of `description`.
    init(arguments: OperationArguments) throws(PipelineError)

    /// The shape that an input of shape `input` is turned into, or why this format is refused.
    func outputShape(for input: ImageShape) throws(PipelineError) -> ImageShape

    /// What the operation does to an image of this shape.
    func kernel(for input: ImageShape) -> OperationKernel
}

/// The ways of computing an operation.
public enum OperationKernel: Sendable {
    /// Each output row depends on a bounded number of input rows. The kernels are applied one after the other.
    case rows([any RowKernel])
    /// Some value depends on the whole image.
    case wholeImage(any WholeImageKernel)
    /// Rows become columns, between row kernels before and after: the pixel (x, y) goes to (y, x), as NumPy's `transpose`.
    case transposition(before: [any RowKernel], after: [any RowKernel])
}

/// Computes output rows from the input rows around them.
public protocol RowKernel: Sendable {
    var outputShape: ImageShape { get }

    /// The input rows that are needed for the output rows `rows`; within the input image. Both ends move one way with
    /// `rows`: down the image, or up where `readsUpwards`.
    func inputRows(for rows: Range<Int>) -> Range<Int>

    /// Whether the rows further down in the output are made of those further up in the input. `false` where nothing is said.
    var readsUpwards: Bool { get }

    /// Whether every output row is made of the input row of the same number alone (and the heights are the same), for
    /// images of every height. Said by point operations; `false` where nothing is said.
    var readsOnlyItsOwnRow: Bool { get }

    /// Computes all of `output.rows`. `input` has at least `inputRows(for: output.rows)`.
    func apply(_ input: Band, to output: MutableBand)
}

extension RowKernel {
    public var readsOnlyItsOwnRow: Bool { false }
    public var readsUpwards: Bool { false }
}

/// What the operations that need the whole image have in common: rows are *summarised* part by part, and the summaries
/// of neighbouring parts *combined*.
///
/// Parts are consecutive runs of rows that cover the image. The result is the same for every way of cutting it: an
/// implementation is exact or it is wrong.
public protocol SummarisingKernel: Sendable {
    /// Row kernels that come before: the summary is taken of their output. (Canny: gradient and suppression.)
    var prelude: [any RowKernel] { get }

    /// The shape after the prelude: what is summarised.
    var summarisedShape: ImageShape { get }

    /// The partial result of the part `rows`.
    func summarise(_ rows: Band) -> [UInt8]

    /// The summary of neighbouring parts seen as one, top to bottom. Associative.
    func combine(_ summaries: [[UInt8]]) throws(PipelineError) -> [UInt8]
}

/// Computes an operation whose result at a pixel may depend on every pixel: the summaries are *resolved* over the whole
/// image to one value a part, and the parts *finished* with their value.
///
/// The same three steps serve chunks of an image and strips of a chunk: the strips of a chunk are summarised, `refine`d
/// under the chunk's value, and finished.
public protocol WholeImageKernel: SummarisingKernel {
    var outputShape: ImageShape { get }

    /// Whether `finish` treats each row (indeed each pixel) by itself given the value, so that it can be applied to rows
    /// beyond a part's own. (Otsu's threshold: yes. Hysteresis: no.)
    var finishesRowByRow: Bool { get }

    /// One value a part from the summaries of all parts, top to bottom.
    /// When `finishesRowByRow`, all are the same: whoever stores them need store only the first.
    func resolve(_ summaries: [[UInt8]]) throws(PipelineError) -> [[UInt8]]

    /// One value a strip, for the strips of a part which has `value`; `summaries` are the strips', top to bottom.
    /// When `finishesRowByRow`, it is `value` for each of them, whatever the summaries.
    func refine(_ value: [UInt8], strips summaries: [[UInt8]]) throws(PipelineError) -> [[UInt8]]

    /// Computes `output.rows` from the same rows of `input`, which are the prelude's output.
    func finish(_ input: Band, value: [UInt8], to output: MutableBand) throws(PipelineError)
}
