/// A function of the three colours of a pixel.
protocol ColourMap: Sendable {
    /// The new colours, in levels; they are rounded and saturated by whoever calls.
    func callAsFunction(_ red: Int32, _ green: Int32, _ blue: Int32) -> (red: Double, green: Double, blue: Double)
}

/// Replaces the colours of each pixel by a function of them, rounded to nearest (ties to even) and saturated.
///
/// A gray pixel counts as one whose three colours are equal; the output is RGB, or RGBA where there is alpha.
struct ColourKernel<Map: ColourMap>: RowKernel {
    let outputShape: ImageShape
    private let input: PixelFormat
    private let map: Map

    init(_ input: ImageShape, _ map: Map) {
        var shape = input
        shape.format.layout = input.format.layout.colour
        outputShape = shape
        self.input = input.format
        self.map = map
    }

    var readsOnlyItsOwnRow: Bool { true }
    func inputRows(for rows: Range<Int>) -> Range<Int> { rows }

    func apply(_ input: Band, to output: MutableBand) {
        switch outputShape.format.depth {
        case .eight: replace(input, output, UInt8.self)
        case .sixteen: replace(input, output, UInt16.self)
        }
    }

    private func replace<Sample: FixedWidthInteger & UnsignedInteger>(
        _ band: Band, _ output: MutableBand, _: Sample.Type
    ) {
        let channels = input.channelCount
        let largest = Double(outputShape.format.depth.maximum)
        let (green, blue) = input.layout.isColour ? (1, 2) : (0, 0)
        for y in output.rows {
            var source: UnsafePointer<Sample> = band.row(y)
            var target: UnsafeMutablePointer<Sample> = output.row(y)
            for _ in 0..<outputShape.width {
                let new = map(
                    Int32(truncatingIfNeeded: source[0]), Int32(truncatingIfNeeded: source[green]),
                    Int32(truncatingIfNeeded: source[blue]))
                target[0] = Sample(truncatingIfNeeded: rounded(new.red, upTo: largest))
                target[1] = Sample(truncatingIfNeeded: rounded(new.green, upTo: largest))
                target[2] = Sample(truncatingIfNeeded: rounded(new.blue, upTo: largest))
                if input.layout.hasAlpha { target[3] = source[channels - 1] }
                source += channels
                target += outputShape.format.channelCount
            }
        }
    }
}
