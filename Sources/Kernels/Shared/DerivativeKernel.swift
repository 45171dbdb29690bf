import Pipelines

/// Derives along both axes and combines the two to one level per sample.
struct DerivativeKernel: RowKernel {
    enum Combination: Hashable {
        case absoluteX, absoluteY
        /// sqrt(x^2 + y^2), rounded.
        case length
        /// |x + y|
        case absoluteSum
        /// Half the range + x * the derivative in x + y * the one in y.
        case relief(x: Double, y: Double)
    }

    let outputShape: ImageShape
    /// Weights along the rows for the derivative in x, along the columns for the one in y.
    let primary: [Int32]
    /// The weights along the other axis; as many.
    let secondary: [Int32]
    let combination: Combination
    /// What an absolute value, or a length, is multiplied by before it is rounded.
    let scale: Double

    func apply(_ input: RowsView, to output: MutableRowsView) {
        // The largest sum is the largest level times the positive weights of both axes, twice where they are added.
        let reach = [primary, secondary].map { $0.reduce(0) { $0 + abs($1) } }.reduce(2, *)
        switch outputShape.format.depth {
        case .eight where reach * 255 <= 32767: derive(input, output, UInt8.self, Int16.self)
        case .eight: derive(input, output, UInt8.self, Int32.self)
        case .sixteen: derive(input, output, UInt16.self, Int32.self)
        }
    }

    private func derive<Sample: FixedWidthInteger & UnsignedInteger, Value: FixedWidthInteger & SignedInteger>(
        _ input: RowsView, _ output: MutableRowsView, _: Sample.Type, _: Value.Type
    ) {
        let count = outputShape.samplesPerRow
        var pair = SeparablePair<Sample, Value>(
            input, primary: primary, secondary: secondary, border: .reflect101, first: output.rows.lowerBound)
        let (x, y) = (
            UnsafeMutablePointer<Value>.allocate(capacity: count), UnsafeMutablePointer<Value>.allocate(capacity: count)
        )
        defer {
            pair.deallocate()
            x.deallocate()
            y.deallocate()
        }
        for row in output.rows {
            pair.compute(row, x: x, y: y)
            let target: UnsafeMutablePointer<Sample> = output.row(row)
            switch combination {
            case .absoluteX where scale != 1: measure(x, nil, into: target, count)
            case .absoluteY where scale != 1: measure(y, nil, into: target, count)
            case .length where scale != 1: measure(x, y, into: target, count)
            case .absoluteX: saturate(x, into: target, count)
            case .absoluteY: saturate(y, into: target, count)
            case .absoluteSum:
                for i in 0..<count { x[i] &+= y[i] }
                saturate(x, into: target, count)
            case .length: measureLength(x, y, into: target, count)
            case .relief(let weightX, let weightY): shade(x, y, weightX, weightY, into: target, count)
            }
            if outputShape.format.layout.hasAlpha {
                copyAlpha(
                    from: input.row(row), to: target, width: outputShape.width,
                    channels: outputShape.format.channelCount)
            }
        }
    }

    /// The absolute values, or the lengths of pairs, times the scale, rounded, ties to even.
    private func measure<Sample: FixedWidthInteger & UnsignedInteger, Value: FixedWidthInteger & SignedInteger>(
        _ x: UnsafePointer<Value>, _ y: UnsafePointer<Value>?, into target: UnsafeMutablePointer<Sample>, _ count: Int
    ) {
        let largest = Double(outputShape.format.depth.maximum)
        guard let y else {
            for i in 0..<count {
                let value = scale * Double(Int32(truncatingIfNeeded: x[i])).magnitude
                target[i] = Sample(truncatingIfNeeded: rounded(value, upTo: largest))
            }
            return
        }
        for i in 0..<count {
            let dx = scale * Double(Int32(truncatingIfNeeded: x[i]))
            let dy = scale * Double(Int32(truncatingIfNeeded: y[i]))
            target[i] = Sample(truncatingIfNeeded: rounded((dx * dx + dy * dy).squareRoot(), upTo: largest))
        }
    }

    /// Half the range + the slope towards the light, rounded, ties to even.
    private func shade<Sample: FixedWidthInteger & UnsignedInteger, Value: FixedWidthInteger & SignedInteger>(
        _ x: UnsafePointer<Value>, _ y: UnsafePointer<Value>, _ weightX: Double, _ weightY: Double,
        into target: UnsafeMutablePointer<Sample>, _ count: Int
    ) {
        let largest = Double(outputShape.format.depth.maximum)
        let half = (largest + 1) / 2
        @inline(__always) func precise(_ i: Int) -> Double {
            let (dx, dy) = (Double(Int32(truncatingIfNeeded: x[i])), Double(Int32(truncatingIfNeeded: y[i])))
            return half + (weightX * dx + weightY * dy)
        }
        // Quarters of integers, whose sums have few enough bits.
        let isExact = [weightX, weightY].allSatisfy { ($0 * 4).rounded() == $0 * 4 && $0.magnitude <= 64 }
        // Larger weights make larger errors in single precision.
        guard Sample.bitWidth == 8, isExact || max(weightX.magnitude, weightY.magnitude) <= 0.5 else {
            for i in 0..<count { target[i] = Sample(truncatingIfNeeded: rounded(precise(i), upTo: largest)) }
            return
        }
        let (singleX, singleY) = (Float(weightX), Float(weightY))
        roundInBlocks(
            into: target, count, isExact: isExact,
            single: { i in
                let (dx, dy) = (Float(Int32(truncatingIfNeeded: x[i])), Float(Int32(truncatingIfNeeded: y[i])))
                return 128 + (singleX * dx + singleY * dy)
            }, precise: precise)
    }

    private func saturate<Sample: FixedWidthInteger & UnsignedInteger, Value: FixedWidthInteger & SignedInteger>(
        _ values: UnsafeMutablePointer<Value>, into target: UnsafeMutablePointer<Sample>, _ count: Int
    ) {
        let maximum = Value(truncatingIfNeeded: Sample.max)
        for i in 0..<count { target[i] = Sample(truncatingIfNeeded: min(max(values[i], 0 &- values[i]), maximum)) }
    }
}
