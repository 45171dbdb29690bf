import Pipelines

extension Complement: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel { InvertKernel(outputShape: step.output) }
}

private struct InvertKernel: TabulatedKernel {
    let outputShape: ImageShape

    func newLevel(of level: Int) -> Int { outputShape.format.depth.maximum - level }

    func apply(_ input: RowsView, to output: MutableRowsView) {
        switch outputShape.format.depth {
        case .eight: invert(input, output, UInt8.self)
        case .sixteen: invert(input, output, UInt16.self)
        }
    }

    private func invert<Sample: FixedWidthInteger & UnsignedInteger>(
        _ input: RowsView, _ output: MutableRowsView, _: Sample.Type
    ) {
        for y in output.rows {
            let source: UnsafePointer<Sample> = input.row(y)
            let target: UnsafeMutablePointer<Sample> = output.row(y)
            for index in 0..<outputShape.samplesPerRow { target[index] = ~source[index] }
            if outputShape.format.layout.hasAlpha {
                copyAlpha(
                    from: source, to: target, width: outputShape.width, channels: outputShape.format.channelCount)
            }
        }
    }
}
