import Pipelines

extension ColorLookup: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel { ColormapKernel(outputShape: step.output, colors: map.colors) }
}

/// Replaces a gray level by its colour.
private struct ColormapKernel: RowKernel {
    /// RGB or RGBA; the input is gray, or gray with alpha.
    let outputShape: ImageShape
    /// Red, green and blue of 256 levels, one colour after the other.
    let colors: [UInt8]

    func apply(_ input: RowsView, to output: MutableRowsView) {
        switch outputShape.format.depth {
        case .eight: color(input, output, UInt8.self) { Int($0) }
        case .sixteen: color(input, output, UInt16.self) { (Int($0) + 128) / 257 }
        }
    }

    @inline(__always)
    private func color<Sample: FixedWidthInteger & UnsignedInteger>(
        _ input: RowsView, _ output: MutableRowsView, _: Sample.Type, index: (Sample) -> Int
    ) {
        let hasAlpha = outputShape.format.layout.hasAlpha
        let (from, to) = hasAlpha ? (2, 4) : (1, 3)
        // 255 and 65535 are multiples of the factor that spreads a byte over a sample: 1, or 257.
        let spread = Sample.max / 255
        let table = colors.map { Sample($0) * spread }
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
