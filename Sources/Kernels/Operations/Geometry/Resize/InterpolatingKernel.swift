/// Interpolates along each row of the input, and then between the rows that lie around each output row.
///
/// Source: OpenCV's `resizeGeneric`, of which it keeps the order of the sums.
struct InterpolatingKernel<Method: Interpolation>: RowKernel {
    let outputShape: ImageShape
    let columns: AxisTaps
    let rows: AxisTaps
    private let inputShape: ImageShape

    /// - Parameters:
    ///   - columns: how the samples of a row lie.
    ///   - rows: how the rows lie.
    init(from input: ImageShape, to output: ImageShape, columns: AxisTaps, rows: AxisTaps, _: Method.Type) {
        outputShape = output
        inputShape = input
        self.columns = columns
        self.rows = rows
    }

    func inputRows(for wanted: Range<Int>) -> Range<Int> {
        let (first, last) = (rows.pixel(wanted.lowerBound), rows.pixel(wanted.upperBound - 1))
        let before = rows.tapCount / 2 - 1
        return max(0, first - before)..<min(inputShape.height, last + rows.tapCount / 2 + 1)
    }

    func apply(_ input: Band, to output: MutableBand) {
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

    private func interpolate(_ input: Band, _ output: MutableBand, _ taps: RowTaps<Method.Weight>) {
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

/// The neighbours that each output pixel of an axis is made of.
struct AxisTaps: Sendable {
    enum Kind {
        case linear, cubic, lanczos
        /// The two pixels that an output pixel lies on, by its parts on them.
        case overlap
    }

    let axis: ResizeAxis
    let kind: Kind
    /// At the edge the nearest pixel counts alone, instead of twice with two weights: OpenCV's two neighbours in a row.
    let isExactAtEdges: Bool

    var tapCount: Int {
        switch kind {
        case .linear, .overlap: 2
        case .cubic: 4
        case .lanczos: 8
        }
    }

    /// The pixel before the middle of the neighbours; -1 before the first pixel.
    func pixel(_ index: Int) -> Int { place(index).pixel }

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

    private func place(_ index: Int) -> (pixel: Int, beyond: Float) {
        let (pixel, beyond) = kind == .overlap ? axis.start(index) : axis.centre(index)
        guard isExactAtEdges, pixel < 0 || pixel >= axis.inputCount - 1 else { return (pixel, beyond) }
        return (min(max(pixel, 0), axis.inputCount - 1), 0)
    }

    /// The first neighbour of each output pixel, which may lie outside the image, and all weights: of the first neighbours,
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
