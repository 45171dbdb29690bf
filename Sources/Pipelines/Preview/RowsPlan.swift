/// What is computed so that some rows of a pipeline's result are there: a look at a part of the result, in one strip.
///
///     source rows --> part --> part ... --> the rows
///
/// Each row of a part is made of the rows that its computation names, so that the result has the pixels of the whole result,
/// unless a whole-image computation sees some rows only: see `Sight`.
public struct RowsPlan: Sendable {
    /// What whole-image computations see.
    public enum Sight: Sendable {
        /// The whole image, whatever that costs: the rows are those of the whole result.
        case everything
        /// The rows that are computed anyway, and a margin. The rows may be others than those of the whole result.
        case nearbyRows
    }

    /// A computation, and the rows of it that are computed.
    public struct Part: Sendable {
        public enum Computation: Sendable {
            case rows(RowStep)
            /// Its prelude is in parts of their own.
            case wholeImage(WholeImageStep)
            case transposition
        }

        public let computation: Computation
        /// The image before; of a whole-image computation, what it aggregates.
        public let input: ImageShape
        public let output: ImageShape
        /// The rows that are read.
        public let inputRows: Range<Int>
        /// The rows that are made. The rows of a whole-image computation that sees some rows only are read and made alike.
        public let outputRows: Range<Int>

        /// Whether a whole-image computation sees some rows only.
        public var isShortSighted: Bool {
            guard case .wholeImage = computation else { return false }
            return inputRows.count < input.height
        }
    }

    /// Rows around the wanted ones that a short-sighted computation sees: what is connected is mostly connected nearby.
    private static let margin = 64

    public let parts: [Part]
    public let input: ImageShape
    public let output: ImageShape
    /// Rows of the source that are read.
    public let inputRows: Range<Int>
    /// The rows of the result.
    public let outputRows: Range<Int>
    /// The operations whose whole-image computations see some rows only, each once.
    public let shortSighted: [String]

    /// - Parameters:
    ///   - pipeline: gives an image.
    ///   - rows: rows of the result, all when `nil`.
    /// - Throws: when an operation refuses the image.
    public init(
        _ pipeline: Pipeline, of input: ImageShape, rows: Range<Int>? = nil, sight: Sight = .everything
    ) throws(PipelineError) {
        precondition(pipeline.report == nil, "`\(pipeline.canonicalText)` gives a document")
        var chain = Chain(shape: input)
        for step in pipeline.steps.indices {
            chain.append(try pipeline.operations[step].computation(for: chain.shape), of: step)
        }
        let wanted = rows ?? 0..<chain.shape.height
        precondition(wanted.lowerBound >= 0 && wanted.upperBound <= chain.shape.height, "rows \(wanted)")
        (self.input, output, outputRows) = (input, chain.shape, wanted)
        var needed = wanted
        var parts: [Part] = []
        var shortSighted: [String] = []
        for link in chain.links.reversed() {
            let part = link.part(for: needed, sight, margin: Self.margin)
            if part.isShortSighted {
                let name = pipeline.steps[link.step].arguments.operation.name
                if !shortSighted.contains(name) { shortSighted.append(name) }
            }
            parts.append(part)
            needed = part.inputRows
        }
        inputRows = needed
        self.parts = parts.reversed()
        self.shortSighted = shortSighted.reversed()
    }

    /// The most pixels that a part makes: what the plan costs in memory, and about what it costs in time.
    public var largestPixelCount: Int {
        parts.reduce(0) { largest, part in
            let (count, overflows) = part.output.width.multipliedReportingOverflow(by: part.outputRows.count)
            return max(largest, overflows ? .max : count)
        }
    }
}

/// The computations of a pipeline one after the other, with the images between them.
private struct Chain {
    struct Link {
        let computation: RowsPlan.Part.Computation
        let input: ImageShape
        let output: ImageShape
        /// The operation that it belongs to.
        let step: Int
    }

    private(set) var links: [Link] = []
    private(set) var shape: ImageShape

    init(shape: ImageShape) { self.shape = shape }

    mutating func append(_ computation: OperationComputation, of step: Int) {
        switch computation {
        case .rows(let computations): append(computations, of: step)
        case .wholeImage(let computation, let after):
            let whole = WholeImageStep(computation, of: shape)
            for preparation in whole.prelude { append(preparation, of: step) }
            links.append(Link(computation: .wholeImage(whole), input: shape, output: whole.output, step: step))
            shape = whole.output
            append(after, of: step)
        case .transposition(let before, let after):
            append(before, of: step)
            links.append(Link(computation: .transposition, input: shape, output: shape.transposed, step: step))
            shape = shape.transposed
            append(after, of: step)
        case .sequence(let parts): for part in parts { append(part, of: step) }
        }
    }

    private mutating func append(_ computations: [any RowComputation], of step: Int) {
        for computation in computations { append(RowStep(computation, of: shape), of: step) }
    }

    private mutating func append(_ row: RowStep, of step: Int) {
        links.append(Link(computation: .rows(row), input: row.input, output: row.output, step: step))
        shape = row.output
    }
}

extension Chain.Link {
    /// - Parameter rows: the rows that what comes after reads.
    func part(for rows: Range<Int>, _ sight: RowsPlan.Sight, margin: Int) -> RowsPlan.Part {
        let everything = 0..<input.height
        let (read, made): (Range<Int>, Range<Int>) =
            switch computation {
            case .rows(let step): (step.inputRows(for: rows), rows)
            case .transposition: (everything, rows)
            case .wholeImage(let step):
                switch sight {
                case .everything: (everything, step.appliesRowByRow ? rows : everything)
                case .nearbyRows:
                    step.appliesRowByRow
                        ? (rows, rows) : alike(rows.lowerBound - margin..<rows.upperBound + margin)
                }
            }
        return RowsPlan.Part(computation: computation, input: input, output: output, inputRows: read, outputRows: made)
    }

    private func alike(_ rows: Range<Int>) -> (Range<Int>, Range<Int>) {
        let rows = rows.clamped(to: 0..<input.height)
        return (rows, rows)
    }
}
