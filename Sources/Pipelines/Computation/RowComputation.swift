/// A computation that makes each output row from a bounded number of input rows: the name and the parameters of a kernel,
/// without its code.
///
/// The kernel is an extension of the conforming type in the module `Kernels`. The rows that a kernel may read are stated
/// here and nowhere else: a plan computes halos from them, and a kernel gets no others.
public protocol RowComputation: Sendable {
    /// The shape that an image of shape `input` is turned into. The same shape where nothing is said.
    func outputShape(for input: ImageShape) -> ImageShape

    /// The rows of an image of shape `input` that the output rows `rows` need; within the image. Both ends move one way
    /// with `rows`: down the image, or up where `readsUpwards`.
    func inputRows(for rows: Range<Int>, of input: ImageShape) -> Range<Int>

    /// Whether the rows further down in the output are made of those further up in the input. `false` where nothing is said.
    var readsUpwards: Bool { get }

    /// Whether every output row is made of the input row of the same number alone (and the heights are the same), for
    /// images of every height.
    var readsOnlyItsOwnRow: Bool { get }

    /// Whether every output row depends on all input rows, so that ranks compute it together.
    var isCollective: Bool { get }

    /// Images that its kernel needs besides the rows. None where nothing is said.
    var attachments: [AttachedImage.Content] { get }
}

extension RowComputation {
    public func outputShape(for input: ImageShape) -> ImageShape { input }
    public var readsUpwards: Bool { false }
    public var readsOnlyItsOwnRow: Bool { false }
    public var isCollective: Bool { false }
    public var attachments: [AttachedImage.Content] { [] }
}

/// A computation that makes each output row from the input row of the same number.
public protocol PointComputation: RowComputation {}

extension PointComputation {
    public func inputRows(for rows: Range<Int>, of input: ImageShape) -> Range<Int> { rows }
    public var readsOnlyItsOwnRow: Bool { true }
}

/// A computation that looks at a window around each pixel, equally far in all directions.
///
/// At the edges of the image, fewer rows are needed. That holds with a reflected border too: a row mirrored at an edge is
/// never further from the window's centre than the row outside that it stands for.
public protocol WindowComputation: RowComputation {
    /// Rows above and below the pixel's own that the window reaches, and columns on either side.
    var radius: Int { get }
}

extension WindowComputation {
    public func inputRows(for rows: Range<Int>, of input: ImageShape) -> Range<Int> {
        max(0, rows.lowerBound - radius)..<min(input.height, rows.upperBound + radius)
    }
}

/// A computation that ranks can only make together: each row of the result depends on all rows of the input, and no rank
/// has them.
///
/// The plan gives it a stage of its own with one chunk; each rank contributes the rows it owns, and gets the same rows of the
/// result.
public protocol CollectiveComputation: RowComputation {}

extension CollectiveComputation {
    public func inputRows(for rows: Range<Int>, of input: ImageShape) -> Range<Int> {
        rows.isEmpty ? rows : 0..<input.height
    }
    public var isCollective: Bool { true }
}

/// A row computation of an image whose shape is known.
public struct RowStep: Sendable {
    public let computation: any RowComputation
    public let input: ImageShape
    public let output: ImageShape

    public init(_ computation: any RowComputation, of input: ImageShape) {
        self.computation = computation
        self.input = input
        output = computation.outputShape(for: input)
    }

    /// The steps of computations that are made one after the other.
    public static func chain(_ computations: [any RowComputation], of input: ImageShape) -> [RowStep] {
        var steps: [RowStep] = []
        for computation in computations { steps.append(RowStep(computation, of: steps.last?.output ?? input)) }
        return steps
    }

    /// The input rows that the output rows `rows` need.
    public func inputRows(for rows: Range<Int>) -> Range<Int> { computation.inputRows(for: rows, of: input) }

    public var readsUpwards: Bool { computation.readsUpwards }
    public var readsOnlyItsOwnRow: Bool { computation.readsOnlyItsOwnRow }
    public var isCollective: Bool { computation.isCollective }
}

extension [RowStep] {
    /// The input rows of the first step that the output rows `rows` of the last one need.
    public func inputRows(for rows: Range<Int>) -> Range<Int> { reversed().reduce(rows) { $1.inputRows(for: $0) } }
}
