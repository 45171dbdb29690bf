/// Two chains of computations on the same input, and a function of the samples that they make.
///
///     input -> first chain  ---+
///       |                      +--> pairing -> output
///       +---> second chain  ---+
///
/// An empty chain is the input itself. The chains keep the shape; alpha is the input's.
package struct Combination: RowComputation {
    package let first: [any RowComputation]
    package let second: [any RowComputation]
    package let pairing: any Pairing

    package func inputRows(for rows: Range<Int>, of input: ImageShape) -> Range<Int> {
        let one = RowStep.chain(first, of: input).inputRows(for: rows)
        let other = RowStep.chain(second, of: input).inputRows(for: rows)
        return min(one.lowerBound, other.lowerBound)..<max(one.upperBound, other.upperBound)
    }
}

/// A function of two samples at the same place. Its code is in the module `Kernels`.
package protocol Pairing: Sendable {}

/// The first sample less the second, or 0: with a black border a closing may be darker than its image.
package struct Difference: Pairing {}

/// Steps of which each reads only its own row, as one.
package struct PointChain: PointComputation {
    package let steps: [RowStep]

    /// - Parameters:
    ///   - first: a step that reads only its own row; perhaps a chain itself.
    ///   - next: a step that takes what `first` makes.
    init(_ first: RowStep, _ next: RowStep) {
        precondition(first.readsOnlyItsOwnRow && next.readsOnlyItsOwnRow, "a chain is made of point operations")
        steps = ((first.computation as? PointChain)?.steps ?? [first]) + [next]
    }

    package func outputShape(for input: ImageShape) -> ImageShape { steps[steps.count - 1].output }

    package var attachments: [AttachedImage.Content] { steps.flatMap(\.computation.attachments) }
}
