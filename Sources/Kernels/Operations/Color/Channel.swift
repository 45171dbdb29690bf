import Pipelines

extension ChannelExtraction: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel {
        ChannelKernel(outputShape: step.output, channels: step.input.format.channelCount, index)
    }
}

/// Copies one channel, and the last one after it where the output has alpha.
private struct ChannelKernel: RowKernel {
    let outputShape: ImageShape
    private let channels: Int
    private let index: Int

    init(outputShape: ImageShape, channels: Int, _ index: Int) {
        self.outputShape = outputShape
        self.channels = channels
        self.index = index
    }

    func apply(_ input: RowsView, to output: MutableRowsView) {
        switch outputShape.format.depth {
        case .eight: extract(input, output, UInt8.self)
        case .sixteen: extract(input, output, UInt16.self)
        }
    }

    private func extract<Sample: FixedWidthInteger & UnsignedInteger>(
        _ input: RowsView, _ output: MutableRowsView, _: Sample.Type
    ) {
        let width = outputShape.width
        for y in output.rows {
            let source: UnsafePointer<Sample> = input.row(y)
            let target: UnsafeMutablePointer<Sample> = output.row(y)
            if outputShape.format.layout.hasAlpha {
                for x in 0..<width {
                    target[2 * x] = source[channels * x + index]
                    target[2 * x + 1] = source[channels * x + channels - 1]
                }
            } else {
                for x in 0..<width { target[x] = source[channels * x + index] }
            }
        }
    }
}
