/// Smooths by damping high frequencies.
public struct ButterworthLowpass: Operation {
    public static let description = OperationDescription(
        "butterworth-lowpass", family: .frequency,
        keywords: "low-pass lowpass fft fourier frequency-filter dft smooth blur butterworth",
        examples: ["butterworth-lowpass cutoff=30", "grayscale | butterworth-lowpass cutoff=60 order=4"],
        summary: "Damps high frequencies of the whole image: smooths without ringing",
        parameters: ButterworthFilter.parameters("passes"),
        matches: ButterworthFilter.definition("1 / (1 + (d / cutoff) ** (2 * order))", ""))

    private let filter: ButterworthFilter

    public init(arguments: OperationArguments) {
        filter = ButterworthFilter(kind: .lowpass, arguments)
    }

    public func computation(for input: ImageShape) throws(PipelineError) -> OperationComputation {
        try filter.check(input, Self.description.name)
        return .rows([filter])
    }
}

/// Brings out edges by damping low frequencies.
public struct ButterworthHighpass: Operation {
    public static let description = OperationDescription(
        "butterworth-highpass", family: .frequency,
        keywords: "high-pass highpass fft fourier frequency-filter dft texture detail butterworth",
        examples: ["butterworth-highpass cutoff=20", "grayscale | butterworth-highpass cutoff=40 order=1"],
        summary: "Damps low frequencies of the whole image and adds half the range: brings out edges and texture",
        parameters: ButterworthFilter.parameters("is taken away"),
        matches: ButterworthFilter.definition(
            "1 - 1 / (1 + (d / cutoff) ** (2 * order))", " + 128, at 16 bits + 32768"))

    private let filter: ButterworthFilter

    public init(arguments: OperationArguments) {
        filter = ButterworthFilter(kind: .highpass, arguments)
    }

    public func computation(for input: ImageShape) throws(PipelineError) -> OperationComputation {
        try filter.check(input, Self.description.name)
        return .rows([filter])
    }
}
