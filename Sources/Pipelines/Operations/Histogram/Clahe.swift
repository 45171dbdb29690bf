/// Equalises the levels tile by tile, with limited contrast.
public struct Clahe: Operation {
    public static let description = OperationDescription(
        "clahe", family: .histogram,
        keywords:
            "adaptive-histogram-equalization local-contrast equalize-adapthist contrast-enhancement contrast create-clahe adaptive-equalization dehaze",
        examples: ["clahe clip=2", "grayscale | clahe clip=3 grid=4"],
        summary:
            "Equalises the levels of each tile of a grid with limited contrast, blended between tiles; of colours, the "
            + "lightness",
        parameters: [
            ParameterDescription(
                "clip",
                "the clip limit, as a multiple of a level's even share; the excess is spread evenly; 0 means no limit",
                .number(0...10_000), default: .number(2)),
            ParameterDescription(
                "grid", "tiles along each side; at 16 bits at most 16", .integer(1...128), default: .integer(8)),
        ],
        matches:
            "cv2.createCLAHE(clip, (grid, grid)) on gray, exactly; colour: on L between cv2.cvtColor with COLOR_RGB2LAB "
            + "and COLOR_LAB2RGB, exactly at 8 bits. At 16, where OpenCV has no Lab, L is rounded to 0...65535, a and b are "
            + "not rounded, and the conversions are OpenCV's formulas in double precision. Alpha passes through")

    private let clip: Double
    private let grid: Int

    public init(arguments: OperationArguments) {
        clip = arguments.number("clip")
        grid = arguments.integer("grid")
    }

    public func computation(for input: ImageShape) throws(PipelineError) -> OperationComputation {
        guard input.format.depth == .eight || grid <= 16 else {
            throw PipelineError(
                .unsuitableImage,
                "`clahe`: grid=\(grid) on an image of 16 bits needs \(grid * grid) tables of 65536 levels; at most "
                    + "grid=16 is allowed there")
        }
        return .wholeImage(TiledEqualization(clip: clip, grid: grid))
    }
}

/// Equalises each tile of a grid with limited contrast, and blends between tiles.
package struct TiledEqualization: WholeImageComputation {
    package let clip: Double
    package let grid: Int
    package var hasValueOfAnySize: Bool { true }
}
