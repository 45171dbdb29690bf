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

    public func computation(for input: ImageShape) throws(PipelineError) -> OperationComputation {
        try filter.check(input, Self.description.name)
        return .rows([filter])
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

    public func computation(for input: ImageShape) throws(PipelineError) -> OperationComputation {
        try filter.check(input, Self.description.name)
        return .rows([filter])
    }
}
