import Pipelines

/// The mean of a square window at a cost that does not grow with it: a sum for each column of the window's rows moves down a
/// row by one sample in, one out; the window's sum moves along a row by one column in, one out.
struct BoxKernel: RowKernel {
    let outputShape: ImageShape
    let size: Int
    let border: RowBorder
    let includesAlpha: Bool

    func apply(_ input: RowsView, to output: MutableRowsView) {
        // A column has at most 255 samples: those of 8 bits fit 16, those of 16 fit 32. So do windows of 255 x 255.
        switch outputShape.format.depth {
        case .eight: blur(input, output, UInt8.self, UInt16.self)
        case .sixteen: blur(input, output, UInt16.self, UInt32.self)
        }
    }

    private func blur<Sample: FixedWidthInteger & UnsignedInteger, Column: FixedWidthInteger & UnsignedInteger>(
        _ input: RowsView, _ output: MutableRowsView, _: Sample.Type, _: Column.Type
    ) {
        let shape = outputShape
        let channels = shape.format.channelCount
        let count = shape.samplesPerRow
        let radius = size / 2
        // A pixel of zeros before the padding: what leaves the first window is nothing.
        let padded = UnsafeMutablePointer<Column>.allocate(capacity: count + size * channels)
        let sums = UnsafeMutablePointer<UInt32>.allocate(capacity: count)
        defer {
            padded.deallocate()
            sums.deallocate()
        }
        padded.initialize(repeating: 0, count: count + size * channels)
        let columns = padded + (radius + 1) * channels
        let first = output.rows.lowerBound
        func row(_ y: Int) -> UnsafePointer<Sample> { input.row(border.index(y, count: shape.height)) }
        for y in first - radius...first + radius { addRow(row(y), to: columns, count) }
        for y in output.rows {
            if y > first { exchangeRows(entering: row(y + radius), leaving: row(y - radius - 1), in: columns, count) }
            fillPadding(around: columns, width: shape.width, channels: channels, radius: radius, border: border)
            slide(padded, into: sums, channels)
            divide(sums, into: output.row(y, as: Sample.self), count)
            if shape.format.layout.hasAlpha && !includesAlpha {
                copyAlpha(
                    from: input.row(y, as: Sample.self), to: output.row(y), width: shape.width, channels: channels)
            }
        }
    }

    /// The sum of each window of `size` pixels. Each channel has a chain of additions of its own, and they do not wait for
    /// each other.
    private func slide<Column: FixedWidthInteger & UnsignedInteger>(
        _ padded: UnsafePointer<Column>, into sums: UnsafeMutablePointer<UInt32>, _ channels: Int
    ) {
        let count = outputShape.samplesPerRow
        let entering = padded + size * channels
        func start(_ channel: Int) -> UInt32 {
            (1..<size).reduce(0) { $0 &+ UInt32(truncatingIfNeeded: padded[$1 * channels + channel]) }
        }
        @inline(__always) func change(_ i: Int) -> UInt32 {
            UInt32(truncatingIfNeeded: entering[i]) &- UInt32(truncatingIfNeeded: padded[i])
        }
        switch channels {
        case 1:
            var sum = start(0)
            for i in 0..<count {
                sum &+= change(i)
                sums[i] = sum
            }
        case 3:
            var (red, green, blue) = (start(0), start(1), start(2))
            var i = 0
            while i < count {
                red &+= change(i)
                green &+= change(i + 1)
                blue &+= change(i + 2)
                (sums[i], sums[i + 1], sums[i + 2]) = (red, green, blue)
                i += 3
            }
        default:
            for channel in 0..<channels {
                var sum = start(channel)
                var i = channel
                while i < count {
                    sum &+= change(i)
                    sums[i] = sum
                    i += channels
                }
            }
        }
    }

    /// Divides by the window's area and rounds. The area is odd, so that there are no ties, and a quotient is at least
    /// half a part of the area away from the next integer: single precision decides it rightly for 8-bit levels and
    /// sides up to 99, double precision always.
    private func divide<Sample: FixedWidthInteger & UnsignedInteger>(
        _ sums: UnsafePointer<UInt32>, into target: UnsafeMutablePointer<Sample>, _ count: Int
    ) {
        let area = size * size
        if Sample.bitWidth == 8 && size <= 99 {
            let reciprocal = 1 / Float(area)
            let half = Float(area / 2) + 0.5
            for i in 0..<count {
                let quotient = (Float(Int32(truncatingIfNeeded: sums[i])) + half) * reciprocal
                target[i] = Sample(truncatingIfNeeded: Int32(quotient))
            }
        } else if Sample.bitWidth == 16 && area <= 32768 {
            let divide = AreaDivision(area: area)
            for i in 0..<count { target[i] = Sample(truncatingIfNeeded: divide(Int32(truncatingIfNeeded: sums[i]))) }
        } else {
            let reciprocal = 1 / Double(area)
            let half = Double(area / 2) + 0.5
            for i in 0..<count {
                let quotient = (Double(sums[i]) + half) * reciprocal
                target[i] = Sample(truncatingIfNeeded: Int32(quotient))
            }
        }
    }
}

/// Adds a row's samples to the sums of their columns.
@_specialize(where Sample == UInt8, Column == UInt16)
@_specialize(where Sample == UInt16, Column == UInt32)
func addRow<Sample: FixedWidthInteger, Column: FixedWidthInteger>(
    _ row: UnsafePointer<Sample>, to columns: UnsafeMutablePointer<Column>, _ count: Int
) {
    for i in 0..<count { columns[i] &+= Column(truncatingIfNeeded: row[i]) }
}

/// Adds one row's samples to the sums of their columns, and takes another's away.
@_specialize(where Sample == UInt8, Column == UInt16)
@_specialize(where Sample == UInt16, Column == UInt32)
func exchangeRows<Sample: FixedWidthInteger, Column: FixedWidthInteger>(
    entering: UnsafePointer<Sample>, leaving: UnsafePointer<Sample>, in columns: UnsafeMutablePointer<Column>,
    _ count: Int
) {
    for i in 0..<count {
        columns[i] = columns[i] &+ Column(truncatingIfNeeded: entering[i]) &- Column(truncatingIfNeeded: leaving[i])
    }
}
