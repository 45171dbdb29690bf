/// Changes the bits of a sample.
public struct Depth: Operation {
    public static let description = OperationDescription(
        "depth", family: .color,
        keywords:
            "bits bit-depth bits-per-sample 8-bit 16-bit convert-to convertto cast scale-16 reduce-depth to-8-bit to-16-bit",
        examples: ["depth bits=8", "depth bits=16 | gaussian-blur sigma=3"],
        summary:
            "Makes all samples 8 or 16 bits; black stays black and white stays white. Formats of 8 bits (JPEG, WebP) take 16-bit "
            + "images so",
        parameters: [
            ParameterDescription("bits", "of a sample", .choice(Bits.allCases.map(\.rawValue)), default: .word("8"))
        ],
        result: "the channels of the input, at that depth; an image that has it stays as it is",
        matches: "cv2.Mat.convertTo with a scale of 1/257 or 257, exactly")

    package enum Bits: String, CaseIterable, Sendable {
        case eight = "8"
        case sixteen = "16"
    }

    private let depth: SampleDepth

    public init(arguments: OperationArguments) {
        let bits: Bits = arguments.choice("bits")
        depth = bits == .eight ? .eight : .sixteen
    }

    public func computation(for input: ImageShape) -> OperationComputation {
        .rows(input.format.depth == depth ? [] : [DepthChange(depth: depth)])
    }
}

/// Samples of the other depth: divided by 257 and rounded, or multiplied by it.
package struct DepthChange: PointComputation {
    package let depth: SampleDepth

    package func outputShape(for input: ImageShape) -> ImageShape {
        ImageShape(width: input.width, height: input.height, format: PixelFormat(input.format.layout, depth))
    }
}
