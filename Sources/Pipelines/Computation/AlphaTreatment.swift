/// How an operation that mixes pixels with their neighbours treats alpha.
package enum AlphaTreatment: String, CaseIterable, Sendable {
    /// A colour counts as much as it is opaque, so that what is hidden by transparency stays hidden; alpha is mixed alike.
    case premultiplied
    /// Each channel by itself, hidden colours included.
    case separate

    /// The parameter `alpha` of an operation.
    ///
    /// - Parameter separately: what happens to alpha if it is not premultiplied.
    static func parameter(separately: String) -> ParameterDescription {
        ParameterDescription(
            "alpha",
            "of images with alpha; premultiplied: colours count as much as they are opaque, computed at 16 bits, and alpha is "
                + "treated like them; separate: colours count whatever their alpha, and \(separately)",
            .choice(allCases.map(\.rawValue)), default: .word(premultiplied.rawValue))
    }

    /// What an operation does to an image, with samples that are multiplied by alpha where that is asked for and there is alpha.
    ///
    ///     8 or 16 bits --> premultiplied, 16 bits --> the operation --> 8 or 16 bits
    ///
    /// - Parameter computation: for an image of this shape; whether its samples are multiplied by alpha, so that alpha is to be
    ///   treated as a colour.
    func applied(
        to input: ImageShape,
        _ computation: (ImageShape, _ isPremultiplied: Bool) throws(PipelineError) -> OperationComputation
    ) throws(PipelineError) -> OperationComputation {
        guard self == .premultiplied, input.format.layout.hasAlpha else { return try computation(input, false) }
        let deep = ImageShape(
            width: input.width, height: input.height, format: PixelFormat(input.format.layout, .sixteen))
        let inner = try computation(deep, true)
        if case .rows(let steps) = inner, steps.isEmpty { return inner }
        return inner.between(Premultiplication(), Unpremultiplication(depth: input.format.depth))
    }
}

extension OperationComputation {
    /// The same computation with a step before and a step behind it.
    fileprivate func between(_ first: any RowComputation, _ last: any RowComputation) -> OperationComputation {
        switch self {
        case .rows(let steps): .rows([first] + steps + [last])
        case .transposition(let before, let after): .transposition(before: [first] + before, after: after + [last])
        case .wholeImage, .sequence: .sequence([.rows([first]), self, .rows([last])])
        }
    }
}

/// Colours times alpha, at 16 bits, rounded.
package struct Premultiplication: PointComputation {
    package func outputShape(for input: ImageShape) -> ImageShape {
        ImageShape(width: input.width, height: input.height, format: PixelFormat(input.format.layout, .sixteen))
    }
}

/// Colours divided by alpha, rounded; where alpha is 0 they are 0.
package struct Unpremultiplication: PointComputation {
    /// The depth of the result.
    let depth: SampleDepth

    package func outputShape(for input: ImageShape) -> ImageShape {
        ImageShape(width: input.width, height: input.height, format: PixelFormat(input.format.layout, depth))
    }
}
