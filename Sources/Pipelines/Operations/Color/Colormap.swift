/// Shows levels as colours.
public struct Colormap: Operation {
    public static let description = OperationDescription(
        "colormap", family: .color,
        keywords: "apply-color-map false-color pseudocolor pseudo-color heatmap heat-map palette lut viridis jet clut",
        examples: ["colormap name=viridis", "sobel | colormap name=inferno"],
        summary: "Shows every level as a colour of the named map; colour images are converted to grayscale first",
        parameters: [
            ParameterDescription(
                "name", "the map", .choice(Name.allCases.map(\.rawValue)), default: .word(Name.viridis.rawValue))
        ],
        result: "RGB, or RGBA where there was alpha, at the depth of the input; alpha passes through",
        matches: "cv2.applyColorMap, exactly at 8 bits; at 16 bits, where OpenCV has none, level v takes the colour of "
            + "v / 257, rounded, times 257")

    package enum Name: String, CaseIterable, Sendable {
        case viridis, magma, inferno, plasma, jet, autumn, spring, cool
    }

    private let name: Name

    public init(arguments: OperationArguments) { name = arguments.choice("name") }

    public var metadataEffect: MetadataEffect { .replacesColors }

    public func computation(for input: ImageShape) -> OperationComputation {
        .rows((input.format.layout.isColor ? [Luma()] : []) + [ColorLookup(map: name)])
    }
}

/// Replaces every gray value by a colour of the named map.
package struct ColorLookup: PointComputation {
    package let map: Colormap.Name

    package func outputShape(for input: ImageShape) -> ImageShape { input.color }
}
