/// Turns the image by any angle.
public struct Rotate: Operation {
    public static let description = OperationDescription(
        "rotate", family: .geometry,
        keywords: "rotation turn rotate-90 rot90 orientation clockwise counterclockwise deskew straighten angle tilt",
        examples: ["rotate degrees=90", "rotate degrees=-2.5 fill=white | resize height=400"],
        summary: "Turns the image clockwise by any angle; by quarters without loss",
        parameters: [
            ParameterDescription(
                "degrees", "the angle, clockwise; negative: counterclockwise", .number(-360...360),
                default: .number(90), unit: "degrees", synonyms: ["-90": "270", "-180": "180", "-270": "90"]),
            ParameterDescription(
                "expand",
                "yes: the result is so large that all of the image is in it; no: it has the image's width and height, and what "
                    + "is turned out of it is lost",
                .choice(["yes", "no"]), default: .word("yes"), synonyms: ["true": "yes", "false": "no"]),
            .warpInterpolation, .warpFill, AlphaTreatment.parameter(separately: "alpha is turned like them"),
        ],
        result:
            "the format of the input, with width and height exchanged by 90 and 270 degrees; alpha is turned alike, and is 0 "
            + "beside the image unless fill has another",
        matches:
            "cv2.rotate with ROTATE_90_CLOCKWISE, ROTATE_180 and ROTATE_90_COUNTERCLOCKWISE (270), exactly; other angles "
            + "about the middle of the image: cv2.getRotationMatrix2D, and cv2.warpAffine of OpenCV 5 with BORDER_CONSTANT and "
            + "INTER_LINEAR or INTER_CUBIC, \(Affine.precision)")

    private let degrees: Double
    private let isExpanded: Bool
    private let interpolation: AffineWarp.Interpolation
    private let fill: PaintColor
    private let alpha: AlphaTreatment

    public init(arguments: OperationArguments) {
        // From 0 to less than 360, exactly: degrees are added where the result has no more digits.
        let given = arguments.number("degrees").truncatingRemainder(dividingBy: 360)
        degrees = given < 0 ? given + 360 : given
        isExpanded = arguments.word("expand") == "yes"
        interpolation = arguments.choice("interpolation")
        fill = arguments.color("fill")
        alpha = arguments.choice("alpha")
    }

    private var isQuarter: Bool { degrees == 90 || degrees == 270 }

    public var metadataEffect: MetadataEffect {
        isQuarter ? [.setsOrientation, .exchangesAxes] : .setsOrientation
    }

    public func computation(for input: ImageShape) throws(PipelineError) -> OperationComputation {
        let reversed = Mirror(reversesRows: true, reversesOrder: false)
        switch degrees {
        case 0: return .rows([])
        case 180: return .rows([Mirror(reversesRows: true, reversesOrder: true)])
        case 90 where isExpanded: return .transposition(before: [], after: [reversed])
        case 270 where isExpanded: return .transposition(before: [reversed], after: [])
        default: break
        }
        let (cosine, sine) = direction(degrees: degrees)
        let (width, height) = isExpanded ? expandedSize(of: input, cosine, sine) : (input.width, input.height)
        // The middle of the image goes to the middle of the result.
        let (x, y) = (Double(input.width - 1) / 2, Double(input.height - 1) / 2)
        let matrix = [
            cosine, -sine, Double(width - 1) / 2 - (cosine * x - sine * y),
            sine, cosine, Double(height - 1) / 2 - (sine * x + cosine * y),
        ]
        return try AffineWarp.computation(
            of: input, matrix: matrix, width: width, height: height, interpolation, fill: fill, alpha: alpha,
            operation: "rotate")
    }

    /// Width and height of the smallest upright rectangle around the turned image.
    private func expandedSize(of input: ImageShape, _ cosine: Double, _ sine: Double) -> (width: Int, height: Int) {
        func side(_ one: Int, _ other: Int) -> Int {
            // Less than a millionth of a pixel is a matter of rounding.
            let exact = cosine.magnitude * Double(one) + sine.magnitude * Double(other)
            return max(1, Int((exact - 1e-6).rounded(.up)))
        }
        return (side(input.width, input.height), side(input.height, input.width))
    }
}
