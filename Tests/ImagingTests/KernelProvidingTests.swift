import Testing

@testable import Kernels
@testable import Pipelines

/// What is described in `Pipelines` must have its code in `Kernels`, for the same geometry.
@Suite struct KernelProvidingTests {
    @Test(arguments: InvarianceTests.pipelines, PixelFormat.all)
    func `every computation has a kernel that makes the shape that is stated`(_ text: String, _ format: PixelFormat)
        throws
    {
        var shape = ImageShape(width: 61, height: 47, format: format)
        for operation in try Pipeline(parsing: text).operations {
            guard let computation = try? operation.computation(for: shape) else { return }
            check(computation, of: shape)
            if let feature = operation as? any FeatureOperation {
                let step = ReportStep(try feature.report(for: shape), of: shape)
                check(step.prelude)
                #expect(step.computation is any ReportKernelProviding, "\(type(of: step.computation))")
            }
            shape = computation.outputShape(for: shape)
        }
    }

    private func check(_ computation: OperationComputation, of shape: ImageShape) {
        switch computation {
        case .rows(let computations): check(RowStep.chain(computations, of: shape))
        case .transposition(let before, let after):
            let steps = RowStep.chain(before, of: shape)
            check(steps)
            check(RowStep.chain(after, of: (steps.last?.output ?? shape).transposed))
        case .wholeImage(let computation, let after):
            let step = WholeImageStep(computation, of: shape)
            check(step.prelude)
            check(RowStep.chain(after, of: step.output))
            #expect(computation is any WholeImageKernelProviding, "\(type(of: computation))")
        case .sequence(let parts):
            var shape = shape
            for part in parts {
                check(part, of: shape)
                shape = part.outputShape(for: shape)
            }
        }
    }

    private func check(_ steps: [RowStep]) {
        for step in steps {
            let name = "\(type(of: step.computation))"
            guard step.computation is any RowKernelProviding else {
                Issue.record("\(name) has no kernel")
                continue
            }
            #expect(step.kernel.outputShape == step.output, "\(name)")
            #expect(step.isCollective == (step.kernel is any CollectiveKernel), "\(name)")
            for rows in [0..<1, 0..<step.output.height, step.output.height - 1..<step.output.height] {
                let needed = step.inputRows(for: rows)
                #expect(needed.lowerBound >= 0 && needed.upperBound <= step.input.height, "\(name)")
            }
        }
    }
}
