/// Blurs with a Gaussian.
public struct GaussianBlur: Operation {
    public static let description = OperationDescription(
        "gaussian-blur", family: .smoothing,
        keywords: "blur gaussian smooth smoothing soften denoise noise-reduction low-pass lowpass defocus",
        examples: ["gaussian-blur sigma=3", "gaussian-blur sigma=1.2 | canny low=50 high=150"],
        summary: "Blurs with a Gaussian",
        parameters: [
            ParameterDescription(
                "sigma", "the standard deviation of the Gaussian", .number(0.1...200), default: .number(1.5),
                unit: "pixels"),
            ParameterDescription(
                "size", "the side of the window; auto: 6 sigma + 1 at 8 bits and 8 sigma + 1 at 16, made odd",
                .oddInteger(1...2001), mayBeAuto: true, default: .auto, unit: "pixels"),
            Padding.parameter, AlphaTreatment.parameter(separately: "alpha passes through"),
        ],
        result: "the format of the input", border: .reflect101,
        matches: "cv2.GaussianBlur, exactly, at 8 and at 16 bits")

    private let sigma: Double
    private let size: Int?
    private let border: Padding
    private let alpha: AlphaTreatment

    public init(arguments: OperationArguments) {
        sigma = arguments.number("sigma")
        size = arguments.integerUnlessAuto("size")
        border = arguments.choice("border")
        alpha = arguments.choice("alpha")
    }

    public func computation(for input: ImageShape) throws(PipelineError) -> OperationComputation {
        try alpha.applied(to: input) { input, isPremultiplied in
            let gaussian = Gaussian(
                sigma: sigma, size: size, depth: input.format.depth, includesAlpha: isPremultiplied)
            return .rows([border.applied(to: gaussian)])
        }
    }
}

/// The mean of a square window, weighted by a Gaussian.
package struct Gaussian: WindowComputation {
    package let sigma: Double
    /// The side of the window: odd.
    package let size: Int
    /// Whether alpha is blurred like a colour; otherwise it stays.
    package let includesAlpha: Bool

    package var radius: Int { size / 2 }

    /// - Parameter size: the side of the window; `nil` as `auto`.
    init(sigma: Double, size: Int? = nil, depth: SampleDepth, includesAlpha: Bool = false) {
        let reach = depth == .eight ? 6.0 : 8.0
        self.sigma = sigma
        self.includesAlpha = includesAlpha
        self.size = size ?? Int((sigma * reach + 1).rounded(.toNearestOrEven)) | 1
    }
}
