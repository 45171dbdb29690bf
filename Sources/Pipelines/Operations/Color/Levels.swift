/// Stretches the levels between a black and a white point.
public struct Levels: Operation {
    public static let description = OperationDescription(
        "levels", family: .color,
        keywords: "level black-point white-point input-levels tone-curve curves rescale-intensity adjust-levels",
        examples: ["levels black=20 white=230", "levels gamma=1.4 | unsharp"],
        summary: "Makes the black point black and the white point white, with a curve between them",
        parameters: [
            ParameterDescription(
                "black", "this level and all below it become 0", .number(0...65535), default: .number(0),
                unit: "levels", isLevel: true),
            ParameterDescription(
                "white", "this level and all above it become the largest; greater than black", .number(0...65535),
                default: .number(255), unit: "levels", isLevel: true),
            ParameterDescription(
                "gamma", "above 1 brightens the levels in between, below 1 darkens them", .number(0.01...100),
                default: .number(1)),
        ],
        asksFor: ["black", "white", "gamma"],
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

    public func computation(for input: ImageShape) throws(PipelineError) -> OperationComputation {
        let depth = input.format.depth
        let (black, white) = (black.at(depth), white.at(depth))
        guard black < white else {
            throw PipelineError(
                .badValue,
                "`levels`: black=\(ArgumentValue.number(black)) is not below white=\(ArgumentValue.number(white)) on "
                    + "\(depth == .eight ? "an" : "a") \(depth.rawValue)-bit image; give a smaller black or a larger white"
            )
        }
        return .rows([CurveMap(black: black, white: white, exponent: 1 / gamma)])
    }
}

/// Makes the values up to `black` black and those from `white` on white, with a curve between them.
package struct CurveMap: PointComputation {
    package let black: Double
    package let white: Double
    package let exponent: Double
}
