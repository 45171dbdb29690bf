/// What the computations that need the whole image have in common: rows are *aggregated* part by part, and the partial
/// aggregates of neighbouring parts *merged*.
///
/// Parts are consecutive runs of rows that cover the image. The kernel is in the module `Kernels`.
public protocol AggregatingComputation: Sendable {
    /// Row computations that come before: the aggregate is taken of their output. (Canny: gradient and suppression.)
    ///
    /// - Parameter input: the image before the prelude.
    func prelude(for input: ImageShape) -> [any RowComputation]
}

extension AggregatingComputation {
    public func prelude(for input: ImageShape) -> [any RowComputation] { [] }
}

/// A computation whose result at a pixel may depend on every pixel: the partial aggregates are *finalized* over the whole
/// image to one value per part, and each part is computed with its value.
public protocol WholeImageComputation: AggregatingComputation {
    /// The shape that an image of shape `input`, before the prelude, is turned into. The same shape where nothing is said.
    func outputShape(for input: ImageShape) -> ImageShape

    /// Whether each row (indeed each pixel) is computed by itself given the value, so that a value can be applied to rows
    /// beyond a part's own, and all parts have the same. (Otsu's threshold: yes. Hysteresis: no.)
    var appliesRowByRow: Bool { get }

    /// Whether a value that was made of a reduced copy of the image can be applied to the image, to about the same effect: it
    /// says what the levels are, and not where. `false` where nothing is said.
    var hasValueOfAnySize: Bool { get }
}

extension WholeImageComputation {
    public func outputShape(for input: ImageShape) -> ImageShape { input }
    public var appliesRowByRow: Bool { true }
    public var hasValueOfAnySize: Bool { false }
}

/// A computation of a document from a whole image: rows are aggregated part by part, and the document is made of all
/// partial aggregates.
public protocol ReportComputation: AggregatingComputation {}

/// A whole-image computation of an image whose shape is known.
public struct WholeImageStep: Sendable {
    public let computation: any WholeImageComputation
    /// The image before the prelude.
    public let input: ImageShape
    public let prelude: [RowStep]
    /// The shape after the prelude: what is aggregated.
    public let aggregated: ImageShape
    public let output: ImageShape

    public init(_ computation: any WholeImageComputation, of input: ImageShape) {
        self.computation = computation
        self.input = input
        prelude = RowStep.chain(computation.prelude(for: input), of: input)
        aggregated = prelude.last?.output ?? input
        output = computation.outputShape(for: input)
    }

    public var appliesRowByRow: Bool { computation.appliesRowByRow }
}

/// A report on an image whose shape is known.
public struct ReportStep: Sendable {
    public let computation: any ReportComputation
    /// The image before the prelude.
    public let input: ImageShape
    public let prelude: [RowStep]
    /// The shape after the prelude: what is aggregated.
    public let aggregated: ImageShape

    public init(_ computation: any ReportComputation, of input: ImageShape) {
        self.computation = computation
        self.input = input
        prelude = RowStep.chain(computation.prelude(for: input), of: input)
        aggregated = prelude.last?.output ?? input
    }
}
