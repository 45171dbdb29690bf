/// One step of a pipeline, with its arguments bound. What it is called and takes is in its `OperationDescription`.
///
/// An operation says what is computed and from which rows. The code that touches pixels is in the module `Kernels`, which
/// programs that only check and plan pipelines do not link.
public protocol Operation: Sendable {
    static var description: OperationDescription { get }

    /// Binds the arguments, already parsed and checked against the ranges of `description`.
    init(arguments: OperationArguments) throws(PipelineError)

    /// What the operation does to an image of this shape.
    ///
    /// - Throws: when it refuses images of this format or size.
    func computation(for input: ImageShape) throws(PipelineError) -> OperationComputation

    /// What it does to an image that its file's metadata speaks of. Nothing where nothing is said.
    var metadataEffect: MetadataEffect { get }
}

extension Operation {
    public var metadataEffect: MetadataEffect { [] }

    /// The shape that an input of shape `input` is turned into.
    ///
    /// - Throws: when the operation refuses images of this format or size.
    public func outputShape(for input: ImageShape) throws(PipelineError) -> ImageShape {
        try computation(for: input).outputShape(for: input)
    }
}

/// The ways of computing an operation.
public enum OperationComputation: Sendable {
    /// Each output row depends on a bounded number of input rows. The computations are made one after the other.
    case rows([any RowComputation])
    /// Some value depends on the whole image. Row computations may follow.
    case wholeImage(any WholeImageComputation, after: [any RowComputation] = [])
    /// Rows become columns, between row computations before and after: the pixel (x, y) goes to (y, x), as NumPy's
    /// `transpose`.
    case transposition(before: [any RowComputation], after: [any RowComputation])
    /// Several of these, one after the other.
    indirect case sequence([OperationComputation])

    func outputShape(for input: ImageShape) -> ImageShape {
        func through(_ computations: [any RowComputation], _ input: ImageShape) -> ImageShape {
            computations.reduce(input) { $1.outputShape(for: $0) }
        }
        switch self {
        case .rows(let computations): return through(computations, input)
        case .wholeImage(let computation, let after): return through(after, computation.outputShape(for: input))
        case .transposition(let before, let after): return through(after, through(before, input).transposed)
        case .sequence(let parts): return parts.reduce(input) { $1.outputShape(for: $0) }
        }
    }
}

/// An operation that finds something in an image. It draws it, or gives it as a document.
///
/// As a document it must be the last operation of a pipeline; a drawing is an image like any other.
public protocol FeatureOperation: Operation {
    /// What the argument `output` asks for.
    var output: ResultKind { get }

    /// What finds the document's content in an image of this shape.
    ///
    /// - Throws: when the operation refuses images of this format or size.
    func report(for input: ImageShape) throws(PipelineError) -> any ReportComputation
}

extension ParameterDescription {
    /// What every feature operation takes: a word for each picture that it can draw, and the kinds of document.
    static func output(
        _ pictures: [(word: String, meaning: String)], documents: [ResultKind] = [.json],
        synonyms: [String: String] = [:]
    ) -> ParameterDescription {
        let meanings = pictures.map { "\($0.word): \($0.meaning)" }
        let names = documents.map(\.rawValue).joined(separator: " or ")
        return ParameterDescription(
            "output", (meanings + ["\(names): the document, as the last operation only"]).joined(separator: "; "),
            .choice(pictures.map(\.word) + documents.map(\.rawValue)), default: .word(pictures[0].word),
            synonyms: synonyms)
    }
}

extension OperationArguments {
    /// The kind of result that the argument `output` asks for: every word that does not name a kind of document names a picture.
    var output: ResultKind { ResultKind(rawValue: word("output")) ?? .image }
}
