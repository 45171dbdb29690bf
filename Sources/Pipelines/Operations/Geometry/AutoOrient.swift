/// Turns and mirrors the image as EXIF's Orientation says.
public struct AutoOrient: Operation {
    public static let description = OperationDescription(
        "auto-orient", family: .geometry,
        keywords:
            "exif-orientation exif-transpose autorotate auto-rotate orientation upright jhead camera-orientation autorot",
        examples: ["auto-orient orientation=6", "auto-orient orientation=8 | resize max-width=320"],
        summary:
            "Turns and mirrors the image as EXIF's Orientation says, so that it is upright; images whose files have an "
            + "Orientation are turned by it when they are read, without this operation",
        parameters: [
            ParameterDescription(
                "orientation",
                "where the first row and the first column of the image belong: 1 top and left, 2 top and right, 3 bottom and "
                    + "right, 4 bottom and left, 5 left and top, 6 right and top, 7 right and bottom, 8 left and bottom",
                .integer(1...8), default: .integer(1))
        ],
        asksFor: ["orientation"],
        result:
            "the format of the input, with width and height exchanged by 5 to 8; alpha is turned alike; EXIF's Orientation "
            + "of the result is 1",
        matches: "cv2.imread of a file with this Orientation, exactly: cv2.flip, cv2.rotate and cv2.transpose")

    private let orientation: Int

    public init(arguments: OperationArguments) { orientation = arguments.integer("orientation") }

    public var metadataEffect: MetadataEffect {
        orientation < 5 ? .setsOrientation : [.setsOrientation, .exchangesAxes]
    }

    public func computation(for input: ImageShape) -> OperationComputation {
        let (reversed, upsideDown) = (
            Mirror(reversesRows: true, reversesOrder: false), Mirror(reversesRows: false, reversesOrder: true)
        )
        return switch orientation {
        case 2: .rows([reversed])
        case 3: .rows([Mirror(reversesRows: true, reversesOrder: true)])
        case 4: .rows([upsideDown])
        case 5: .transposition(before: [], after: [])
        case 6: .transposition(before: [], after: [reversed])
        case 7: .transposition(before: [reversed], after: [reversed])
        case 8: .transposition(before: [reversed], after: [])
        default: .rows([])
        }
    }
}
