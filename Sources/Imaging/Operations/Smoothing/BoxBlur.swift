/// Replaces every level by the mean of a square window.
public struct BoxBlur: Operation {
    public static let description = OperationDescription(
        "box-blur", family: .smoothing, summary: "Replaces every level by the mean of a square window, rounded",
        parameters: [
            ParameterDescription(
                "size", "the side of the window", .oddInteger(1...255), default: .integer(5), unit: "pixels")
        ],
        border: .reflect101,
        matches: "cv2.blur, exactly at 8 bits; at 16 bits OpenCV divides in single precision and may be 1 level off")

    private let size: Int

    public init(arguments: OperationArguments) { size = arguments.integer("size") }

    public func outputShape(for input: ImageShape) -> ImageShape { input }

    public func kernel(for input: ImageShape) -> OperationKernel {
        switch (size, input.format.depth) {
        case (1, _): .rows([])
        case (3...NarrowBoxKernel.largestSize, .eight): .rows([NarrowBoxKernel(outputShape: input, size: size)])
        case (_, .eight), (_, .sixteen): .rows([BoxKernel(outputShape: input, size: size)])
        }
    }
}

/// Sums columns by adding the row that enters and taking away the one that leaves, then likewise along the row.
struct BoxKernel: RowKernel {
    let outputShape: ImageShape
    let size: Int
    var border = RowBorder.reflect101

    func inputRows(for wanted: Range<Int>) -> Range<Int> { rows(wanted, widenedBy: size / 2, in: outputShape) }

    func apply(_ input: Band, to output: MutableBand) {
        switch outputShape.format.depth {
        case .eight: blur(input, output, UInt8.self)
        case .sixteen: blur(input, output, UInt16.self)
        }
    }

    private func blur<Sample: FixedWidthInteger & UnsignedInteger>(
        _ input: Band, _ output: MutableBand, _: Sample.Type
    ) {
        let shape = outputShape
        let channels = shape.format.channelCount
        let count = shape.samplesPerRow
        let radius = size / 2
        // 255 * 255 samples of 65535 still fit 32 bits.
        let columns = UnsafeMutablePointer<UInt32>.allocate(capacity: count)
        let padded = UnsafeMutablePointer<UInt32>.allocate(capacity: count + 2 * radius * channels)
        let sums = UnsafeMutablePointer<UInt32>.allocate(capacity: count)
        defer {
            columns.deallocate()
            padded.deallocate()
            sums.deallocate()
        }
        columns.initialize(repeating: 0, count: count)
        let first = output.rows.lowerBound
        func row(_ y: Int) -> UnsafePointer<Sample> { input.row(border.index(y, count: shape.height)) }
        for y in first - radius..<first + radius { add(row(y), to: columns, count) }
        for y in output.rows {
            add(row(y + radius), to: columns, count)
            copyPadded(columns, width: shape.width, channels: channels, radius: radius, border: border, to: padded)
            slide(padded, into: sums, channels: channels)
            divide(sums, into: output.row(y, as: Sample.self), count)
            subtract(row(y - radius), from: columns, count)
            if shape.format.layout.hasAlpha {
                copyAlpha(
                    from: input.row(y, as: Sample.self), to: output.row(y), width: shape.width, channels: channels)
            }
        }
    }

    private func add<Sample: FixedWidthInteger>(
        _ row: UnsafePointer<Sample>, to sums: UnsafeMutablePointer<UInt32>, _ count: Int
    ) {
        for i in 0..<count { sums[i] &+= UInt32(truncatingIfNeeded: row[i]) }
    }

    private func subtract<Sample: FixedWidthInteger>(
        _ row: UnsafePointer<Sample>, from sums: UnsafeMutablePointer<UInt32>, _ count: Int
    ) {
        for i in 0..<count { sums[i] &-= UInt32(truncatingIfNeeded: row[i]) }
    }

    /// The sum of each window of `size` pixels.
    private func slide(_ columns: UnsafePointer<UInt32>, into sums: UnsafeMutablePointer<UInt32>, channels: Int) {
        let count = outputShape.samplesPerRow
        for channel in 0..<channels {
            var sum: UInt32 = 0
            for x in 0..<size - 1 { sum &+= columns[x * channels + channel] }
            for i in stride(from: channel, to: count, by: channels) {
                sum &+= columns[i + (size - 1) * channels]
                sums[i] = sum
                sum &-= columns[i]
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
