/// The mean of a window of at most 15 x 15 8-bit samples: all sums fit 16 bits, and rows of windows are added up whole.
struct NarrowBoxKernel: RowKernel {
    static let largestSize = 15

    let outputShape: ImageShape
    /// Odd, from 3 to `largestSize`.
    let size: Int
    let border: RowBorder

    func inputRows(for wanted: Range<Int>) -> Range<Int> { rows(wanted, widenedBy: size / 2, in: outputShape) }

    func apply(_ input: Band, to output: MutableBand) {
        let shape = outputShape
        let channels = shape.format.channelCount
        let count = shape.samplesPerRow
        let radius = size / 2
        let length = count + 2 * radius * channels
        // The sums of columns with their padding, and those of two and four columns side by side.
        let padded = UnsafeMutablePointer<UInt16>.allocate(capacity: 3 * length)
        defer { padded.deallocate() }
        padded.initialize(repeating: 0, count: 3 * length)
        let columns = padded + radius * channels
        let first = output.rows.lowerBound
        func row(_ y: Int) -> UnsafePointer<UInt8> { input.row(border.index(y, count: shape.height)) }
        for y in first - radius...first + radius { addRow(row(y), to: columns, count) }
        for y in output.rows {
            if y > first { exchangeRows(entering: row(y + radius), leaving: row(y - radius - 1), in: columns, count) }
            fillPadding(around: columns, width: shape.width, channels: channels, radius: radius, border: border)
            average(padded, length, into: output.row(y), count, channels)
            if shape.format.layout.hasAlpha {
                copyAlpha(from: input.row(y, as: UInt8.self), to: output.row(y), width: shape.width, channels: channels)
            }
        }
    }

    private func average(
        _ ones: UnsafeMutablePointer<UInt16>, _ length: Int, into target: UnsafeMutablePointer<UInt8>, _ count: Int,
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

    /// Divides each sum by the window's area d and rounds, by a multiplication: with s such that 2^s <= d < 2^(s + 1), the
    /// factor m = ceil(2^(16 + s) / d) gives m d = 2^(16 + s) + e, and that carries no quotient over an integer while
    /// n e < 2^(16 + s). Of the areas up to 225 and n <= 255.5 d, 225 itself comes closest: e is 67, and n e 0.46 of the bound.
    @inline(__always)
    private func divide(into target: UnsafeMutablePointer<UInt8>, _ count: Int, sum: (Int) -> UInt16) {
        let area = size * size
        let shift = Int.bitWidth - 1 - area.leadingZeroBitCount
        let factor = UInt32((1 << (16 + shift) + area - 1) / area)
        let half = UInt16(area / 2)
        let bits = UInt16(shift)
        for i in 0..<count {
            let high = UInt16(truncatingIfNeeded: (UInt32(sum(i) &+ half) &* factor) &>> 16)
            target[i] = UInt8(truncatingIfNeeded: high &>> bits)
        }
    }
}
