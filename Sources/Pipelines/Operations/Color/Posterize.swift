/// Leaves a few levels.
public struct Posterize: Operation {
    public static let description = OperationDescription(
        "posterize", family: .colour,
        summary: "Replaces every level by the nearest of a few evenly spaced ones, each channel by itself",
        parameters: [
            ParameterDescription(
                "levels", "how many are left, the darkest and the brightest among them", .integer(2...256),
                default: .integer(8))
        ],
        matches: "NumPy: rint(rint(v * (levels - 1) / largest) * largest / (levels - 1)), ties to even")

    private let levels: Int

    public init(arguments: OperationArguments) { levels = arguments.integer("levels") }

    public func outputShape(for input: ImageShape) -> ImageShape { input }
    public func kernel(for input: ImageShape) -> OperationKernel {
        .rows([LookupKernel(input, StepMap(last: levels - 1))])
    }

    private struct StepMap: LevelMap {
        /// The number of the brightest level, counted from 0.
        let last: Int

        func callAsFunction(_ level: Int, depth: SampleDepth) -> Int {
            let step = (Double(level * last) / Double(depth.maximum)).rounded(.toNearestOrEven)
            return saturated(step * Double(depth.maximum) / Double(last), depth)
        }
    }
}
