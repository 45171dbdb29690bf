/// Puts another image over the image.
public struct Overlay: Operation {
    public static let description = OperationDescription(
        "overlay", family: .geometry,
        keywords:
            "watermark logo composite stamp blend alpha-composite alpha-blend paste superimpose layer merge-images signature copyright",
        examples: [
            "overlay image=logo.png gravity=south-east x=20 y=20 opacity=0.6",
            "resize max-width=2048 | overlay image=\"my frame.png\"",
        ],
        summary:
            "Puts another image over the image, such as a watermark: a file that is uploaded with the job, once for all images",
        parameters: [
            ParameterDescription(
                "image",
                "the file of the other image, in any format that is read; what reaches beyond the image is cut off",
                .image, default: .word("none")),
            ParameterDescription(
                "x", "from the image's edge that gravity names to the right, or from its right edge to the left",
                .integer(-ImageShape.largestResultSide...ImageShape.largestResultSide), default: .integer(0),
                unit: "pixels"),
            ParameterDescription(
                "y", "from the image's edge that gravity names down, or from its lower edge up",
                .integer(-ImageShape.largestResultSide...ImageShape.largestResultSide), default: .integer(0),
                unit: "pixels"),
            ParameterDescription(
                "opacity", "1: the other image as it is; 0: nothing of it", .number(0...1), default: .number(1)),
            ParameterDescription(
                "gravity", "the edge or corner of the image at which the other image is, or the middle",
                .choice(Gravity.allCases.map(\.rawValue)), default: .word(Gravity.northWest.rawValue),
                synonyms: [
                    "top-left": "north-west", "top": "north", "top-right": "north-east", "left": "west",
                    "middle": "center",
                    "centre": "center", "right": "east", "bottom-left": "south-west", "bottom": "south",
                    "bottom-right": "south-east",
                ]),
        ],
        asksFor: ["image"],
        result:
            "the format of the input, to which the other image is converted: its colours to luma on a gray image, its levels to "
            + "the depth; colour profiles are not looked at, an Orientation is heeded",
        matches:
            "W3C Compositing and Blending Level 1, source-over of colours that are not multiplied by alpha: exact in whole "
            + "numbers and rounded once, halves up; opacity in steps of 1/65535. Pillow's Image.alpha_composite rounds twice and "
            + "is 1 level off in some of 1,000 samples at 8 bits")

    /// Where the other image is, before it is moved.
    package enum Gravity: String, CaseIterable, Sendable {
        case northWest = "north-west"
        case north
        case northEast = "north-east"
        case west, center, east
        case southWest = "south-west"
        case south
        case southEast = "south-east"

        /// -1 for the left or upper edge, 0 for the middle, 1 for the right or lower edge.
        private var edges: (x: Int, y: Int) {
            switch self {
            case .northWest: (-1, -1)
            case .north: (0, -1)
            case .northEast: (1, -1)
            case .west: (-1, 0)
            case .center: (0, 0)
            case .east: (1, 0)
            case .southWest: (-1, 1)
            case .south: (0, 1)
            case .southEast: (1, 1)
            }
        }

        /// The place of the other image's upper left pixel in the image.
        package func place(of picture: ImageShape, on image: ImageShape, x: Int, y: Int) -> (x: Int, y: Int) {
            func coordinate(_ edge: Int, _ offset: Int, _ length: Int, _ whole: Int) -> Int {
                switch edge {
                case -1: offset
                // A shift rounds down on both sides of 0.
                case 0: (whole - length) >> 1 + offset
                default: whole - length - offset
                }
            }
            return (
                coordinate(edges.x, x, picture.width, image.width), coordinate(edges.y, y, picture.height, image.height)
            )
        }
    }

    private let image: AttachedImage?
    private let x: Int
    private let y: Int
    private let opacity: Double
    private let gravity: Gravity

    public init(arguments: OperationArguments) {
        image = arguments.image("image")
        x = arguments.integer("x")
        y = arguments.integer("y")
        opacity = arguments.number("opacity")
        gravity = arguments.choice("gravity")
    }

    public func computation(for input: ImageShape) throws(PipelineError) -> OperationComputation {
        switch image {
        case nil: return .rows([])
        case .blob(let content):
            return .rows([
                Overlaying(
                    picture: content, x: x, y: y, opacity: Int((opacity * 65535).rounded()), gravity: gravity)
            ])
        case .file(let path):
            throw PipelineError(
                .badValue,
                "`overlay`: image=\(path) is a file's path, which the submitter of the pipeline must replace by the file's content"
            )
        }
    }
}

/// Another image over the image.
package struct Overlaying: PointComputation {
    package let picture: AttachedImage.Content
    package let x: Int
    package let y: Int
    /// From 0 to 65535.
    package let opacity: Int
    package let gravity: Overlay.Gravity

    package var attachments: [AttachedImage.Content] { [picture] }
}
