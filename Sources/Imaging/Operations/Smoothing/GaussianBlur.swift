/// Blurs with a Gaussian.
public struct GaussianBlur: Operation {
    public static let description = OperationDescription(
        "gaussian-blur", family: .smoothing, summary: "Blurs with a Gaussian",
        parameters: [
            ParameterDescription(
                "sigma", "the standard deviation of the Gaussian", .number(0.1...200), default: .number(1.5),
                unit: "pixels"),
            ParameterDescription(
                "size", "the side of the window; auto: 6 sigma + 1 at 8 bits and 8 sigma + 1 at 16, made odd",
                .oddInteger(1...2001), mayBeAuto: true, default: .auto, unit: "pixels"),
        ],
        border: .reflect101, matches: "cv2.GaussianBlur, exactly, at 8 and at 16 bits")

    private let sigma: Double
    private let size: Int?

    public init(arguments: OperationArguments) {
        sigma = arguments.number("sigma")
        size = arguments.integerUnlessAuto("size")
    }

    public func outputShape(for input: ImageShape) -> ImageShape { input }

    public func kernel(for input: ImageShape) -> OperationKernel {
        let depth = input.format.depth
        let reach = depth == .eight ? 6.0 : 8.0
        let size = size ?? Int((sigma * reach + 1).rounded(.toNearestOrEven)) | 1
        return .rows([GaussianKernel(outputShape: input, taps: Self.taps(size: size, sigma: sigma, depth: depth))])
    }

    /// The weights of a window's columns (and rows) as integers that sum to 2^8 for 8-bit samples, 2^16 for 16-bit ones.
    ///
    /// Each tap of the left half is rounded to nearest, its error carried to the next one; the right half mirrors it, and
    /// the centre is what remains. So OpenCV's `getGaussianKernelFixedPoint_ED`.
    static func taps(size: Int, sigma: Double, depth: SampleDepth) -> [UInt32] {
        let half = size / 2
        let exact = (0..<half).map { index in
            let distance = Double(half - index)
            return exponential(-distance * distance / (2 * sigma * sigma))
        }
        let scale = 1 / (2 * exact.reduce(0, +) + 1)
        let one = Double(1 << Int(depth.rawValue))
        var error = 0.0
        var left: [UInt32] = []
        for value in exact {
            let wanted = value * scale * one + error
            let rounded = wanted.rounded(.toNearestOrEven)
            error = wanted - rounded
            left.append(UInt32(rounded))
        }
        return left + [UInt32(one) - 2 * left.reduce(0, +)] + left.reversed()
    }
}

/// Weights rows, then columns, and rounds once: with integer weights nothing is lost between.
struct GaussianKernel: RowKernel {
    let outputShape: ImageShape
    /// An odd number of weights, symmetric, that sum to 2^8 or 2^16 by the depth of the samples.
    let taps: [UInt32]

    func inputRows(for wanted: Range<Int>) -> Range<Int> { rows(wanted, widenedBy: taps.count / 2, in: outputShape) }

    func apply(_ input: Band, to output: MutableBand) {
        switch outputShape.format.depth {
        case .eight: blur(input, output, UInt8.self, rowSum: UInt16.self, sum: UInt32.self)
        case .sixteen: blur(input, output, UInt16.self, rowSum: UInt32.self, sum: UInt64.self)
        }
    }

    private func blur<
        Sample: FixedWidthInteger & UnsignedInteger, RowSum: FixedWidthInteger & UnsignedInteger,
        Sum: FixedWidthInteger & UnsignedInteger
    >(_ input: Band, _ output: MutableBand, _: Sample.Type, rowSum: RowSum.Type, sum: Sum.Type) {
        let shape = outputShape
        let channels = shape.format.channelCount
        let count = shape.samplesPerRow
        let radius = taps.count / 2
        let weighted = UnsafeMutablePointer<RowSum>.allocate(capacity: count)
        let padded = UnsafeMutablePointer<RowSum>.allocate(capacity: count + 2 * radius * channels)
        let sums = UnsafeMutablePointer<Sum>.allocate(capacity: count)
        defer {
            weighted.deallocate()
            padded.deallocate()
            sums.deallocate()
        }
        // Taps that are 0 in fixed point cost nothing.
        let reach = radius - (taps.firstIndex { $0 != 0 } ?? radius)
        for y in output.rows {
            weigh(input.row(y, as: Sample.self), RowSum(taps[radius]), into: weighted, count: count)
            for distance in stride(from: 1, through: reach, by: 1) {
                addWeighted(
                    input.reflectedRow(y - distance), input.reflectedRow(y + distance),
                    RowSum(taps[radius - distance]), to: weighted, count: count, as: Sample.self)
            }
            copyPadded(
                weighted, width: shape.width, channels: channels, radius: radius, border: .reflect101, to: padded)
            let centre = UnsafePointer(padded + radius * channels)
            let target: UnsafeMutablePointer<Sample> = output.row(y)
            let bits = Sum(2 * Sample.bitWidth)
            for i in 0..<count {
                sums[i] = Sum(truncatingIfNeeded: centre[i]) &* Sum(taps[radius]) &+ 1 &<< (bits &- 1)
            }
            for distance in stride(from: 1, through: reach, by: 1) {
                let (left, right) = (centre - distance * channels, centre + distance * channels)
                let tap = RowSum(taps[radius - distance])
                for i in 0..<count {
                    sums[i] =
                        sums[i] &+ Sum(truncatingIfNeeded: left[i]) &* Sum(truncatingIfNeeded: tap)
                        &+ Sum(truncatingIfNeeded: right[i]) &* Sum(truncatingIfNeeded: tap)
                }
            }
            for i in 0..<count { target[i] = Sample(truncatingIfNeeded: sums[i] &>> bits) }
            if shape.format.layout.hasAlpha {
                copyAlpha(from: input.row(y), to: target, width: shape.width, channels: channels)
            }
        }
    }

    private func weigh<Sample: FixedWidthInteger, RowSum: FixedWidthInteger>(
        _ row: UnsafePointer<Sample>, _ tap: RowSum, into sums: UnsafeMutablePointer<RowSum>, count: Int
    ) {
        for i in 0..<count { sums[i] = RowSum(truncatingIfNeeded: row[i]) &* tap }
    }

    private func addWeighted<Sample: FixedWidthInteger, RowSum: FixedWidthInteger>(
        _ above: UnsafePointer<Sample>, _ below: UnsafePointer<Sample>, _ tap: RowSum,
        to sums: UnsafeMutablePointer<RowSum>, count: Int, as _: Sample.Type
    ) {
        for i in 0..<count {
            sums[i] = sums[i] &+ (RowSum(truncatingIfNeeded: above[i]) &+ RowSum(truncatingIfNeeded: below[i])) &* tap
        }
    }
}
