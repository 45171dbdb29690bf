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
        .rows([Self.kernel(for: input, sigma: sigma, size: size)])
    }

    /// - Parameter size: the side of the window; `nil` as `auto`.
    static func kernel(for input: ImageShape, sigma: Double, size: Int?) -> GaussianKernel {
        let depth = input.format.depth
        let reach = depth == .eight ? 6.0 : 8.0
        let size = size ?? Int((sigma * reach + 1).rounded(.toNearestOrEven)) | 1
        return GaussianKernel(outputShape: input, taps: taps(size: size, sigma: sigma, depth: depth))
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
            let centreTap = RowSum(taps[radius])
            let row: UnsafePointer<Sample> = input.row(y)
            for i in 0..<count { weighted[i] = RowSum(truncatingIfNeeded: row[i]) &* centreTap }
            for distance in stride(from: 1, through: reach, by: 2) {
                let further = min(distance + 1, reach)
                addRows(
                    near: (input.reflectedRow(y - distance, as: Sample.self), input.reflectedRow(y + distance)),
                    RowSum(taps[radius - distance]),
                    far: (input.reflectedRow(y - further), input.reflectedRow(y + further)),
                    further > distance ? RowSum(taps[radius - further]) : 0, to: weighted, count)
            }
            copyPadded(
                weighted, width: shape.width, channels: channels, radius: radius, border: .reflect101, to: padded)
            let centre = UnsafePointer(padded + radius * channels)
            let bits = Sum(2 * Sample.bitWidth)
            for i in 0..<count {
                sums[i] = Sum(truncatingIfNeeded: centre[i]) &* Sum(truncatingIfNeeded: centreTap) &+ 1 &<< (bits &- 1)
            }
            for distance in stride(from: 1, through: reach, by: 2) {
                let further = min(distance + 1, reach)
                addColumns(
                    centre, distance * channels, RowSum(taps[radius - distance]), further * channels,
                    further > distance ? RowSum(taps[radius - further]) : 0, to: sums, count)
            }
            let target: UnsafeMutablePointer<Sample> = output.row(y)
            for i in 0..<count { target[i] = Sample(truncatingIfNeeded: sums[i] &>> bits) }
            if shape.format.layout.hasAlpha {
                copyAlpha(from: input.row(y), to: target, width: shape.width, channels: channels)
            }
        }
    }

    /// Adds two pairs of rows, each pair with one weight.
    private func addRows<Sample: FixedWidthInteger, RowSum: FixedWidthInteger>(
        near: (UnsafePointer<Sample>, UnsafePointer<Sample>), _ nearTap: RowSum,
        far: (UnsafePointer<Sample>, UnsafePointer<Sample>), _ farTap: RowSum,
        to sums: UnsafeMutablePointer<RowSum>, _ count: Int
    ) {
        let (above, below) = near
        let (farAbove, farBelow) = far
        for i in 0..<count {
            let nearSum = RowSum(truncatingIfNeeded: above[i]) &+ RowSum(truncatingIfNeeded: below[i])
            let farSum = RowSum(truncatingIfNeeded: farAbove[i]) &+ RowSum(truncatingIfNeeded: farBelow[i])
            sums[i] = sums[i] &+ nearSum &* nearTap &+ farSum &* farTap
        }
    }

    /// Adds two pairs of columns, `near` and `far` samples to both sides, each pair with one weight.
    private func addColumns<RowSum: FixedWidthInteger, Sum: FixedWidthInteger>(
        _ row: UnsafePointer<RowSum>, _ near: Int, _ nearTap: RowSum, _ far: Int, _ farTap: RowSum,
        to sums: UnsafeMutablePointer<Sum>, _ count: Int
    ) {
        let (left, right, farLeft, farRight) = (row - near, row + near, row - far, row + far)
        for i in 0..<count {
            let nearSum =
                Sum(truncatingIfNeeded: left[i]) &* Sum(truncatingIfNeeded: nearTap)
                &+ Sum(truncatingIfNeeded: right[i]) &* Sum(truncatingIfNeeded: nearTap)
            let farSum =
                Sum(truncatingIfNeeded: farLeft[i]) &* Sum(truncatingIfNeeded: farTap)
                &+ Sum(truncatingIfNeeded: farRight[i]) &* Sum(truncatingIfNeeded: farTap)
            sums[i] = sums[i] &+ nearSum &+ farSum
        }
    }
}
