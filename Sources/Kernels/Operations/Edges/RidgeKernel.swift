import Pipelines

/// What a pixel of a ridge map is.
enum Ridge {
    /// Not on a ridge of the gradient, or too low.
    static let none: UInt8 = 0
    /// An edge if it is connected to a strong one.
    static let weak: UInt8 = 1
    static let strong: UInt8 = 2
}

/// Canny's gradient and non-maximum suppression: a map of the ridges that may become edges.
///
/// The gradient is Sobel's, over a replicated border; its magnitude |dx| + |dy|, of colours the strongest channel's. A pixel
/// is on a ridge if its magnitude is above `low` and above its two neighbours across the edge, where the direction is one
/// of four. Beyond the image the magnitude is 0.
struct RidgeKernel: RowKernel {
    let input: ImageShape
    let outputShape: ImageShape
    let size: Int
    let low: Int
    let high: Int

    func apply(_ input: RowsView, to output: MutableRowsView) {
        switch (input.shape.format.depth, size) {
        case (.eight, 3), (.eight, 5): findRidges(input, output, UInt8.self, Int16.self)
        case (.eight, _): findRidges(input, output, UInt8.self, Int32.self)
        case (.sixteen, _): findRidges(input, output, UInt16.self, Int32.self)
        }
    }

    private func findRidges<
        Sample: FixedWidthInteger & UnsignedInteger, Value: FixedWidthInteger & SignedInteger
    >(_ input: RowsView, _ output: MutableRowsView, _: Sample.Type, _: Value.Type) {
        // Magnitudes are those of rows y - 1, y and y + 1, so the gradient is always one row ahead.
        let first = max(0, output.rows.lowerBound - 1)
        var pair = SeparablePair<Sample, Value>(
            input, primary: DerivativeTaps.taps(order: 1, size: size),
            secondary: DerivativeTaps.taps(order: 0, size: size), border: .replicate, first: first)
        let rows = (0..<3).map { _ in GradientRow<Value>(width: outputShape.width, samples: input.shape.samplesPerRow) }
        defer {
            pair.deallocate()
            for row in rows { row.deallocate() }
        }
        var (above, center, below) = (rows[0], rows[1], rows[2])
        above.clear()
        func load(_ y: Int, into row: GradientRow<Value>) {
            guard y < outputShape.height else { return row.clear() }
            pair.compute(y, x: row.x, y: row.y)
            let format = input.shape.format
            if size == 7 {
                divideBy16(row.x, input.shape.samplesPerRow)
                divideBy16(row.y, input.shape.samplesPerRow)
            }
            measure(row, channels: format.channelCount, colors: format.colorChannelCount)
        }
        if output.rows.lowerBound > 0 { load(first, into: above) }
        load(output.rows.lowerBound, into: center)
        for y in output.rows {
            load(y + 1, into: below)
            suppress(above, center, below, into: output.row(y))
            (above, center, below) = (center, below, above)
        }
    }

    /// Sixteenths, ties to even.
    private func divideBy16<Value: FixedWidthInteger>(_ values: UnsafeMutablePointer<Value>, _ count: Int) {
        for i in 0..<count {
            let value = values[i]
            values[i] = (value &+ 7 &+ (value &>> 4 & 1)) &>> 4
        }
    }

    /// The magnitude of each pixel, and the derivatives of the channel that has it, moved to the pixel's index.
    ///
    /// Of channels that are equally steep, blue goes before green before red: OpenCV takes the first, and its images are in
    /// the order blue, green, red.
    private func measure<Value: FixedWidthInteger & SignedInteger>(
        _ row: GradientRow<Value>, channels: Int, colors: Int
    ) {
        let (x, y, magnitude) = (row.x, row.y, row.magnitude)
        if channels == 1 {
            for i in 0..<outputShape.width { magnitude[i] = max(x[i], 0 &- x[i]) &+ max(y[i], 0 &- y[i]) }
            return
        }
        for pixel in 0..<outputShape.width {
            var strongest: Value = -1
            var (dx, dy): (Value, Value) = (0, 0)
            for i in (pixel * channels..<pixel * channels + colors).reversed() {
                let size = max(x[i], 0 &- x[i]) &+ max(y[i], 0 &- y[i])
                if size > strongest { (strongest, dx, dy) = (size, x[i], y[i]) }
            }
            (magnitude[pixel], x[pixel], y[pixel]) = (strongest, dx, dy)
        }
    }

    private func suppress<Value: FixedWidthInteger & SignedInteger>(
        _ above: GradientRow<Value>, _ center: GradientRow<Value>, _ below: GradientRow<Value>,
        into target: UnsafeMutablePointer<UInt8>
    ) {
        // Tangents have 15 fractional bits; the derivatives of at most 16 bits times them fit 32.
        if Value.bitWidth == 16 {
            suppress(above, center, below, into: target, Int32.self)
        } else {
            suppress(above, center, below, into: target, Int64.self)
        }
    }

    /// Neighbours are chosen without branches, so that pixels are compared many at a time.
    @inline(__always)
    private func suppress<Value: FixedWidthInteger & SignedInteger, Wide: FixedWidthInteger & SignedInteger>(
        _ above: GradientRow<Value>, _ center: GradientRow<Value>, _ below: GradientRow<Value>,
        into target: UnsafeMutablePointer<UInt8>, _: Wide.Type
    ) {
        let low = Value(clamping: low)
        let high = Value(clamping: high)
        let (over, here, under) = (above.magnitude, center.magnitude, below.magnitude)
        let (x, y) = (center.x, center.y)
        for i in 0..<outputShape.width {
            let size = here[i]
            let (dx, dy) = (x[i], y[i])
            let run = Wide(truncatingIfNeeded: max(dx, 0 &- dx))
            let rise = Wide(truncatingIfNeeded: max(dy, 0 &- dy))
            // The direction by the tangents of 22.5 and 67.5 degrees; all bits are set in what is true.
            let across = run &* 13573
            let isAcross: Value = rise &<< 15 < across ? -1 : 0
            let isAlong: Value = (rise &- 2 &* run) &<< 15 > across ? -1 : 0
            let isStraight = isAcross | isAlong
            let isRising = (dx ^ dy) &>> Value(Value.bitWidth - 1)
            let before =
                here[i - 1] & isAcross | over[i] & isAlong | (over[i + 1] & isRising | over[i - 1] & ~isRising)
                & ~isStraight
            let after =
                here[i + 1] & isAcross | under[i] & isAlong | (under[i - 1] & isRising | under[i + 1] & ~isRising)
                & ~isStraight
            // Of two equal ones in a row or a column the first is on the ridge.
            let isRidge: Value = (size > low ? 1 : 0) & (size > before ? 1 : 0) & (size > after &+ isStraight ? 1 : 0)
            let ridge = size > high ? Ridge.strong : Ridge.weak
            target[i] = ridge & UInt8(truncatingIfNeeded: 0 &- isRidge)
        }
    }
}

/// The derivatives and magnitudes of a row; magnitudes have a 0 on either side.
private struct GradientRow<Value: FixedWidthInteger> {
    let x: UnsafeMutablePointer<Value>
    let y: UnsafeMutablePointer<Value>
    let magnitude: UnsafeMutablePointer<Value>
    private let width: Int

    init(width: Int, samples: Int) {
        self.width = width
        x = .allocate(capacity: samples)
        y = .allocate(capacity: samples)
        let padded = UnsafeMutablePointer<Value>.allocate(capacity: width + 2)
        padded.initialize(repeating: 0, count: width + 2)
        magnitude = padded + 1
    }

    func clear() { magnitude.update(repeating: 0, count: width) }

    func deallocate() {
        x.deallocate()
        y.deallocate()
        (magnitude - 1).deallocate()
    }
}
