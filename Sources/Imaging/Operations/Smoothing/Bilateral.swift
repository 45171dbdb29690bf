/// Smooths but keeps edges: a mean weighted by distance in space and in colour.
public struct Bilateral: Operation {
    public static let description = OperationDescription(
        "bilateral", family: .smoothing,
        summary: "Smooths but keeps edges: the mean of a round window, in which similar and near pixels count most",
        parameters: [
            ParameterDescription(
                "diameter", "the diameter of the window", .oddInteger(3...51), default: .integer(5), unit: "pixels"),
            ParameterDescription(
                "sigma-color", "the standard deviation of the Gaussian of the difference in colour",
                .number(0.1...1_000_000), default: .number(50), unit: "levels", isLevel: true),
            ParameterDescription(
                "sigma-space", "the standard deviation of the Gaussian of the distance", .number(0.1...1_000_000),
                default: .number(50), unit: "pixels"),
        ],
        border: .reflect101,
        matches:
            "cv2.bilateralFilter at 8 bits, but for at most 1 level on at most 0.1 % of the samples, where single precision "
            + "decides a near tie; for gray and diameters up to 5 with cv2.setUseOptimized(False), since Intel's IPP, which "
            + "OpenCV then uses, rounds down. The same definition in double precision at 16 bits, where OpenCV has none. The "
            + "difference of two colours is |dr| + |dg| + |db|; alpha passes through and does not weigh")

    private let diameter: Int
    private let sigmaColour: Level
    private let sigmaSpace: Double

    public init(arguments: OperationArguments) {
        diameter = arguments.integer("diameter")
        sigmaColour = arguments.level("sigma-color")
        sigmaSpace = arguments.number("sigma-space")
    }

    public func outputShape(for input: ImageShape) -> ImageShape { input }

    public func kernel(for input: ImageShape) -> OperationKernel {
        let window = BilateralWindow(
            radius: diameter / 2, sigmaColour: sigmaColour.at(input.format.depth), sigmaSpace: sigmaSpace)
        return .rows([BilateralKernel(outputShape: input, window: window)])
    }
}

/// What a neighbour weighs: `exp(-distance^2 / (2 sigma^2))`, once for the place and once for the colour.
struct BilateralWindow: Sendable {
    /// A pixel of the window, seen from its centre.
    struct Tap: Sendable {
        let dx: Int
        let dy: Int
        let weight: Double
    }

    let radius: Int
    /// The pixels at most `radius` from the centre, row by row.
    let taps: [Tap]
    private let colourFactor: Double

    init(radius: Int, sigmaColour: Double, sigmaSpace: Double) {
        self.radius = radius
        colourFactor = -0.5 / (sigmaColour * sigmaColour)
        let spaceFactor = -0.5 / (sigmaSpace * sigmaSpace)
        taps = (-radius...radius).flatMap { dy in
            (-radius...radius).compactMap { dx in
                let square = dx * dx + dy * dy
                guard square <= radius * radius else { return nil }
                return Tap(dx: dx, dy: dy, weight: exponential(Double(square) * spaceFactor))
            }
        }
    }

    /// The weight of colours that differ by `difference` levels.
    func weight(ofDifference difference: Int) -> Double {
        exponential(Double(difference * difference) * colourFactor)
    }
}

/// Applies a bilateral window; 8-bit samples are summed in single precision, as OpenCV does, 16-bit ones in double.
private struct BilateralKernel: RowKernel {
    let outputShape: ImageShape
    let window: BilateralWindow

    func inputRows(for wanted: Range<Int>) -> Range<Int> { rows(wanted, widenedBy: window.radius, in: outputShape) }

    func apply(_ input: Band, to output: MutableBand) {
        let isColour = outputShape.format.layout.isColour
        switch outputShape.format.depth {
        case .eight:
            isColour
                ? smoothColours(input, output, UInt8.self, Float.self)
                : smoothGray(input, output, UInt8.self, Float.self)
        case .sixteen:
            isColour
                ? smoothColours(input, output, UInt16.self, Double.self)
                : smoothGray(input, output, UInt16.self, Double.self)
        }
    }

    /// The mean is the centre's level plus the weighted mean of the differences to it. A neighbour's weight and its share
    /// of the difference are looked up as a pair, by the signed difference.
    @inline(__always)
    private func smoothGray<Sample: FixedWidthInteger & UnsignedInteger, Real: SIMDScalar & BinaryFloatingPoint>(
        _ input: Band, _ output: MutableBand, _: Sample.Type, _: Real.Type
    ) {
        let shape = outputShape
        let channels = shape.format.channelCount
        let largest = shape.format.depth.maximum
        let pairs = (-largest...largest).map { difference in
            let weight = Real(window.weight(ofDifference: difference))
            return SIMD2<Real>(weight, weight * Real(difference))
        }
        let weights = window.taps.map { SIMD2<Real>(repeating: Real($0.weight)) }
        forEachRow(input, output) { (taps: UnsafeBufferPointer<UnsafePointer<Sample>>, centre, y) in
            let target: UnsafeMutablePointer<Sample> = output.row(y)
            pairs.withUnsafeBufferPointer { pairs in
                weights.withUnsafeBufferPointer { weights in
                    for x in 0..<shape.width {
                        let level = Int(centre[x * channels])
                        var sum = SIMD2<Real>.zero
                        for index in 0..<taps.count {
                            sum += weights[index] * pairs[Int(taps[index][x * channels]) - level + largest]
                        }
                        let mean = Double(level) + Double(sum[1] / sum[0])
                        target[x * channels] = Sample(truncatingIfNeeded: rounded(mean, upTo: Double(largest)))
                    }
                }
            }
            if channels == 2 { copyAlpha(from: centre, to: target, width: shape.width, channels: channels) }
        }
    }

    /// As for gray; the three differences and the weight itself are summed side by side.
    @inline(__always)
    private func smoothColours<Sample: FixedWidthInteger & UnsignedInteger, Real: SIMDScalar & BinaryFloatingPoint>(
        _ input: Band, _ output: MutableBand, _: Sample.Type, _: Real.Type
    ) {
        let shape = outputShape
        let channels = shape.format.channelCount
        let largest = shape.format.depth.maximum
        let colourWeights = (0...3 * largest).map { Real(window.weight(ofDifference: $0)) }
        let weights = window.taps.map { Real($0.weight) }
        forEachRow(input, output) { (taps: UnsafeBufferPointer<UnsafePointer<Sample>>, centre, y) in
            let target: UnsafeMutablePointer<Sample> = output.row(y)
            colourWeights.withUnsafeBufferPointer { colourWeights in
                weights.withUnsafeBufferPointer { weights in
                    for x in 0..<shape.width {
                        let pixel = centre + x * channels
                        let (red, green, blue) = (Int32(pixel[0]), Int32(pixel[1]), Int32(pixel[2]))
                        var sum = SIMD4<Real>.zero
                        for index in 0..<taps.count {
                            let other = taps[index] + x * channels
                            let difference = SIMD4<Int32>(
                                Int32(other[0]) &- red, Int32(other[1]) &- green, Int32(other[2]) &- blue, 1)
                            let distance = abs(difference[0]) &+ abs(difference[1]) &+ abs(difference[2])
                            sum += SIMD4<Real>(difference) * (weights[index] * colourWeights[Int(distance)])
                        }
                        for channel in 0..<3 {
                            let mean = Double(pixel[channel]) + Double(sum[channel] / sum[3])
                            target[x * channels + channel] = Sample(
                                truncatingIfNeeded: rounded(mean, upTo: Double(largest)))
                        }
                    }
                }
            }
            if channels == 4 { copyAlpha(from: centre, to: target, width: shape.width, channels: channels) }
        }
    }

    /// Calls `body` for each output row with a pointer for each tap, at pixel 0, and one to the row itself.
    @inline(__always)
    private func forEachRow<Sample: FixedWidthInteger & UnsignedInteger>(
        _ input: Band, _ output: MutableBand,
        _ body: (_ taps: UnsafeBufferPointer<UnsafePointer<Sample>>, _ centre: UnsafePointer<Sample>, _ y: Int) -> Void
    ) {
        var ring = RowRing<Sample>(
            input, radius: window.radius, border: .reflect101, first: output.rows.lowerBound)
        defer { ring.deallocate() }
        for y in output.rows {
            ring.move(to: y)
            let taps = window.taps.map { ring.row($0.dy) + $0.dx * outputShape.format.channelCount }
            taps.withUnsafeBufferPointer { body($0, ring.row(0), y) }
        }
    }
}
