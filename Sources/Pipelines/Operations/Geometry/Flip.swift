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
        // Samples of every depth are moved as bytes.
        let (size, count) = (outputShape.format.bytesPerPixel, outputShape.bytesPerRow)
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: count) { memory in
            let copy = memory.baseAddress.unsafelyUnwrapped
            for y in output.rows {
                var row: UnsafePointer<UInt8> = input.row(source(y))
                let target: UnsafeMutablePointer<UInt8> = output.row(y)
                guard reversesRows else {
                    target.update(from: row, count: count)
                    continue
                }
                if !reversesOrder {
                    // Rows read backwards one after the other are not foreseen by the processor: from memory that takes
                    // twice as long.
                    copy.update(from: row, count: count)
                    row = UnsafePointer(copy)
                }
                reversePixels(row, outputShape.width, size: size, to: target)
            }
        }
    }
}
