/// Compares every level with the mean around it.
public struct AdaptiveThreshold: Operation {
    public static let description = OperationDescription(
        "adaptive-threshold", family: .threshold,
        keywords:
            "local-threshold threshold-local binarize binarization document scan text-scan adaptive threshold niblack sauvola segmentation",
        examples: [
            "adaptive-threshold size=31 c=10", "median size=3 | adaptive-threshold method=gaussian size=25 c=8",
        ],
        summary: "Compares every level with the mean of its window minus a constant; of colours, the grayscale",
        parameters: [
            ParameterDescription(
                "method", "mean: all pixels of the window count alike; gaussian: by a Gaussian as wide as the window",
                .choice(Method.allCases.map(\.rawValue)), default: .word(Method.mean.rawValue)),
            ParameterDescription(
                "size", "the side of the window", .oddInteger(3...255), default: .integer(11), unit: "pixels"),
            ParameterDescription(
                "c", "subtracted from the mean; rounded up", .number(-65535...65535), default: .number(2),
                unit: "levels", isLevel: true),
            ColorTreatment.parameter,
        ],
        result: ColorTreatment.result + ": the largest level where it is above, else 0; alpha passes through",
        border: .replicate,
        matches:
            "cv2.adaptiveThreshold with THRESH_BINARY of the grayscale image, or with channels=each of each channel; the "
            + "same definition in double precision at 16 bits, where "
            + "OpenCV has none")

    package enum Method: String, CaseIterable, Sendable {
        case mean, gaussian
    }

    private let method: Method
    private let size: Int
    private let offset: Level
    private let channels: ColorTreatment

    public init(arguments: OperationArguments) {
        method = arguments.choice("method")
        size = arguments.integer("size")
        offset = arguments.level("c")
        channels = arguments.choice("channels")
    }

    public func computation(for input: ImageShape) -> OperationComputation {
        let mean: any RowComputation =
            switch method {
            case .mean: BoxMean(size: size, border: .replicate)
            case .gaussian: GaussianMean(size: size)
            }
        let depth = input.format.depth
        let comparison = AboveMean(offset: Int32(offset.at(depth).rounded(.up)), maximum: Int32(depth.maximum))
        return channels.computations([Combination(first: [], second: [mean], pairing: comparison)], of: input)
    }
}

/// The mean of a square window weighted by a Gaussian as wide as the window.
package struct GaussianMean: WindowComputation {
    package let size: Int

    package var radius: Int { size / 2 }
}

/// `maximum` where the sample value is above the mean less `offset`, else 0.
package struct AboveMean: Pairing {
    package let offset: Int32
    package let maximum: Int32
}
