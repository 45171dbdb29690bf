/// The mean of a window of at most 11 x 11 8-bit samples: all sums fit 16 bits, and windows are added up whole.
struct NarrowBoxKernel: RowKernel {
    static let largestSize = 11

    let outputShape: ImageShape
    /// Odd, from 3 to `largestSize`.
    let size: Int

    func inputRows(for wanted: Range<Int>) -> Range<Int> { rows(wanted, widenedBy: size / 2, in: outputShape) }

    func apply(_ input: Band, to output: MutableBand) {
        let shape = outputShape
        let channels = shape.format.channelCount
        let count = shape.samplesPerRow
        let radius = size / 2
        let columns = UnsafeMutablePointer<UInt16>.allocate(capacity: count)
        let padded = UnsafeMutablePointer<UInt16>.allocate(capacity: count + 2 * radius * channels)
        let sums = UnsafeMutablePointer<UInt16>.allocate(capacity: count)
        defer {
            columns.deallocate()
            padded.deallocate()
            sums.deallocate()
        }
        columns.initialize(repeating: 0, count: count)
        let first = output.rows.lowerBound
        for y in first - radius..<first + radius { add(input.reflectedRow(y), to: columns, count) }
        for y in output.rows {
            add(input.reflectedRow(y + radius), to: columns, count)
            copyPadded(
                columns, width: shape.width, channels: channels, radius: radius, border: .reflect101, to: padded)
            sum(padded, into: sums, count, channels)
            divide(sums, into: output.row(y), count)
            subtract(input.reflectedRow(y - radius), from: columns, count)
            if shape.format.layout.hasAlpha {
                copyAlpha(from: input.row(y, as: UInt8.self), to: output.row(y), width: shape.width, channels: channels)
            }
        }
    }

    private func add(_ row: UnsafePointer<UInt8>, to sums: UnsafeMutablePointer<UInt16>, _ count: Int) {
        for i in 0..<count { sums[i] &+= UInt16(row[i]) }
    }

    private func subtract(_ row: UnsafePointer<UInt8>, from sums: UnsafeMutablePointer<UInt16>, _ count: Int) {
        for i in 0..<count { sums[i] &-= UInt16(row[i]) }
    }

    private func sum(
        _ columns: UnsafePointer<UInt16>, into sums: UnsafeMutablePointer<UInt16>, _ count: Int, _ channels: Int
    ) {
        let (second, third) = (columns + channels, columns + 2 * channels)
        for i in 0..<count { sums[i] = columns[i] &+ second[i] &+ third[i] }
        for pair in stride(from: 3, to: size, by: 2) {
            let (left, right) = (columns + pair * channels, columns + (pair + 1) * channels)
            for i in 0..<count { sums[i] = sums[i] &+ left[i] &+ right[i] }
        }
    }

    /// Divides by the window's area d and rounds, by a multiplication: with s such that 2^s <= d < 2^(s + 1), the factor
    /// m = ceil(2^(16 + s) / d) exceeds the exact one by e / d, e < d. That never carries a quotient over an integer while
    /// n e < 2^(16 + s), and n <= 255.5 d, which holds for d < 128.
    private func divide(_ sums: UnsafePointer<UInt16>, into target: UnsafeMutablePointer<UInt8>, _ count: Int) {
        let area = size * size
        let shift = Int.bitWidth - 1 - area.leadingZeroBitCount
        let factor = UInt16((1 << (16 + shift) + area - 1) / area)
        let half = UInt16(area / 2)
        let bits = UInt16(shift)
        for i in 0..<count {
            let high = UInt16(truncatingIfNeeded: (UInt32(sums[i] &+ half) &* UInt32(factor)) &>> 16)
            target[i] = UInt8(truncatingIfNeeded: high &>> bits)
        }
    }
}
