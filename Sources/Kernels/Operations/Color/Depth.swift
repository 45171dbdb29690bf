import Pipelines

extension DepthChange: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel { DepthKernel(outputShape: step.output) }
}

private struct DepthKernel: RowKernel {
    let outputShape: ImageShape

    func apply(_ input: RowsView, to output: MutableRowsView) {
        let count = outputShape.samplesPerRow
        for y in output.rows {
            switch outputShape.format.depth {
            case .eight:
                let source: UnsafePointer<UInt16> = input.row(y)
                let target: UnsafeMutablePointer<UInt8> = output.row(y)
                // Rounded v / 257 of all 16-bit v: 255 v + 32,895 is below 2^24, and its upper byte is the quotient.
                for index in 0..<count {
                    target[index] = UInt8(truncatingIfNeeded: (UInt32(source[index]) * 255 + 32_895) >> 16)
                }
            case .sixteen:
                let source: UnsafePointer<UInt8> = input.row(y)
                let target: UnsafeMutablePointer<UInt16> = output.row(y)
                for index in 0..<count { target[index] = UInt16(source[index]) &* 257 }
            }
        }
    }
}
