/// Compares every level with a fixed one.
public struct Threshold: Operation {
    public static let description = OperationDescription(
        "threshold", family: .threshold, summary: "Compares every level with a fixed one, each channel by itself",
        parameters: [
            ParameterDescription(
                "value", "levels above it are high, the others low", .number(0...65535), default: .number(128),
                unit: "levels", isLevel: true),
            ParameterDescription(
                "max", "the level that binary and binary-inv write", .number(0...65535), default: .number(255),
                unit: "levels", isLevel: true),
            ParameterDescription(
                "kind",
                "binary: high becomes max, low 0; binary-inv: the reverse; trunc: high becomes value; "
                    + "tozero: low becomes 0; tozero-inv: high becomes 0",
                .choice(Kind.allCases.map(\.rawValue)), default: .word(Kind.binary.rawValue)),
        ],
        matches: "cv2.threshold, exactly: value is rounded down, max to the nearest level")

    enum Kind: String, CaseIterable {
        case binary
        case binaryInverted = "binary-inv"
        case truncate = "trunc"
        case toZero = "tozero"
        case toZeroInverted = "tozero-inv"
    }

    private let value: Level
    private let maximum: Level
    private let kind: Kind

    public init(arguments: OperationArguments) {
        value = arguments.level("value")
        maximum = arguments.level("max")
        kind = arguments.choice("kind")
    }

    public func outputShape(for input: ImageShape) -> ImageShape { input }

    public func kernel(for input: ImageShape) -> OperationKernel {
        let depth = input.format.depth
        let threshold = Int(min(value.at(depth), Double(depth.maximum)).rounded(.down))
        return .rows([
            ThresholdKernel(
                outputShape: input, threshold: threshold, maximum: saturated(maximum.at(depth), depth), kind: kind)
        ])
    }
}

/// Compares every sample but alpha with `threshold`.
struct ThresholdKernel: RowKernel {
    let outputShape: ImageShape
    let threshold: Int
    let maximum: Int
    let kind: Threshold.Kind

    var readsOnlyItsOwnRow: Bool { true }
    func inputRows(for rows: Range<Int>) -> Range<Int> { rows }

    func apply(_ input: Band, to output: MutableBand) {
        switch outputShape.format.depth {
        case .eight: compare(input, output, UInt8(threshold), UInt8(maximum))
        case .sixteen: compare(input, output, UInt16(threshold), UInt16(maximum))
        }
    }

    private func compare<Sample: FixedWidthInteger & UnsignedInteger>(
        _ input: Band, _ output: MutableBand, _ threshold: Sample, _ maximum: Sample
    ) {
        let count = outputShape.samplesPerRow
        for y in output.rows {
            let source: UnsafePointer<Sample> = input.row(y)
            let target: UnsafeMutablePointer<Sample> = output.row(y)
            switch kind {
            case .binary: for i in 0..<count { target[i] = source[i] > threshold ? maximum : 0 }
            case .binaryInverted: for i in 0..<count { target[i] = source[i] > threshold ? 0 : maximum }
            case .truncate: for i in 0..<count { target[i] = min(source[i], threshold) }
            case .toZero: for i in 0..<count { target[i] = source[i] > threshold ? source[i] : 0 }
            case .toZeroInverted: for i in 0..<count { target[i] = source[i] > threshold ? 0 : source[i] }
            }
            if outputShape.format.layout.hasAlpha {
                copyAlpha(
                    from: source, to: target, width: outputShape.width, channels: outputShape.format.channelCount)
            }
        }
    }
}
