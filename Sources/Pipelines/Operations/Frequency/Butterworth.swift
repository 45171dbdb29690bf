/// How much of each frequency a Butterworth filter lets pass.
struct ButterworthFilter: Sendable {
    enum Kind: Sendable {
        case lowpass, highpass
    }

    let kind: Kind
    let cutoff: Double
    let order: Int

    /// The square of the frequency that `index` of `count` columns or rows stands for, in cutoffs.
    func square(_ index: Int, of count: Int, in shape: ImageShape) -> Double {
        let frequency = Double(index) * Double(max(shape.width, shape.height)) / (Double(count) * cutoff)
        return frequency * frequency
    }

    /// The gains at columns and a row whose frequencies have these squares.
    @inline(__always)
    func gain<Lanes: FourierLanes>(_ columns: Lanes, _ row: Lanes.Scalar) -> Lanes {
        let one = Lanes(repeating: 1)
        let square = Lanes.sum(columns, Lanes(repeating: row))
        var ratio = one
        for _ in 0..<order { ratio = Lanes.product(ratio, square) }
        let low = Lanes.quotient(1, Lanes.sum(one, ratio))
        switch kind {
        case .lowpass: return low
        // As often negative as positive; half the range, from which samples are measured, is added.
        case .highpass: return Lanes.difference(one, low)
        }
    }

    /// More memory than this is not asked for.
    static let maximumByteCount = 8 << 30

    /// - Throws: when the spectrum of an image of this shape takes too much memory.
    static func check(_ shape: ImageShape, _ name: String) throws(PipelineError) {
        let byteCount = SpectrumKernel.byteCount(shape)
        guard let byteCount, byteCount <= maximumByteCount else {
            let need = byteCount.map { "\($0 >> 20) MiB of" } ?? "more than 2^63 bytes of"
            throw PipelineError(
                .unsuitableImage,
                "`\(name)`: the spectrum of an image of \(shape.width) x \(shape.height) needs \(need) memory; at most "
                    + "\(maximumByteCount >> 20) MiB are allowed; use `resize` before, or another smoothing")
        }
    }

    static func parameters(_ effect: String) -> [ParameterDescription] {
        [
            ParameterDescription(
                "cutoff", "the frequency at which half \(effect)", .number(0.1...1_000_000), default: .number(50),
                unit: "cycles along the longer side"),
            ParameterDescription("order", "how steep the filter is", .integer(1...20), default: .integer(2)),
        ]
    }

    /// How the result follows from NumPy.
    static func definition(_ gain: String, _ result: String) -> String {
        "NumPy: d = max(h, w) * np.hypot(np.fft.fftfreq(h)[:, None], np.fft.rfftfreq(w)), g = \(gain), "
            + "np.fft.irfft2(np.fft.rfft2(v) * g, s=(h, w))\(result), ties to even; within 1 level where a result is as good as "
            + "a tie. The image counts as periodic: it is not padded"
    }
}

/// Smooths by damping high frequencies.
public struct ButterworthLowpass: Operation {
    public static let description = OperationDescription(
        "butterworth-lowpass", family: .frequency,
        summary: "Damps high frequencies of the whole image: smooths without ringing",
        parameters: ButterworthFilter.parameters("passes"),
        matches: ButterworthFilter.definition("1 / (1 + (d / cutoff) ** (2 * order))", ""))

    private let filter: ButterworthFilter

    public init(arguments: OperationArguments) {
        filter = ButterworthFilter(
            kind: .lowpass, cutoff: arguments.number("cutoff"), order: arguments.integer("order"))
    }

    public func outputShape(for input: ImageShape) throws(PipelineError) -> ImageShape {
        try ButterworthFilter.check(input, Self.description.name)
        return input
    }

    public func kernel(for input: ImageShape) -> OperationKernel {
        .rows([SpectrumKernel(outputShape: input, filter: filter)])
    }
}

/// Brings out edges by damping low frequencies.
public struct ButterworthHighpass: Operation {
    public static let description = OperationDescription(
        "butterworth-highpass", family: .frequency,
        summary: "Damps low frequencies of the whole image and adds half the range: brings out edges and texture",
        parameters: ButterworthFilter.parameters("is taken away"),
        matches: ButterworthFilter.definition(
            "1 - 1 / (1 + (d / cutoff) ** (2 * order))", " + 128, at 16 bits + 32768"))

    private let filter: ButterworthFilter

    public init(arguments: OperationArguments) {
        filter = ButterworthFilter(
            kind: .highpass, cutoff: arguments.number("cutoff"), order: arguments.integer("order"))
    }

    public func outputShape(for input: ImageShape) throws(PipelineError) -> ImageShape {
        try ButterworthFilter.check(input, Self.description.name)
        return input
    }

    public func kernel(for input: ImageShape) -> OperationKernel {
        .rows([SpectrumKernel(outputShape: input, filter: filter)])
    }
}
