/// Replaces every level by the median of a square window.
public struct Median: Operation {
    public static let description = OperationDescription(
        "median", family: .smoothing, summary: "Replaces every level by the median of a square window",
        parameters: [
            ParameterDescription(
                "size", "the side of the window", .oddInteger(1...255), default: .integer(5), unit: "pixels")
        ],
        border: .replicate,
        matches: "cv2.medianBlur, exactly; at 16 bits OpenCV has sizes 3 and 5 only, larger ones follow the definition")

    private let size: Int

    public init(arguments: OperationArguments) { size = arguments.integer("size") }

    public func outputShape(for input: ImageShape) -> ImageShape { input }

    public func kernel(for input: ImageShape) -> OperationKernel {
        switch (size, input.format.depth) {
        case (1, _): .rows([])
        case (3, _): .rows([SmallMedianKernel(outputShape: input)])
        case (_, .eight): .rows([HistogramMedianKernel(outputShape: input, size: size)])
        case (_, .sixteen): .rows([WideMedianKernel(outputShape: input, size: size)])
        }
    }
}

/// The median of 3 x 3 by a sorting network.
private struct SmallMedianKernel: RowKernel {
    let outputShape: ImageShape

    func inputRows(for wanted: Range<Int>) -> Range<Int> { rows(wanted, widenedBy: 1, in: outputShape) }

    func apply(_ input: Band, to output: MutableBand) {
        switch outputShape.format.depth {
        case .eight: select(input, output, UInt8.self)
        case .sixteen: select(input, output, UInt16.self)
        }
    }

    private func select<Sample: FixedWidthInteger & UnsignedInteger>(
        _ input: Band, _ output: MutableBand, _: Sample.Type
    ) {
        let channels = outputShape.format.channelCount
        var ring = RowRing<Sample>(input, radius: 1, border: .replicate, first: output.rows.lowerBound)
        let stride = ring.stride
        // The columns of three, sorted: their smallest, middle and largest levels.
        let sorted = UnsafeMutablePointer<Sample>.allocate(capacity: 3 * stride)
        defer {
            ring.deallocate()
            sorted.deallocate()
        }
        let (lows, middles, highs) = (sorted, sorted + stride, sorted + 2 * stride)
        for y in output.rows {
            ring.move(to: y)
            let (above, centre, below) = (ring.padded(-1), ring.padded(0), ring.padded(1))
            for i in 0..<stride {
                let (low, high) = (smaller(above[i], centre[i]), larger(above[i], centre[i]))
                let rest = larger(low, below[i])
                lows[i] = smaller(low, below[i])
                middles[i] = smaller(high, rest)
                highs[i] = larger(high, rest)
            }
            let target: UnsafeMutablePointer<Sample> = output.row(y)
            for i in 0..<outputShape.samplesPerRow {
                // The median of nine is that of the largest low, the middle middle and the smallest high.
                let (j, k) = (i + channels, i + 2 * channels)
                let low = larger(larger(lows[i], lows[j]), lows[k])
                let high = smaller(smaller(highs[i], highs[j]), highs[k])
                let middle = median(middles[i], middles[j], middles[k])
                target[i] = median(low, middle, high)
            }
            if outputShape.format.layout.hasAlpha {
                copyAlpha(from: ring.row(0), to: target, width: outputShape.width, channels: channels)
            }
        }
    }

    @inline(__always)
    private func smaller<Sample: Comparable>(_ left: Sample, _ right: Sample) -> Sample { left < right ? left : right }
    @inline(__always)
    private func larger<Sample: Comparable>(_ left: Sample, _ right: Sample) -> Sample { left > right ? left : right }
    @inline(__always)
    private func median<Sample: Comparable>(_ a: Sample, _ b: Sample, _ c: Sample) -> Sample {
        larger(smaller(a, b), smaller(larger(a, b), c))
    }
}
