/// Weights the pixels of a window by given numbers.
public struct Convolve: Operation {
    public static let description = OperationDescription(
        "convolve", family: .smoothing,
        summary: "Adds up the window's pixels, each times its number in the kernel, and scales the sum",
        parameters: [
            ParameterDescription(
                "kernel",
                "the numbers, from the top left; they are not mirrored, and the middle one is the pixel's own",
                .matrix(maximumSide: 31, -1_000_000...1_000_000), default: .matrix(.identity)),
            ParameterDescription(
                "scale", "what the sum is multiplied by", .number(-1_000_000...1_000_000), default: .number(1)),
            ParameterDescription(
                "offset", "what is added after that", .number(-65535...65535), default: .number(0), unit: "levels",
                isLevel: true),
        ],
        border: .reflect101,
        matches: "cv2.filter2D to double precision, times scale, plus offset, ties to even; exactly where the sums are "
            + "(integer kernels, or few fractional bits), else at most 1 level off near ties")

    private let matrix: Matrix
    private let scale: Double
    private let offset: Level

    public init(arguments: OperationArguments) {
        matrix = arguments.matrix("kernel")
        scale = arguments.number("scale")
        offset = arguments.level("offset")
    }

    public func outputShape(for input: ImageShape) -> ImageShape { input }

    public func kernel(for input: ImageShape) -> OperationKernel {
        .rows([
            ConvolutionKernel(
                outputShape: input, matrix: matrix, scale: scale, offset: offset.at(input.format.depth))
        ])
    }
}

/// Adds up in 32-bit integers where the weights allow it, else in double precision, row of weights by row of weights.
private struct ConvolutionKernel: RowKernel {
    let outputShape: ImageShape
    let matrix: Matrix
    let scale: Double
    let offset: Double

    /// The window is square in memory: its larger reach counts for both directions.
    private var radius: Int { max(matrix.rowCount, matrix.columnCount) / 2 }

    func inputRows(for wanted: Range<Int>) -> Range<Int> { rows(wanted, widenedBy: radius, in: outputShape) }

    func apply(_ input: Band, to output: MutableBand) {
        let weights = matrix.rows.joined()
        let reach = weights.reduce(0) { $0 + $1.magnitude } * Double(outputShape.format.depth.maximum)
        let fits = reach < Double(Int32.max) && weights.allSatisfy { $0 == $0.rounded(.towardZero) }
        switch (outputShape.format.depth, fits) {
        case (.eight, true): convolve(input, output, UInt8.self, IntegerSum.self)
        case (.eight, false): convolve(input, output, UInt8.self, DoubleSum.self)
        case (.sixteen, true): convolve(input, output, UInt16.self, IntegerSum.self)
        case (.sixteen, false): convolve(input, output, UInt16.self, DoubleSum.self)
        }
    }

    private func convolve<Sample: FixedWidthInteger & UnsignedInteger, Sum: WeightedSum>(
        _ input: Band, _ output: MutableBand, _: Sample.Type, _: Sum.Type
    ) {
        let (channels, count) = (outputShape.format.channelCount, outputShape.samplesPerRow)
        let largest = Double(outputShape.format.depth.maximum)
        let (down, across) = (matrix.rowCount / 2, matrix.columnCount / 2)
        var ring = RowRing<Sample>(input, radius: radius, border: .reflect101, first: output.rows.lowerBound)
        let sums = UnsafeMutablePointer<Sum>.allocate(capacity: count)
        defer {
            ring.deallocate()
            sums.deallocate()
        }
        for y in output.rows {
            ring.move(to: y)
            sums.update(repeating: Sum(weight: 0), count: count)
            for (row, line) in matrix.rows.enumerated() {
                for (column, weight) in line.enumerated() where weight != 0 {
                    let source = ring.row(row - down) + (column - across) * channels
                    let factor = Sum(weight: weight)
                    for i in 0..<count { sums[i].add(Int32(truncatingIfNeeded: source[i]), times: factor) }
                }
            }
            let target: UnsafeMutablePointer<Sample> = output.row(y)
            for i in 0..<count {
                target[i] = Sample(truncatingIfNeeded: rounded(sums[i].double * scale + offset, upTo: largest))
            }
            if outputShape.format.layout.hasAlpha {
                copyAlpha(from: input.row(y), to: target, width: outputShape.width, channels: channels)
            }
        }
    }
}

/// A number that weighted samples are added up in.
private protocol WeightedSum {
    init(weight: Double)
    mutating func add(_ sample: Int32, times weight: Self)
    var double: Double { get }
}

private struct IntegerSum: WeightedSum {
    var value: Int32

    init(weight: Double) { value = Int32(weight) }
    @inline(__always) mutating func add(_ sample: Int32, times weight: Self) { value &+= sample &* weight.value }
    @inline(__always) var double: Double { Double(value) }
}

private struct DoubleSum: WeightedSum {
    var value: Double

    init(weight: Double) { value = weight }
    @inline(__always) mutating func add(_ sample: Int32, times weight: Self) { value += Double(sample) * weight.value }
    @inline(__always) var double: Double { value }
}
