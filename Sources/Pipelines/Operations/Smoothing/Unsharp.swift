/// Sharpens by an unsharp mask.
public struct Unsharp: Operation {
    public static let description = OperationDescription(
        "unsharp", family: .smoothing,
        summary: "Sharpens by adding the difference to a Gaussian blur, where it is above the threshold",
        parameters: [
            ParameterDescription(
                "sigma", "the standard deviation of the Gaussian", .number(0.1...200), default: .number(1.5),
                unit: "pixels"),
            ParameterDescription(
                "amount", "what the difference is multiplied by", .number(0...1000), default: .number(1)),
            ParameterDescription(
                "threshold", "differences up to it are left alone", .number(0...65535), default: .number(0),
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

    public func outputShape(for input: ImageShape) -> ImageShape { input }

    public func kernel(for input: ImageShape) -> OperationKernel {
        let depth = input.format.depth
        let mask = MaskPairing(amount: amount, threshold: threshold.at(depth), largest: Double(depth.maximum))
        return .rows([
            CombiningKernel(
                outputShape: input, first: [],
                second: [GaussianBlur.kernel(for: input, sigma: sigma, size: nil)], pairing: mask)
        ])
    }

    private struct MaskPairing: LevelPairing {
        let amount: Double
        let threshold: Double
        let largest: Double

        @inline(__always) func callAsFunction(_ level: Int32, _ blurred: Int32) -> Int32 {
            let difference = Double(level - blurred)
            let change = difference.magnitude > threshold ? amount * difference : 0
            return rounded(Double(level) + change, upTo: largest)
        }

        func combine(
            _ first: UnsafePointer<UInt8>, _ second: UnsafePointer<UInt8>, into target: UnsafeMutablePointer<UInt8>,
            _ count: Int
        ) {
            // Differences are integers: the threshold may be one too.
            let threshold = Int32(threshold.rounded(.down))
            let single = Float(amount)
            roundInBlocks(
                into: target, count, isExact: amount <= 256 && (amount * 64).rounded() == amount * 64,
                single: { i in
                    let (level, difference) = (Int32(first[i]), Int32(first[i]) &- Int32(second[i]))
                    let isAbove = max(difference, 0 &- difference) > threshold
                    return Float(level) + (isAbove ? single * Float(difference) : 0)
                },
                precise: { i in
                    let difference = Double(Int32(first[i]) &- Int32(second[i]))
                    return Double(first[i]) + (difference.magnitude > self.threshold ? amount * difference : 0)
                })
        }
    }
}
