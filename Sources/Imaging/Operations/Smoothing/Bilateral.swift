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

    /// As for gray; the three differences and the weight itself are summed side by side, for a block of pixels tap by tap.
    @inline(__always)
    private func smoothColours<Sample: FixedWidthInteger & UnsignedInteger, Real: BinaryFloatingPoint>(
        _ input: Band, _ output: MutableBand, _: Sample.Type, _: Real.Type
    ) {
        let shape = outputShape
        let channels = shape.format.channelCount
        let colourWeights = (0...3 * shape.format.depth.maximum).map { Real(window.weight(ofDifference: $0)) }
        var ring = RowRing<Sample>(input, radius: window.radius, border: .reflect101, first: output.rows.lowerBound)
        let block = ColourBlock<Sample, Real>(radius: window.radius)
        defer {
            ring.deallocate()
            block.deallocate()
        }
        for y in output.rows {
            ring.move(to: y)
            let target: UnsafeMutablePointer<Sample> = output.row(y)
            for start in stride(from: 0, to: shape.width, by: ColourBlock<Sample, Real>.length) {
                let count = min(ColourBlock<Sample, Real>.length, shape.width - start)
                for dy in -window.radius...window.radius {
                    block.load(ring.padded(dy) + start * channels, channels, dy: dy, count)
                }
                block.clear()
                for tap in window.taps {
                    block.add(dx: tap.dx, dy: tap.dy, weight: Real(tap.weight), colourWeights, count)
                }
                block.store(to: target + start * channels, channels, count)
            }
            if channels == 4 { copyAlpha(from: ring.row(0), to: target, width: shape.width, channels: channels) }
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

/// Consecutive pixels of a row and the window around each, colours in planes, and the sums over the window.
///
/// Owns memory: call `deallocate()`.
private struct ColourBlock<Sample: FixedWidthInteger & UnsignedInteger, Real: BinaryFloatingPoint> {
    static var length: Int { 256 }

    private let radius: Int
    /// From one plane to the next.
    private let stride: Int
    /// Red, green, blue of the uppermost row, then of the next.
    private let planes: UnsafeMutablePointer<Sample>
    private let distances: UnsafeMutablePointer<Int32>
    /// The weighted differences in red, green, blue; the weights; and the weights of one tap.
    private let sums: UnsafeMutablePointer<Real>

    init(radius: Int) {
        self.radius = radius
        stride = Self.length + 2 * radius
        planes = .allocate(capacity: 3 * stride * (2 * radius + 1))
        distances = .allocate(capacity: Self.length)
        sums = .allocate(capacity: 5 * Self.length)
    }

    func deallocate() {
        planes.deallocate()
        distances.deallocate()
        sums.deallocate()
    }

    private func plane(_ dy: Int) -> UnsafeMutablePointer<Sample> { planes + 3 * stride * (dy + radius) }

    /// - Parameter row: `count` pixels with `radius` more before and after, from the first of these.
    @inline(__always)
    func load(_ row: UnsafePointer<Sample>, _ channels: Int, dy: Int, _ count: Int) {
        let (red, green, blue) = (plane(dy), plane(dy) + stride, plane(dy) + 2 * stride)
        @inline(__always) func separate(_ channels: Int) {
            for x in 0..<count + 2 * radius {
                (red[x], green[x], blue[x]) = (row[x * channels], row[x * channels + 1], row[x * channels + 2])
            }
        }
        if channels == 3 { separate(3) } else { separate(4) }
    }

    func clear() { sums.update(repeating: 0, count: 4 * Self.length) }

    @inline(__always)
    func add(dx: Int, dy: Int, weight: Real, _ colourWeights: [Real], _ count: Int) {
        let (own, other) = (plane(0) + radius, plane(dy) + radius + dx)
        @inline(__always) func difference(_ place: Int) -> Int32 {
            Int32(truncatingIfNeeded: other[place]) &- Int32(truncatingIfNeeded: own[place])
        }
        @inline(__always) func magnitude(_ value: Int32) -> Int32 { max(value, 0 &- value) }
        for x in 0..<count {
            distances[x] =
                magnitude(difference(x)) &+ magnitude(difference(stride + x)) &+ magnitude(difference(2 * stride + x))
        }
        let (red, green, blue) = (sums, sums + Self.length, sums + 2 * Self.length)
        let (total, weights) = (sums + 3 * Self.length, sums + 4 * Self.length)
        // By itself: a lookup is no matter of vectors.
        for x in 0..<count { weights[x] = colourWeights[Int(distances[x])] }
        for x in 0..<count {
            let product = weight * weights[x]
            red[x] += Real(difference(x)) * product
            green[x] += Real(difference(stride + x)) * product
            blue[x] += Real(difference(2 * stride + x)) * product
            total[x] += product
        }
    }

    /// Writes the means of the block's pixels.
    @inline(__always)
    func store(to target: UnsafeMutablePointer<Sample>, _ channels: Int, _ count: Int) {
        let own = plane(0) + radius
        let largest = Double(Int32(truncatingIfNeeded: Sample.max))
        for channel in 0..<3 {
            let (levels, differences) = (own + channel * stride, sums + channel * Self.length)
            let total = sums + 3 * Self.length
            for x in 0..<count {
                let mean = Double(Int32(truncatingIfNeeded: levels[x])) + Double(differences[x] / total[x])
                target[x * channels + channel] = Sample(truncatingIfNeeded: rounded(mean, upTo: largest))
            }
        }
    }
}
