/// Mirrors the image.
public struct Flip: Operation {
    public static let description = OperationDescription(
        "flip", family: .geometry,
        keywords: "mirror flop reflect horizontal-flip vertical-flip fliplr flipud",
        examples: ["flip axis=horizontal", "flip axis=vertical | grayscale"],
        summary: "Mirrors the image: left becomes right, above becomes below, or both",
        parameters: [
            ParameterDescription(
                "axis", "horizontal: every row is reversed; vertical: the sequence of rows is reversed; both: both",
                .choice(Axis.allCases.map(\.rawValue)), default: .word(Axis.horizontal.rawValue))
        ],
        result: "the format of the input; alpha is mirrored alike",
        matches: "cv2.flip with flipCode 1 (horizontal), 0 (vertical) or -1 (both), exactly")

    package enum Axis: String, CaseIterable, Sendable {
        case horizontal, vertical, both
    }

    private let axis: Axis

    public init(arguments: OperationArguments) { axis = arguments.choice("axis") }

    public var metadataEffect: MetadataEffect { .setsOrientation }

    public func computation(for input: ImageShape) -> OperationComputation {
        .rows([Mirror(reversesRows: axis != .vertical, reversesOrder: axis != .horizontal)])
    }
}

/// Reverses each row, or the order of the rows, or both.
package struct Mirror: RowComputation {
    package let reversesRows: Bool
    package let reversesOrder: Bool

    package var readsOnlyItsOwnRow: Bool { !reversesOrder }
    package var readsUpwards: Bool { reversesOrder }

    package func inputRows(for rows: Range<Int>, of input: ImageShape) -> Range<Int> {
        reversesOrder ? input.height - rows.upperBound..<input.height - rows.lowerBound : rows
    }
}
