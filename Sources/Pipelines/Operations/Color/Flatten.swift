/// Puts the image on a ground of one colour.
public struct Flatten: Operation {
    public static let description = OperationDescription(
        "flatten", family: .color,
        keywords:
            "remove-alpha drop-alpha alpha-remove background composite transparency opaque alpha-composite matte merge-layers",
        examples: ["flatten", "flatten color=#202020 | gaussian-blur sigma=2"],
        summary:
            "Puts the image on a ground of one colour, where it is transparent, and takes its alpha channel away. Formats without "
            + "alpha (JPEG) take transparent images so",
        parameters: [
            ParameterDescription(
                "color", "the ground; of a gray image, its luma; as if it were opaque", .color,
                default: .color(PaintColor(rgba: 0xFFFF_FFFF)))
        ],
        result: "the format of the input without alpha; an image without alpha stays as it is",
        matches: "NumPy: (v a + ground (m - a) + m // 2) // m, where m is the largest level")

    private let color: PaintColor

    public init(arguments: OperationArguments) { color = arguments.color("color") }

    public func computation(for input: ImageShape) -> OperationComputation {
        .rows(input.format.layout.hasAlpha ? [Grounding(color: color)] : [])
    }
}

/// Each pixel over a ground of one colour, by its alpha, which goes.
package struct Grounding: PointComputation {
    package let color: PaintColor

    package func outputShape(for input: ImageShape) -> ImageShape {
        input.with(input.format.layout.isColor ? .rgb : .gray)
    }
}
