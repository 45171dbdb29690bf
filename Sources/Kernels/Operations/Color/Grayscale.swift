import Pipelines

extension Luma: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel { GrayscaleKernel(step.input) }
}

/// Luma of a colour pixel: 0.299 R + 0.587 G + 0.114 B in 15 fractional bits, rounded. OpenCV's `RGB2Gray`.
@inline(__always)
func luma<Sample: FixedWidthInteger & UnsignedInteger>(_ red: Sample, _ green: Sample, _ blue: Sample) -> Sample {
    let sum = UInt32(red) * 9798 + UInt32(green) * 19235 + UInt32(blue) * 3735 + 1 << 14
    return Sample(truncatingIfNeeded: sum >> 15)
}

/// The lumas of `count` pixels, RGB or RGBA.
@inline(__always)
func lumas<Sample: FixedWidthInteger & UnsignedInteger>(
    of pixels: UnsafePointer<Sample>, channels: Int, count: Int, to target: UnsafeMutablePointer<Sample>
) {
    // Constant strides, which the compiler knows how to load as vectors.
    if channels == 3 {
        for x in 0..<count { target[x] = luma(pixels[3 * x], pixels[3 * x + 1], pixels[3 * x + 2]) }
    } else {
        for x in 0..<count { target[x] = luma(pixels[4 * x], pixels[4 * x + 1], pixels[4 * x + 2]) }
    }
}

/// Colour to luma; alpha is kept.
struct GrayscaleKernel: RowKernel {
    let outputShape: ImageShape
    private let channels: Int

    /// - Parameter input: RGB or RGBA.
    init(_ input: ImageShape) {
        var shape = input
        shape.format.layout = input.format.layout.grayscale
        outputShape = shape
        channels = input.format.channelCount
    }

    func apply(_ input: RowsView, to output: MutableRowsView) {
        switch outputShape.format.depth {
        case .eight: reduce(input, output, UInt8.self)
        case .sixteen: reduce(input, output, UInt16.self)
        }
    }

    private func reduce<Sample: FixedWidthInteger & UnsignedInteger>(
        _ input: RowsView, _ output: MutableRowsView, _: Sample.Type
    ) {
        for y in output.rows {
            let source: UnsafePointer<Sample> = input.row(y)
            let target: UnsafeMutablePointer<Sample> = output.row(y)
            if channels == 3 {
                lumas(of: source, channels: 3, count: outputShape.width, to: target)
            } else {
                for x in 0..<outputShape.width {
                    target[2 * x] = luma(source[4 * x], source[4 * x + 1], source[4 * x + 2])
                    target[2 * x + 1] = source[4 * x + 3]
                }
            }
        }
    }
}
