import Pipelines

extension Grounding: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel {
        GroundingKernel(outputShape: step.output, ground: color.samples(of: step.output.format))
    }
}

private struct GroundingKernel: RowKernel {
    let outputShape: ImageShape
    /// Levels of the ground, for each channel of the output.
    let ground: [Int]

    func apply(_ input: RowsView, to output: MutableRowsView) {
        switch outputShape.format.depth {
        case .eight: lay(input, output, UInt8.self)
        case .sixteen: lay(input, output, UInt16.self)
        }
    }

    private func lay<Sample: FixedWidthInteger & UnsignedInteger>(
        _ input: RowsView, _ output: MutableRowsView, _: Sample.Type
    ) {
        let width = outputShape.width
        for y in output.rows {
            let source: UnsafePointer<Sample> = input.row(y)
            let target: UnsafeMutablePointer<Sample> = output.row(y)
            // Constant strides, which the compiler knows how to load as vectors.
            if ground.count == 3 {
                let (red, green, blue) = (UInt32(ground[0]), UInt32(ground[1]), UInt32(ground[2]))
                for x in 0..<width {
                    let alpha = source[4 * x + 3]
                    target[3 * x] = over(source[4 * x], alpha, red)
                    target[3 * x + 1] = over(source[4 * x + 1], alpha, green)
                    target[3 * x + 2] = over(source[4 * x + 2], alpha, blue)
                }
            } else {
                let gray = UInt32(ground[0])
                for x in 0..<width { target[x] = over(source[2 * x], source[2 * x + 1], gray) }
            }
        }
    }
}

/// A level over a ground, rounded. The sum of the two products is at most the square of the largest level.
@inline(__always)
private func over<Sample: FixedWidthInteger & UnsignedInteger>(
    _ level: Sample, _ alpha: Sample, _ ground: UInt32
) -> Sample {
    let most = UInt32(Sample.max)
    let sum = UInt32(level) &* UInt32(alpha) &+ ground &* (most &- UInt32(alpha))
    return Sample(truncatingIfNeeded: (sum &+ most / 2) / most)
}
