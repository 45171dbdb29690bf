import Pipelines

/// Interpolates along each row of the input, and then between the rows around each output row.
///
/// Source: OpenCV's `resizeGeneric`, of which it keeps the order of the sums.
struct InterpolatingKernel<Method: Interpolation>: RowKernel {
    let outputShape: ImageShape
    let columns: AxisTaps
    let rows: AxisTaps
    private let inputShape: ImageShape

    /// - Parameters:
    ///   - columns: the taps along a row.
    ///   - rows: the taps down a column.
    init(from input: ImageShape, to output: ImageShape, columns: AxisTaps, rows: AxisTaps, _: Method.Type) {
        outputShape = output
        inputShape = input
        self.columns = columns
        self.rows = rows
    }

    func apply(_ input: RowsView, to output: MutableRowsView) {
        guard !output.rows.isEmpty else { return }
        let (first, exact) = columns.tabulated()
        let weights = exact.withUnsafeBufferPointer { Method.weights($0) }
        first.withUnsafeBufferPointer { first in
            weights.withUnsafeBufferPointer { weights in
                // A shape has at least one column, and a column at least one tap.
                let taps = RowTaps(
                    inputWidth: inputShape.width, width: outputShape.width, tapCount: columns.tapCount,
                    channels: outputShape.format.channelCount, first: first.baseAddress.unsafelyUnwrapped,
                    weights: weights.baseAddress.unsafelyUnwrapped)
                interpolate(input, output, taps)
            }
        }
    }

    private func interpolate(_ input: RowsView, _ output: MutableRowsView, _ taps: RowTaps<Method.Weight>) {
        let tapCount = rows.tapCount
        let count = outputShape.samplesPerRow
        // The rows around the current one, weighed along themselves: row r is kept in slot r mod tapCount, with room for
        // the sample too many.
        let slotSize = count + 1
        let memory = UnsafeMutablePointer<Method.Sum>.allocate(capacity: tapCount * slotSize)
        let around = UnsafeMutablePointer<UnsafePointer<Method.Sum>>.allocate(capacity: tapCount)
        let exact = UnsafeMutableBufferPointer<Float>.allocate(capacity: tapCount)
        defer {
            memory.deallocate()
            around.deallocate()
            exact.deallocate()
        }
        var held = Array(repeating: -1, count: tapCount)
        for y in output.rows {
            let pixel = rows.taps(y) { exact[$0] = $1 }
            for tap in 0..<tapCount {
                let row = min(max(pixel - tapCount / 2 + 1 + tap, 0), inputShape.height - 1)
                let slot = row % tapCount
                let sums = memory + slot * slotSize
                if held[slot] != row {
                    Method.weighRow(input.row(row), taps, channels: outputShape.format.channelCount, into: sums)
                    held[slot] = row
                }
                (around + tap).initialize(to: UnsafePointer(sums))
            }
            Method.weighColumns(around, Method.weights(UnsafeBufferPointer(exact)), into: output.row(y), count: count)
        }
    }
}

extension AxisTaps {
    /// The pixel before the middle of the neighbours; `store` gets each neighbour's weight.
    @inline(__always)
    func taps(_ index: Int, store: (Int, Float) -> Void) -> Int {
        let (pixel, beyond) = place(index)
        switch kind {
        case .linear, .overlap: InterpolationWeights.linear(beyond, store)
        case .cubic: InterpolationWeights.cubic(beyond, store)
        case .lanczos: InterpolationWeights.lanczos(beyond, store)
        }
        return pixel
    }

    /// The first neighbour of each output pixel, which may be outside the image, and all weights: of the first neighbours,
    /// of the second ...
    func tabulated() -> (first: [Int32], weights: [Float]) {
        let count = axis.outputCount
        var first = Array(repeating: Int32(0), count: count)
        var weights = Array(repeating: Float(0), count: count * tapCount)
        for index in 0..<count {
            let pixel = taps(index) { weights[$0 * count + index] = $1 }
            first[index] = Int32(pixel - tapCount / 2 + 1)
        }
        return (first, weights)
    }
}
