/// Stretches the levels between a black and a white point.
public struct Levels: Operation {
    public static let description = OperationDescription(
        "levels", family: .colour,
        summary: "Makes the black point black and the white point white, with a curve between them",
        parameters: [
            ParameterDescription(
                "black", "the level that becomes 0, as all below it", .number(0...65535), default: .number(0),
                unit: "levels", isLevel: true),
            ParameterDescription(
                "white", "the level that becomes the largest, as all above it; more than black", .number(0...65535),
                default: .number(255), unit: "levels", isLevel: true),
            ParameterDescription(
                "gamma", "above 1 brightens what lies between, below 1 darkens", .number(0.01...100),
                default: .number(1)),
        ],
        matches: "NumPy: clip((v - black) / (white - black), 0, 1) ** (1 / gamma) * largest, in double precision, ties "
            + "to even; ImageMagick's -level has the same definition")

    private let black: Level
    private let white: Level
    private let gamma: Double

    public init(arguments: OperationArguments) {
        black = arguments.level("black")
        white = arguments.level("white")
        gamma = arguments.number("gamma")
    }

    public func outputShape(for input: ImageShape) throws(PipelineError) -> ImageShape {
        let (black, white) = (black.at(input.format.depth), white.at(input.format.depth))
        guard black < white else {
            throw PipelineError(
                .badValue,
                "`levels`: black=\(ArgumentValue.number(black)) is not below white=\(ArgumentValue.number(white)) on a "
                    + "\(input.format.depth.rawValue)-bit image; give a smaller black or a larger white")
        }
        return input
    }

    public func kernel(for input: ImageShape) -> OperationKernel {
        let depth = input.format.depth
        let map = CurveMap(black: black.at(depth), white: white.at(depth), exponent: 1 / gamma)
        return .rows([LookupKernel(input, map)])
    }

    private struct CurveMap: LevelMap {
        let black: Double
        let white: Double
        let exponent: Double

        func callAsFunction(_ level: Int, depth: SampleDepth) -> Int {
            let share = min(max((Double(level) - black) / (white - black), 0), 1)
            return saturated((exponent == 1 ? share : power(share, exponent)) * Double(depth.maximum), depth)
        }

        func line(depth: SampleDepth) -> LevelLine? {
            let factor = Double(depth.maximum) / (white - black)
            return exponent == 1 ? LevelLine(factor: factor, offset: -black * factor) : nil
        }
    }
}
