import Pipelines

extension Comparison: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel {
        let depth = step.output.format.depth
        return ThresholdKernel(
            outputShape: step.output, threshold: Int(min(threshold, Double(depth.maximum)).rounded(.down)),
            maximum: saturated(maximum, depth), kind: kind)
    }
}

/// Compares every sample but alpha with `threshold`.
struct ThresholdKernel: RowKernel {
    let outputShape: ImageShape
    let threshold: Int
    let maximum: Int
    let kind: Threshold.Kind

    func apply(_ input: RowsView, to output: MutableRowsView) {
        switch outputShape.format.depth {
        case .eight: compare(input, output, UInt8(threshold), UInt8(maximum))
        case .sixteen: compare(input, output, UInt16(threshold), UInt16(maximum))
        }
    }

    private func compare<Sample: FixedWidthInteger & UnsignedInteger>(
        _ input: RowsView, _ output: MutableRowsView, _ threshold: Sample, _ maximum: Sample
    ) {
        let count = outputShape.samplesPerRow
        for y in output.rows {
            let source: UnsafePointer<Sample> = input.row(y)
            let target: UnsafeMutablePointer<Sample> = output.row(y)
            switch kind {
            case .binary: for i in 0..<count { target[i] = source[i] > threshold ? maximum : 0 }
            case .binaryInverted: for i in 0..<count { target[i] = source[i] > threshold ? 0 : maximum }
            case .truncate: for i in 0..<count { target[i] = min(source[i], threshold) }
            case .toZero: for i in 0..<count { target[i] = source[i] > threshold ? source[i] : 0 }
            case .toZeroInverted: for i in 0..<count { target[i] = source[i] > threshold ? 0 : source[i] }
            }
            if outputShape.format.layout.hasAlpha {
                copyAlpha(
                    from: source, to: target, width: outputShape.width, channels: outputShape.format.channelCount)
            }
        }
    }
}
