import Pipelines

/// Applies a pipeline to a whole image in memory, in one strip: the plainest way, which every other way must agree with.
///
/// Real: the kernels, each as its operation gives it. There is no plan: no stages, no chunks, no strips, and point
/// operations are not fused. So a mistake in planning or cutting shows as a difference to this.
public enum SerialExecutor {
    /// The rows of the result.
    ///
    /// - Parameter input: all rows of the image.
    public static func run(_ pipeline: Pipeline, on input: RowsView) throws(PipelineError) -> RowBuffer {
        precondition(pipeline.report == nil, "`\(pipeline.canonicalText)` gives a document")
        return try run(pipeline.operations[...], on: input)
    }

    /// The document that the last operation gives.
    ///
    /// - Parameter input: all rows of the image.
    public static func report(_ pipeline: Pipeline, on input: RowsView) throws(PipelineError) -> [UInt8] {
        guard let report = pipeline.report else { preconditionFailure("`\(pipeline.canonicalText)` gives an image") }
        let image = try run(pipeline.operations.dropLast(), on: input)
        let step = ReportStep(try report.report(for: image.shape), of: image.shape)
        let prepared = image.applying(step.prelude)
        let kernel = step.kernel
        return try kernel.document([withExtendedLifetime(prepared) { kernel.aggregate(prepared.view) }])
    }

    private static func run(
        _ operations: ArraySlice<any Operation>, on input: RowsView
    ) throws(PipelineError) -> RowBuffer {
        precondition(input.rows == 0..<input.shape.height, "the whole image is needed, not rows \(input.rows)")
        var current = RowBuffer(copying: input)
        for operation in operations {
            current = try current.applying(try operation.computation(for: current.shape))
        }
        return current
    }
}

extension RowBuffer {
    fileprivate func applying(_ computation: OperationComputation) throws(PipelineError) -> RowBuffer {
        switch computation {
        case .rows(let computations): return applying(computations)
        case .transposition(let before, let after): return applying(before).transposed().applying(after)
        case .wholeImage(let computation, let after):
            let step = WholeImageStep(computation, of: shape)
            return try applying(step.prelude).applying(step).applying(after)
        case .sequence(let parts):
            var current = self
            for part in parts { current = try current.applying(part) }
            return current
        }
    }

    private func applying(_ computations: [any RowComputation]) -> RowBuffer {
        applying(RowStep.chain(computations, of: shape))
    }
}
