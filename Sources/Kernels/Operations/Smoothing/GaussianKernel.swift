import Pipelines

/// Weights rows, then columns, and rounds once: with integer weights nothing is lost between.
///
/// At 8 bits the rows' sums are 16-bit integers, from which half their range is taken, so that they count as signed: processors
/// multiply signed integers of 16 bits to 32 faster than any others. What that takes from the whole is added again at the end.
struct GaussianKernel: RowKernel {
    let outputShape: ImageShape
    /// An odd number of weights, symmetric, that sum to 2^8 or 2^16 by the depth of the samples.
    let taps: [UInt32]
    let includesAlpha: Bool

    func apply(_ input: RowsView, to output: MutableRowsView) {
        switch outputShape.format.depth {
        case .eight: blur(input, output, UInt8.self, UInt16.self, Int16.self, Int32.self, bias: 1 << 15)
        case .sixteen: blur(input, output, UInt16.self, UInt32.self, UInt32.self, UInt64.self, bias: 0)
        }
    }

    /// - Parameters:
    ///   - RowSum: the sum of a column's samples, each times its weight, plus `bias`, modulo its range.
    ///   - Factor: as `RowSum`, as it is multiplied.
    ///   - Sum: the sum of a window's samples.
    private func blur<
        Sample: FixedWidthInteger & UnsignedInteger, RowSum: FixedWidthInteger & UnsignedInteger,
        Factor: FixedWidthInteger, Sum: FixedWidthInteger
    >(
        _ input: RowsView, _ output: MutableRowsView, _: Sample.Type, _: RowSum.Type, _: Factor.Type, _: Sum.Type,
        bias: RowSum
    ) {
        let shape = outputShape
        let channels = shape.format.channelCount
        let count = shape.samplesPerRow
        let radius = taps.count / 2
        let blockLength = 1024
        let padded = UnsafeMutablePointer<RowSum>.allocate(capacity: count + 2 * radius * channels)
        let sums = UnsafeMutablePointer<Sum>.allocate(capacity: blockLength)
        defer {
            padded.deallocate()
            sums.deallocate()
        }
        // Taps that are 0 in fixed point cost nothing.
        let reach = radius - (taps.firstIndex { $0 != 0 } ?? radius)
        let weighted = padded + radius * channels
        let bits = Sum(2 * Sample.bitWidth)
        // The bias times all weights, which sum to 2^8 or 2^16, and a half to round.
        let start = Sum(truncatingIfNeeded: bias) &<< (bits &>> 1) &+ 1 &<< (bits &- 1)
        for y in output.rows {
            weightRows(input, y, reach, bias, into: weighted, count, Sample.self)
            fillPadding(around: weighted, width: shape.width, channels: channels, radius: radius, border: .reflect101)
            let target: UnsafeMutablePointer<Sample> = output.row(y)
            weighted.withMemoryRebound(to: Factor.self, capacity: count) { center in
                var first = 0
                while first < count {
                    let length = min(blockLength, count - first)
                    weightColumns(center + first, reach * channels, channels, start, into: sums, length)
                    for i in 0..<length { target[first + i] = Sample(truncatingIfNeeded: sums[i] &>> bits) }
                    first += length
                }
            }
            if shape.format.layout.hasAlpha && !includesAlpha {
                copyAlpha(from: input.row(y), to: target, width: shape.width, channels: channels)
            }
        }
    }

    private func weightRows<Sample: FixedWidthInteger & UnsignedInteger, RowSum: FixedWidthInteger & UnsignedInteger>(
        _ input: RowsView, _ y: Int, _ reach: Int, _ bias: RowSum, into sums: UnsafeMutablePointer<RowSum>,
        _ count: Int,
        _: Sample.Type
    ) {
        let radius = taps.count / 2
        let centerTap = RowSum(taps[radius])
        let row: UnsafePointer<Sample> = input.row(y)
        for i in 0..<count { sums[i] = RowSum(truncatingIfNeeded: row[i]) &* centerTap &+ bias }
        for distance in stride(from: 1, through: reach, by: 2) {
            let further = min(distance + 1, reach)
            addRows(
                near: (input.reflectedRow(y - distance, as: Sample.self), input.reflectedRow(y + distance)),
                RowSum(taps[radius - distance]),
                far: (input.reflectedRow(y - further), input.reflectedRow(y + further)),
                further > distance ? RowSum(taps[radius - further]) : 0, to: sums, count)
        }
    }

    private func weightColumns<Factor: FixedWidthInteger, Sum: FixedWidthInteger>(
        _ row: UnsafePointer<Factor>, _ reach: Int, _ channels: Int, _ start: Sum,
        into sums: UnsafeMutablePointer<Sum>, _ count: Int
    ) {
        let radius = taps.count / 2
        let centerTap = Sum(truncatingIfNeeded: Factor(taps[radius]))
        for i in 0..<count { sums[i] = Sum(truncatingIfNeeded: row[i]) &* centerTap &+ start }
        for distance in stride(from: 1, through: reach / channels, by: 2) {
            let further = min(distance + 1, reach / channels)
            addColumns(
                row, distance * channels, Factor(taps[radius - distance]), further * channels,
                further > distance ? Factor(taps[radius - further]) : 0, to: sums, count)
        }
    }

    /// Adds two pairs of rows, each pair with one weight.
    private func addRows<Sample: FixedWidthInteger, RowSum: FixedWidthInteger>(
        near: (UnsafePointer<Sample>, UnsafePointer<Sample>), _ nearTap: RowSum,
        far: (UnsafePointer<Sample>, UnsafePointer<Sample>), _ farTap: RowSum,
        to sums: UnsafeMutablePointer<RowSum>, _ count: Int
    ) {
        let (above, below) = near
        let (farAbove, farBelow) = far
        for i in 0..<count {
            let nearSum = RowSum(truncatingIfNeeded: above[i]) &+ RowSum(truncatingIfNeeded: below[i])
            let farSum = RowSum(truncatingIfNeeded: farAbove[i]) &+ RowSum(truncatingIfNeeded: farBelow[i])
            sums[i] = sums[i] &+ nearSum &* nearTap &+ farSum &* farTap
        }
    }

    /// Adds two pairs of columns, `near` and `far` samples to both sides, each pair with one weight.
    private func addColumns<Factor: FixedWidthInteger, Sum: FixedWidthInteger>(
        _ row: UnsafePointer<Factor>, _ near: Int, _ nearTap: Factor, _ far: Int, _ farTap: Factor,
        to sums: UnsafeMutablePointer<Sum>, _ count: Int
    ) {
        let (left, right, farLeft, farRight) = (row - near, row + near, row - far, row + far)
        for i in 0..<count {
            let nearSum =
                Sum(truncatingIfNeeded: left[i]) &* Sum(truncatingIfNeeded: nearTap)
                &+ Sum(truncatingIfNeeded: right[i]) &* Sum(truncatingIfNeeded: nearTap)
            let farSum =
                Sum(truncatingIfNeeded: farLeft[i]) &* Sum(truncatingIfNeeded: farTap)
                &+ Sum(truncatingIfNeeded: farRight[i]) &* Sum(truncatingIfNeeded: farTap)
            sums[i] = sums[i] &+ nearSum &+ farSum
        }
    }
}
