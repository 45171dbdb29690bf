/// Leaves a few levels.
public struct Posterize: Operation {
    public static let description = OperationDescription(
        "posterize", family: .color,
        keywords: "quantize reduce-colors color-reduction fewer-colors poster",
        examples: ["posterize levels=4", "median size=7 | posterize levels=6"],
        summary: "Replaces every level by the nearest of a few evenly spaced ones, per channel",
        parameters: [
            ParameterDescription(
                "levels", "the number of levels, including the darkest and the brightest", .integer(2...256),
                default: .integer(8))
        ],
        matches: "NumPy: rint(rint(v * (levels - 1) / largest) * largest / (levels - 1)), ties to even")

    private let levels: Int

    public init(arguments: OperationArguments) { levels = arguments.integer("levels") }

    public func computation(for input: ImageShape) -> OperationComputation { .rows([StepMap(last: levels - 1)]) }
}

/// Replaces every sample value by the nearest of evenly spaced ones, `last` + 1 in all.
package struct StepMap: PointComputation {
    package let last: Int
}
