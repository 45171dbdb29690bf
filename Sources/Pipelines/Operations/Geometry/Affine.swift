/// Maps the image by a matrix: turns, scales, moves and shears it.
public struct Affine: Operation {
    public static let description = OperationDescription(
        "affine", family: .geometry,
        keywords: "warp-affine warp transform affine-transform translate shift shear skew matrix move",
        examples: [
            "affine matrix=1,0.2,0,0,1,0 width=300", "affine matrix=0.8,0,20,0,0.8,10 fill=white interpolation=cubic",
        ],
        summary: "Maps the image by a matrix: turns, scales, moves and shears it",
        parameters: [
            ParameterDescription(
                "matrix", "a,b,c,d,e,f: the pixel (x, y) of the image goes to (ax + by + c, dx + ey + f) of the result",
                .numbers(count: 6, -1_000_000...1_000_000), default: .numbers([1, 0, 0, 0, 1, 0])),
            ParameterDescription(
                "width", "the width of the result; auto: of the image", .integer(1...ImageShape.largestResultSide),
                mayBeAuto: true, default: .auto, unit: "pixels"),
            ParameterDescription(
                "height", "the height of the result; auto: of the image", .integer(1...ImageShape.largestResultSide),
                mayBeAuto: true, default: .auto, unit: "pixels"),
            .warpInterpolation, .warpFill, AlphaTreatment.parameter(separately: "alpha is mapped like them"),
        ],
        asksFor: ["matrix", "width", "height"],
        result:
            "the format of the input; alpha is mapped like a colour, and is 0 beside the image unless fill has another",
        matches: "cv2.warpAffine of OpenCV 5 with BORDER_CONSTANT and INTER_LINEAR or INTER_CUBIC, \(Self.precision)")

    /// How exactly warps match, in descriptions.
    static let precision =
        "in the same single precision with fused products: exactly at 8 bits but for one level in one of 100,000 samples, "
        + "which OpenCV rounds differently at the ends of rows; at 16 bits one level off in one of 200"

    private let matrix: [Double]
    private let width: Int?
    private let height: Int?
    private let interpolation: AffineWarp.Interpolation
    private let fill: PaintColor
    private let alpha: AlphaTreatment

    public init(arguments: OperationArguments) {
        matrix = arguments.numbers("matrix")
        width = arguments.integerUnlessAuto("width")
        height = arguments.integerUnlessAuto("height")
        interpolation = arguments.choice("interpolation")
        fill = arguments.color("fill")
        alpha = arguments.choice("alpha")
    }

    public var metadataEffect: MetadataEffect { .setsOrientation }

    public func computation(for input: ImageShape) throws(PipelineError) -> OperationComputation {
        let (width, height) = (width ?? input.width, height ?? input.height)
        if matrix == [1, 0, 0, 0, 1, 0], width == input.width, height == input.height { return .rows([]) }
        return try AffineWarp.computation(
            of: input, matrix: matrix, width: width, height: height, interpolation, fill: fill, alpha: alpha,
            operation: "affine")
    }
}

extension ParameterDescription {
    static let warpInterpolation = ParameterDescription(
        "interpolation", "between 2 or 4 pixels in each direction; linear is faster, cubic sharper",
        .choice(AffineWarp.Interpolation.allCases.map(\.rawValue)),
        default: .word(AffineWarp.Interpolation.linear.rawValue), synonyms: ["bilinear": "linear", "bicubic": "cubic"])

    static let warpFill = ParameterDescription(
        "fill", "the colour beside the image; without alpha transparent is black", .color,
        default: .color(.transparent))
}
