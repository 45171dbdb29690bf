/// Shows levels as colours.
public struct Colormap: Operation {
    public static let description = OperationDescription(
        "colormap", family: .colour,
        summary: "Shows every level as a colour of the named map; of a colour image, the grayscale is taken first",
        parameters: [
            ParameterDescription(
                "name", "the map", .choice(Name.allCases.map(\.rawValue)), default: .word(Name.viridis.rawValue))
        ],
        result: "RGB, or RGBA where there was alpha, at the depth of the input; alpha passes through",
        matches: "cv2.applyColorMap, exactly at 8 bits; at 16 bits, where OpenCV has none, level v takes the colour of "
            + "v / 257, rounded, times 257")

    enum Name: String, CaseIterable {
        case viridis, magma, inferno, plasma, jet, autumn, spring, cool
    }

    private let name: Name

    public init(arguments: OperationArguments) { name = arguments.choice("name") }

    public func outputShape(for input: ImageShape) -> ImageShape {
        var shape = input
        shape.format.layout = input.format.layout.colour
        return shape
    }

    public func kernel(for input: ImageShape) -> OperationKernel {
        let preparation: [any RowKernel] = input.format.layout.isColour ? [GrayscaleKernel(input)] : []
        return .rows(preparation + [ColormapKernel(outputShape: outputShape(for: input), colours: name.colours)])
    }
}

/// Replaces a gray level by its colour.
private struct ColormapKernel: RowKernel {
    /// RGB or RGBA; the input is gray, or gray with alpha.
    let outputShape: ImageShape
    /// Red, green and blue of 256 levels, one colour after the other.
    let colours: [UInt8]

    var readsOnlyItsOwnRow: Bool { true }
    func inputRows(for rows: Range<Int>) -> Range<Int> { rows }

    func apply(_ input: Band, to output: MutableBand) {
        switch outputShape.format.depth {
        case .eight: colour(input, output, UInt8.self) { Int($0) }
        case .sixteen: colour(input, output, UInt16.self) { (Int($0) + 128) / 257 }
        }
    }

    @inline(__always)
    private func colour<Sample: FixedWidthInteger & UnsignedInteger>(
        _ input: Band, _ output: MutableBand, _: Sample.Type, index: (Sample) -> Int
    ) {
        let hasAlpha = outputShape.format.layout.hasAlpha
        let (from, to) = hasAlpha ? (2, 4) : (1, 3)
        // 255 and 65535 are multiples of the factor that spreads a byte over a sample: 1, or 257.
        let spread = Sample.max / 255
        let table = colours.map { Sample($0) * spread }
        table.withUnsafeBufferPointer { table in
            for y in output.rows {
                let source: UnsafePointer<Sample> = input.row(y)
                let target: UnsafeMutablePointer<Sample> = output.row(y)
                for x in 0..<outputShape.width {
                    let entry = 3 * index(source[from * x])
                    target[to * x] = table[entry]
                    target[to * x + 1] = table[entry + 1]
                    target[to * x + 2] = table[entry + 2]
                    if hasAlpha { target[to * x + 3] = source[2 * x + 1] }
                }
            }
        }
    }
}
