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
        let taps = columns.tabulated(Method.weight)
        taps.first.withUnsafeBufferPointer { first in
            taps.weights.withUnsafeBufferPointer { weights in
                // A shape has at least one column, and a column at least one tap.
                let row = RowTaps(
                    width: outputShape.width, first: first.baseAddress.unsafelyUnwrapped,
                    weights: weights.baseAddress.unsafelyUnwrapped)
                interpolate(input, output, row)
            }
        }
    }

    private func interpolate(_ input: Band, _ output: MutableBand, _ taps: RowTaps<Method.Weight>) {
        let channels = outputShape.format.channelCount
        let tapCount = rows.tapCount
        let radius = tapCount / 2
        let count = outputShape.samplesPerRow
        let padded = UnsafeMutablePointer<Method.Sample>.allocate(
            capacity: (inputShape.width + 2 * radius) * channels)
        // The rows around the current one, weighed along themselves: row r is kept in slot r mod tapCount.
        let memory = UnsafeMutablePointer<Method.Sum>.allocate(capacity: tapCount * count)
        defer {
            padded.deallocate()
            memory.deallocate()
        }
        var held = Array(repeating: -1, count: tapCount)
        for y in output.rows {
            let (pixel, weights) = rows.taps(y)
            let around = (0..<tapCount).map { tap in
                let row = min(max(pixel - radius + 1 + tap, 0), inputShape.height - 1)
                let slot = row % tapCount
                let sums = memory + slot * count
                if held[slot] != row {
                    copyPadded(
                        input.row(row), width: inputShape.width, channels: channels, radius: radius,
                        border: .replicate, to: padded)
                    Method.weighRow(padded, taps, channels: channels, into: sums)
                    held[slot] = row
                }
                return UnsafePointer(sums)
            }
            Method.weighColumns(around, weights.map(Method.weight), into: output.row(y), count: count)
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

    /// The pixel before the middle of the neighbours, and the neighbours' weights.
    func taps(_ index: Int) -> (pixel: Int, weights: [Float]) {
        let (pixel, beyond) = place(index)
        return switch kind {
        case .linear, .overlap: (pixel, InterpolationWeights.linear(beyond))
        case .cubic: (pixel, InterpolationWeights.cubic(beyond))
        case .lanczos: (pixel, InterpolationWeights.lanczos(beyond))
        }
    }

    private func place(_ index: Int) -> (pixel: Int, beyond: Float) {
        let (pixel, beyond) = kind == .overlap ? axis.start(index) : axis.centre(index)
        guard isExactAtEdges, pixel < 0 || pixel >= axis.inputCount - 1 else { return (pixel, beyond) }
        return (min(max(pixel, 0), axis.inputCount - 1), 0)
    }

    /// For each output pixel the first neighbour's place in a row padded by half the neighbours, and all weights.
    func tabulated<Weight>(_ weight: (Float) -> Weight) -> (first: [Int32], weights: [Weight]) {
        var first: [Int32] = []
        var all: [Weight] = []
        first.reserveCapacity(axis.outputCount)
        all.reserveCapacity(axis.outputCount * tapCount)
        for index in 0..<axis.outputCount {
            let (pixel, weights) = taps(index)
            first.append(Int32(pixel + 1))
            for value in weights { all.append(weight(value)) }
        }
        return (first, all)
    }
}
