/// Edges one pixel wide, by Canny's method.
public struct Canny: Operation {
    public static let description = OperationDescription(
        "canny", family: .edges,
        keywords: "edge-detection edges edge-detector edge outline contour-detection find-edges sketch line-drawing",
        examples: ["canny low=50 high=150", "gaussian-blur sigma=1.5 | canny low=30 high=90 | invert"],
        summary: "Edges one pixel wide: ridges of the gradient above low that are connected to one above high",
        parameters: [
            ParameterDescription(
                "low", "gradients (|dx| + |dy|) up to this are not edges", .number(0...50_000_000),
                default: .number(100), unit: "levels", isLevel: true),
            ParameterDescription(
                "high", "gradients above this are always edges", .number(0...50_000_000), default: .number(200),
                unit: "levels", isLevel: true),
            ParameterDescription(
                "size", "the side of Sobel's window", .oddInteger(3...7), default: .integer(3), unit: "pixels"),
        ],
        result:
            "gray at 8 bits, whatever the input: 255 on an edge, else 0; of colours, at each pixel the channel with "
            + "the strongest gradient; alpha is dropped",
        border: .replicate,
        matches:
            "cv2.Canny of the image in OpenCV's channel order (BGR), exactly at 8 bits; the same definition at 16, "
            + "where OpenCV has none")

    private let low: Level
    private let high: Level
    private let size: Int

    public init(arguments: OperationArguments) {
        low = arguments.level("low")
        high = arguments.level("high")
        size = arguments.integer("size")
    }

    public func computation(for input: ImageShape) -> OperationComputation {
        // As OpenCV: the wrong way round is put right, and the widest window's derivatives count a sixteenth.
        let limits = [low, high].map { $0.at(input.format.depth) / (size == 7 ? 16 : 1) }.map { Int($0.rounded(.down)) }
        let ridges = Ridges(size: size, low: min(limits[0], limits[1]), high: max(limits[0], limits[1]))
        return .wholeImage(Hysteresis(ridges: ridges))
    }
}

/// Canny's gradient and non-maximum suppression: a map of the ridges that may become edges.
package struct Ridges: WindowComputation {
    package let size: Int
    package let low: Int
    package let high: Int

    /// Sobel's window, and a pixel around it.
    package var radius: Int { size / 2 + 1 }

    package func outputShape(for input: ImageShape) -> ImageShape {
        ImageShape(width: input.width, height: input.height, format: PixelFormat(.gray, .eight))
    }
}

/// Keeps the ridges that are connected to a strong pixel.
package struct Hysteresis: WholeImageComputation {
    let ridges: Ridges

    package func prelude(for input: ImageShape) -> [any RowComputation] { [ridges] }
    package func outputShape(for input: ImageShape) -> ImageShape { ridges.outputShape(for: input) }
    package var appliesRowByRow: Bool { false }
}
