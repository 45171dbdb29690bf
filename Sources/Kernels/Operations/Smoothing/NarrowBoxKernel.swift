import Pipelines

/// The mean of a window of at most 15 x 15 samples: all sums of 8-bit ones fit 16 bits, and rows of windows are added up
/// whole.
struct NarrowBoxKernel: RowKernel {
    static let largestSize = 15

    let outputShape: ImageShape
    /// Odd, from 3 to `largestSize`.
    let size: Int
    let border: RowBorder
    let includesAlpha: Bool

    func apply(_ input: RowsView, to output: MutableRowsView) {
        switch outputShape.format.depth {
        case .eight: blur(input, output, UInt8.self, UInt16.self)
        case .sixteen: blur(input, output, UInt16.self, UInt32.self)
        }
    }

    private func blur<Sample: FixedWidthInteger & UnsignedInteger, Sum: FixedWidthInteger & UnsignedInteger>(
        _ input: RowsView, _ output: MutableRowsView, _: Sample.Type, _: Sum.Type
    ) {
        let shape = outputShape
        let channels = shape.format.channelCount
        let count = shape.samplesPerRow
        let radius = size / 2
        let length = count + 2 * radius * channels
        // The sums of columns with their padding, and those of two and four columns side by side.
        let padded = UnsafeMutablePointer<Sum>.allocate(capacity: 3 * length)
        defer { padded.deallocate() }
        padded.initialize(repeating: 0, count: 3 * length)
        let columns = padded + radius * channels
        let first = output.rows.lowerBound
        func row(_ y: Int) -> UnsafePointer<Sample> { input.row(border.index(y, count: shape.height)) }
        for y in first - radius...first + radius { addRow(row(y), to: columns, count) }
        for y in output.rows {
            if y > first { exchangeRows(entering: row(y + radius), leaving: row(y - radius - 1), in: columns, count) }
            fillPadding(around: columns, width: shape.width, channels: channels, radius: radius, border: border)
            average(padded, length, into: output.row(y, as: Sample.self), count, channels)
            if shape.format.layout.hasAlpha && !includesAlpha {
                copyAlpha(
                    from: input.row(y, as: Sample.self), to: output.row(y), width: shape.width, channels: channels)
            }
        }
    }

    private func average<Sample: FixedWidthInteger & UnsignedInteger, Sum: FixedWidthInteger & UnsignedInteger>(
        _ ones: UnsafeMutablePointer<Sum>, _ length: Int, into target: UnsafeMutablePointer<Sample>, _ count: Int,
        _ channels: Int
    ) {
        let (twos, fours) = (ones + length, ones + 2 * length)
        if size > 5 {
            for i in 0..<length - channels { twos[i] = ones[i] &+ ones[i + channels] }
        }
        if size > 7 {
            for i in 0..<length - 3 * channels { fours[i] = twos[i] &+ twos[i + 2 * channels] }
        }
        let (c2, c4, c8, c12) = (2 * channels, 4 * channels, 8 * channels, 12 * channels)
        switch size {
        case 3: divide(into: target, count) { ones[$0] &+ ones[$0 + channels] &+ ones[$0 + c2] }
        case 5:
            divide(into: target, count) {
                ones[$0] &+ ones[$0 + channels] &+ ones[$0 + c2] &+ ones[$0 + 3 * channels] &+ ones[$0 + c4]
            }
        case 7: divide(into: target, count) { twos[$0] &+ twos[$0 + c2] &+ twos[$0 + c4] &+ ones[$0 + 6 * channels] }
        case 9: divide(into: target, count) { fours[$0] &+ fours[$0 + c4] &+ ones[$0 + c8] }
        case 11:
            divide(into: target, count) { fours[$0] &+ fours[$0 + c4] &+ twos[$0 + c8] &+ ones[$0 + 10 * channels] }
        case 13: divide(into: target, count) { fours[$0] &+ fours[$0 + c4] &+ fours[$0 + c8] &+ ones[$0 + c12] }
        default:
            divide(into: target, count) {
                fours[$0] &+ fours[$0 + c4] &+ fours[$0 + c8] &+ twos[$0 + c12] &+ ones[$0 + 14 * channels]
            }
        }
    }

    /// Divides each sum by the window's area and rounds. The area is odd, so that there are no ties.
    @inline(__always)
    private func divide<Sample: FixedWidthInteger & UnsignedInteger, Sum: FixedWidthInteger & UnsignedInteger>(
        into target: UnsafeMutablePointer<Sample>, _ count: Int, sum: (Int) -> Sum
    ) {
        if Sample.bitWidth == 8 {
            let divide = ShortDivision(area: size * size)
            for i in 0..<count { target[i] = Sample(truncatingIfNeeded: divide(UInt16(truncatingIfNeeded: sum(i)))) }
        } else {
            let divide = AreaDivision(area: size * size)
            for i in 0..<count { target[i] = Sample(truncatingIfNeeded: divide(Int32(truncatingIfNeeded: sum(i)))) }
        }
    }
}

/// Divides sums of 8-bit samples by an odd area d up to 225 and rounds, by a multiplication: with s such that
/// 2^s <= d < 2^(s + 1), the factor m = ceil(2^(16 + s) / d) gives m d = 2^(16 + s) + e, and that carries no quotient over an
/// integer while n e < 2^(16 + s). Of such areas and n <= 255.5 d, 225 itself comes closest: e is 67, and n e 0.46 of the
/// bound.
private struct ShortDivision {
    private let half: UInt16
    private let factor: UInt32
    private let shift: UInt16

    init(area: Int) {
        let bits = Int.bitWidth - 1 - area.leadingZeroBitCount
        half = UInt16(area / 2)
        factor = UInt32((1 << (16 + bits) + area - 1) / area)
        shift = UInt16(bits)
    }

    @inline(__always)
    func callAsFunction(_ sum: UInt16) -> UInt16 {
        UInt16(truncatingIfNeeded: (UInt32(sum &+ half) &* factor) &>> 16) &>> shift
    }
}

/// Divides sums below 2^31 of 16-bit samples by an odd area and rounds: in single precision, which errs by less than 0.014,
/// to the quotient or, because more than that is taken away, one less; the remainder tells which.
struct AreaDivision {
    private let area: Int32
    private let reciprocal: Float

    init(area: Int) {
        self.area = Int32(area)
        reciprocal = 1 / Float(area)
    }

    @inline(__always)
    func callAsFunction(_ sum: Int32) -> Int32 {
        let dividend = sum &+ area / 2
        let quotient = Int32(Float(dividend) * reciprocal - 0.02)
        return quotient &+ (dividend &- quotient &* area >= area ? 1 : 0)
    }
}
