/// Sharpens by an unsharp mask.
public struct Unsharp: Operation {
    public static let description = OperationDescription(
        "unsharp", family: .smoothing,
        keywords: "sharpen unsharp-mask usm sharpening sharpness sharper clarity enhance-details deblur",
        examples: ["unsharp amount=1.5", "resize width=300 | unsharp sigma=0.8 amount=0.6"],
        summary: "Sharpens by adding the difference to a Gaussian blur, where it is above the threshold",
        parameters: [
            ParameterDescription(
                "sigma", "the standard deviation of the Gaussian", .number(0.1...200), default: .number(1.5),
                unit: "pixels"),
            ParameterDescription(
                "amount", "factor for the difference", .number(0...1000), default: .number(1)),
            ParameterDescription(
                "threshold", "differences up to this are ignored", .number(0...65535), default: .number(0),
                unit: "levels", isLevel: true),
        ],
        border: .reflect101,
        matches: "NumPy: v + amount * (v - b) where |v - b| > threshold, in double precision, ties to even, b being "
            + "cv2.GaussianBlur; without threshold that is cv2.addWeighted(v, 1 + amount, b, -amount, 0)")

    private let sigma: Double
    private let amount: Double
    private let threshold: Level

    public init(arguments: OperationArguments) {
        sigma = arguments.number("sigma")
        amount = arguments.number("amount")
        threshold = arguments.level("threshold")
    }

    public func computation(for input: ImageShape) -> OperationComputation {
        let depth = input.format.depth
        let mask = UnsharpMask(amount: amount, threshold: threshold.at(depth), largest: Double(depth.maximum))
        return .rows([Combination(first: [], second: [Gaussian(sigma: sigma, depth: depth)], pairing: mask)])
    }
}

/// A sample value plus `amount` times its difference to the blurred one, where that is above `threshold`.
package struct UnsharpMask: Pairing {
    package let amount: Double
    package let threshold: Double
    package let largest: Double
}
