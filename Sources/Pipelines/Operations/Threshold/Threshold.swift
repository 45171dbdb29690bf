/// Compares every level with a fixed one.
public struct Threshold: Operation {
    public static let description = OperationDescription(
        "threshold", family: .threshold,
        keywords: "binarize binarization binary black-and-white b-w cutoff thresh segmentation bilevel",
        examples: ["threshold value=100", "gaussian-blur | threshold value=120 kind=binary-inv"],
        summary: "Compares every level with a fixed one; of colours, the grayscale",
        parameters: [
            ParameterDescription(
                "value", "levels above it are high, the others low", .number(0...65535), default: .number(128),
                unit: "levels", isLevel: true),
            ParameterDescription(
                "max", "the level that binary and binary-inv write", .number(0...65535), default: .number(255),
                unit: "levels", isLevel: true),
            ParameterDescription(
                "kind",
                "binary: high becomes max, low 0; binary-inv: the reverse; trunc: high becomes value; "
                    + "tozero: low becomes 0; tozero-inv: high becomes 0",
                .choice(Kind.allCases.map(\.rawValue)), default: .word(Kind.binary.rawValue)),
            ColorTreatment.parameter,
        ],
        result: ColorTreatment.result,
        matches:
            "cv2.threshold of the grayscale image, or with channels=each of the image, exactly: value is rounded down, "
            + "max to the nearest level")

    package enum Kind: String, CaseIterable, Sendable {
        case binary
        case binaryInverted = "binary-inv"
        case truncate = "trunc"
        case toZero = "tozero"
        case toZeroInverted = "tozero-inv"
    }

    private let value: Level
    private let maximum: Level
    private let kind: Kind
    private let channels: ColorTreatment

    public init(arguments: OperationArguments) {
        value = arguments.level("value")
        maximum = arguments.level("max")
        kind = arguments.choice("kind")
        channels = arguments.choice("channels")
    }

    public func computation(for input: ImageShape) -> OperationComputation {
        let depth = input.format.depth
        let comparison = Comparison(threshold: value.at(depth), maximum: maximum.at(depth), kind: kind)
        return channels.computations([comparison], of: input)
    }
}

/// Compares every sample value but alpha with a fixed one.
package struct Comparison: PointComputation {
    package let threshold: Double
    package let maximum: Double
    package let kind: Threshold.Kind
}
