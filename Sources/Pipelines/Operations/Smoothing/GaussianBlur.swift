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
            Padding.parameter,
        ],
        border: .reflect101, matches: "cv2.GaussianBlur, exactly, at 8 and at 16 bits")

    private let sigma: Double
    private let size: Int?
    private let border: Padding

    public init(arguments: OperationArguments) {
        sigma = arguments.number("sigma")
        size = arguments.integerUnlessAuto("size")
        border = arguments.choice("border")
    }

    public func outputShape(for input: ImageShape) -> ImageShape { input }

    public func kernel(for input: ImageShape) -> OperationKernel {
        .rows([border.applied(to: input) { Self.kernel(for: $0, sigma: sigma, size: size) }])
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
