/// Mirrors the image.
public struct Flip: Operation {
    public static let description = OperationDescription(
        "flip", family: .geometry, summary: "Mirrors the image: left becomes right, above becomes below, or both",
        parameters: [
            ParameterDescription(
                "axis", "horizontal: every row is reversed; vertical: the order of the rows is; both: both",
                .choice(Axis.allCases.map(\.rawValue)), default: .word(Axis.horizontal.rawValue))
        ],
        result: "the format of the input; alpha is mirrored alike",
        matches: "cv2.flip with flipCode 1 (horizontal), 0 (vertical) or -1 (both), exactly")

    enum Axis: String, CaseIterable {
        case horizontal, vertical, both
    }

    private let axis: Axis

    public init(arguments: OperationArguments) { axis = arguments.choice("axis") }

    public func outputShape(for input: ImageShape) -> ImageShape { input }

    public func kernel(for input: ImageShape) -> OperationKernel {
        .rows([MirrorKernel(outputShape: input, reversesRows: axis != .vertical, reversesOrder: axis != .horizontal)])
    }
}

/// Reverses each row, or the order of the rows, or both.
struct MirrorKernel: RowKernel {
    let outputShape: ImageShape
    let reversesRows: Bool
    let reversesOrder: Bool

    var readsOnlyItsOwnRow: Bool { !reversesOrder }
    var readsUpwards: Bool { reversesOrder }

    func inputRows(for rows: Range<Int>) -> Range<Int> {
        reversesOrder ? source(rows.upperBound - 1)..<source(rows.lowerBound) + 1 : rows
    }

    private func source(_ row: Int) -> Int { reversesOrder ? outputShape.height - 1 - row : row }

    func apply(_ input: Band, to output: MutableBand) {
        for y in output.rows {
            guard reversesRows else {
                let row: UnsafePointer<UInt8> = input.row(source(y))
                output.row(y, as: UInt8.self).update(from: row, count: outputShape.bytesPerRow)
                continue
            }
            switch outputShape.format.depth {
            case .eight: reverse(input.row(source(y), as: UInt8.self), to: output.row(y))
            case .sixteen: reverse(input.row(source(y), as: UInt16.self), to: output.row(y))
            }
        }
    }

    private func reverse<Sample: FixedWidthInteger & UnsignedInteger>(
        _ row: UnsafePointer<Sample>, to target: UnsafeMutablePointer<Sample>
    ) {
        let channels = outputShape.format.channelCount
        let last = row + (outputShape.samplesPerRow - channels)
        switch channels {
        case 1: for x in 0..<outputShape.width { target[x] = last[-x] }
        case 3:
            for x in 0..<outputShape.width {
                (target[3 * x], target[3 * x + 1], target[3 * x + 2]) = (last[-3 * x], last[1 - 3 * x], last[2 - 3 * x])
            }
        default:
            for x in 0..<outputShape.width {
                for channel in 0..<channels { target[x * channels + channel] = last[channel - x * channels] }
            }
        }
    }
}
