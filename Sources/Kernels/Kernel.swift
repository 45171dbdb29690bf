import Pipelines

/// Computes output rows from the input rows around them.
///
/// Which input rows these are is stated by the step's computation, in the module `Pipelines`: a kernel is given at least
/// those, and may read no others.
public protocol RowKernel: Sendable {
    var outputShape: ImageShape { get }

    /// Computes all of `output.rows`.
    func apply(_ input: RowsView, to output: MutableRowsView)
}

/// What the kernels that need the whole image have in common: rows are *aggregated* part by part, and the partial
/// aggregates of neighbouring parts *merged*.
///
/// Parts are consecutive runs of rows that cover the image. The result is the same for every way of cutting it: an
/// implementation is exact or it is wrong.
public protocol AggregatingKernel: Sendable {
    /// The partial aggregate of the part `rows`.
    func aggregate(_ rows: RowsView) -> [UInt8]

    /// The partial aggregate of neighbouring parts seen as one, top to bottom. Associative.
    func merge(_ partials: [[UInt8]]) throws(PipelineError) -> [UInt8]
}

/// Computes an operation whose result at a pixel may depend on every pixel: the partial aggregates are *finalized* over the
/// whole image to one value per part, and the values *applied* to the parts.
///
/// The same three steps serve chunks of an image and strips of a chunk: the strips of a chunk are aggregated, `refine`d
/// under the chunk's value, and the values applied.
public protocol WholeImageKernel: AggregatingKernel {
    /// One value per part from the partial aggregates of all parts, top to bottom.
    /// When the step `appliesRowByRow`, all are the same, and only the first need be stored.
    func finalize(_ partials: [[UInt8]]) throws(PipelineError) -> [[UInt8]]

    /// One value per strip, for the strips of a part that has `value`; `partials` are the strips', top to bottom.
    /// When the step `appliesRowByRow`, it is `value` for each of them, whatever the partial aggregates.
    func refine(_ value: [UInt8], strips partials: [[UInt8]]) throws(PipelineError) -> [[UInt8]]

    /// Computes `output.rows` from the same rows of `input`, which are the prelude's output.
    func apply(_ value: [UInt8], to input: RowsView, into output: MutableRowsView) throws(PipelineError)
}

/// Computes a document from a whole image.
public protocol ReportKernel: AggregatingKernel {
    /// The document, from the partial aggregates of all parts, top to bottom: JSON in UTF-8, ended by a line feed. The same
    /// for every way of cutting the image.
    func document(_ partials: [[UInt8]]) throws(PipelineError) -> [UInt8]
}
