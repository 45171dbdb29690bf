import Pipelines

/// Shrinks: every output pixel is the mean of the input pixels that it covers, those at its edges by their covered part.
///
/// Source: OpenCV's `ResizeArea_Invoker`, of which it keeps single precision and the order of the sums.
struct AreaKernel: RowKernel {
    let outputShape: ImageShape
    let columns: ResizeAxis
    let rows: ResizeAxis

    func apply(_ input: RowsView, to output: MutableRowsView) {
        switch outputShape.format.depth {
        case .eight: shrink(input, output, UInt8.self)
        case .sixteen: shrink(input, output, UInt16.self)
        }
    }

    private func shrink<Sample: FixedWidthInteger & UnsignedInteger>(
        _ input: RowsView, _ output: MutableRowsView, _: Sample.Type
    ) {
        let count = outputShape.samplesPerRow
        let cover = ColumnCover(columns)
        // Pixels of three samples are averaged as if they had four.
        let levels = UnsafeMutablePointer<Float>.allocate(capacity: input.shape.samplesPerRow + 1)
        let means = UnsafeMutablePointer<Float>.allocate(capacity: count + 1)
        let sums = UnsafeMutablePointer<Float>.allocate(capacity: count)
        defer {
            levels.deallocate()
            means.deallocate()
            sums.deallocate()
        }
        levels[input.shape.samplesPerRow] = 0
        var held = -1
        for y in output.rows {
            let (pixels, shares) = rows.cover(y)
            for (row, share) in zip(pixels, shares) {
                // The last row of one output row is often the first of the next.
                if held != row {
                    let source: UnsafePointer<Sample> = input.row(row)
                    for i in 0..<input.shape.samplesPerRow { levels[i] = Float(Int32(truncatingIfNeeded: source[i])) }
                    cover.average(levels, channels: outputShape.format.channelCount, into: means)
                    held = row
                }
                if row == pixels.lowerBound {
                    for i in 0..<count { sums[i] = means[i] * share }
                } else {
                    for i in 0..<count { sums[i] = sums[i] + means[i] * share }
                }
            }
            let target: UnsafeMutablePointer<Sample> = output.row(y)
            let largest = Float(outputShape.format.depth.maximum)
            for i in 0..<count { target[i] = Sample(truncatingIfNeeded: rounded(sums[i], upTo: largest)) }
        }
    }
}

/// The pixels of a row that each output pixel covers, with their shares: equally many for each, those too many with a
/// share of 0.
private struct ColumnCover {
    let width: Int
    let tapCount: Int
    let first: [Int32]
    let shares: [Float]

    init(_ axis: ResizeAxis) {
        let covers = (0..<axis.outputCount).map { axis.cover($0) }
        let tapCount = covers.reduce(1) { max($0, $1.shares.count) }
        var first: [Int32] = []
        var shares: [Float] = []
        for cover in covers {
            let start = min(cover.pixels.lowerBound, axis.inputCount - tapCount)
            let before = cover.pixels.lowerBound - start
            first.append(Int32(start))
            shares += Array(repeating: 0, count: before) + cover.shares
            shares += Array(repeating: 0, count: tapCount - before - cover.shares.count)
        }
        width = axis.outputCount
        self.tapCount = tapCount
        self.first = first
        self.shares = shares
    }

    func average(_ row: UnsafePointer<Float>, channels: Int, into target: UnsafeMutablePointer<Float>) {
        switch channels {
        // The number of taps as a constant too, where the loop over them counts most.
        case 1 where tapCount == 3: average(row, 1, target, tapCount: 3)
        case 1 where tapCount == 4: average(row, 1, target, tapCount: 4)
        case 1 where tapCount == 5: average(row, 1, target, tapCount: 5)
        case 1: average(row, 1, target, tapCount: tapCount)
        case 2: average(row, 2, target, tapCount: tapCount)
        case 3 where tapCount == 2: average(row, 3, target, tapCount: 2)
        case 3 where tapCount == 3: average(row, 3, target, tapCount: 3)
        case 3 where tapCount == 4: average(row, 3, target, tapCount: 4)
        case 3: average(row, 3, target, tapCount: tapCount)
        default: average(row, 4, target, tapCount: tapCount)
        }
    }

    @inline(__always)
    private func average(
        _ row: UnsafePointer<Float>, _ channels: Int, _ target: UnsafeMutablePointer<Float>, tapCount: Int
    ) {
        first.withUnsafeBufferPointer { first in
            shares.withUnsafeBufferPointer { shares in
                for x in 0..<width {
                    let source = row + Int(first[x]) * channels
                    if channels < 3 {
                        for channel in 0..<channels {
                            var sum: Float = 0
                            for tap in 0..<tapCount {
                                sum = sum + source[tap * channels + channel] * shares[x * tapCount + tap]
                            }
                            target[x * channels + channel] = sum
                        }
                    } else {
                        var (first, second, third, fourth) = (Float(0), Float(0), Float(0), Float(0))
                        for tap in 0..<tapCount {
                            let (pixel, share) = (source + tap * channels, shares[x * tapCount + tap])
                            first = first + pixel[0] * share
                            second = second + pixel[1] * share
                            third = third + pixel[2] * share
                            fourth = fourth + pixel[3] * share
                        }
                        let mean = target + x * channels
                        (mean[0], mean[1], mean[2], mean[3]) = (first, second, third, fourth)
                    }
                }
            }
        }
    }
}
