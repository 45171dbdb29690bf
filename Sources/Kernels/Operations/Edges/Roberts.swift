import Pipelines

extension RobertsCross: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel { CrossKernel(outputShape: step.output, direction: direction) }
}

private struct CrossKernel: RowKernel {
    let outputShape: ImageShape
    let direction: GradientDirection

    func apply(_ input: RowsView, to output: MutableRowsView) {
        switch outputShape.format.depth {
        case .eight: compare(input, output, UInt8.self, Int16.self)
        case .sixteen: compare(input, output, UInt16.self, Int32.self)
        }
    }

    private func compare<Sample: FixedWidthInteger & UnsignedInteger, Value: FixedWidthInteger & SignedInteger>(
        _ input: RowsView, _ output: MutableRowsView, _: Sample.Type, _: Value.Type
    ) {
        let (width, channels) = (outputShape.width, outputShape.format.channelCount)
        let count = outputShape.samplesPerRow
        let length = count + 2 * channels
        let memory = UnsafeMutablePointer<Sample>.allocate(capacity: 2 * length)
        let differences = UnsafeMutablePointer<Value>.allocate(capacity: 2 * count)
        defer {
            memory.deallocate()
            differences.deallocate()
        }
        for y in output.rows {
            for (index, source) in [input.row(y, as: Sample.self), input.reflectedRow(y + 1)].enumerated() {
                copyPadded(
                    source, width: width, channels: channels, radius: 1, border: .reflect101,
                    to: memory + index * length)
            }
            let row = UnsafePointer(memory + channels)
            let (right, below) = (row + channels, row + length)
            let across = below + channels
            let target: UnsafeMutablePointer<Sample> = output.row(y)
            switch direction {
            case .x: for i in 0..<count { target[i] = row[i] > across[i] ? row[i] - across[i] : across[i] - row[i] }
            case .y: for i in 0..<count { target[i] = right[i] > below[i] ? right[i] - below[i] : below[i] - right[i] }
            case .both:
                let (one, other) = (differences, differences + count)
                for i in 0..<count {
                    one[i] = Value(truncatingIfNeeded: row[i]) &- Value(truncatingIfNeeded: across[i])
                    other[i] = Value(truncatingIfNeeded: right[i]) &- Value(truncatingIfNeeded: below[i])
                }
                measureLength(one, other, into: target, count)
            }
            if outputShape.format.layout.hasAlpha {
                copyAlpha(from: input.row(y), to: target, width: width, channels: channels)
            }
        }
    }
}
