import Pipelines

extension Padded: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel { PaddingKernel(step, padding, inner) }
}

extension Padding {
    /// The index within `0..<count` that stands for `index`, which may be outside; `nil` where nothing does.
    func index(_ index: Int, count: Int) -> Int? {
        switch self {
        case .reflect101: return mirrored(index, count: count)
        case .reflect:
            let folded = ((index % (2 * count)) + 2 * count) % (2 * count)
            return folded < count ? folded : 2 * count - 1 - folded
        case .replicate: return min(max(index, 0), count - 1)
        case .constant: return (0..<count).contains(index) ? index : nil
        }
    }
}

/// Gives a kernel an image that is continued beyond its edges as far as the kernel looks, and cuts these margins off again.
///
/// So every border is exact with every kernel, and the kernels know only their own. Works through its rows in blocks.
struct PaddingKernel: RowKernel {
    let outputShape: ImageShape
    private let padding: Padding
    /// The computation on the padded image.
    private let inner: PreparedStep
    /// How far it looks, in all directions.
    private let radius: Int
    private let paddedShape: ImageShape

    init(_ step: RowStep, _ padding: Padding, _ computation: any WindowComputation) {
        radius = computation.radius
        outputShape = step.output
        self.padding = padding
        paddedShape = ImageShape(
            width: step.input.width + 2 * radius, height: step.input.height + 2 * radius, format: step.input.format)
        inner = PreparedStep(RowStep(computation, of: paddedShape))
    }

    func apply(_ input: RowsView, to output: MutableRowsView) {
        let rowsPerBlock = max(8 * radius, 64)
        let margin = radius * outputShape.format.bytesPerPixel
        for start in stride(from: output.rows.lowerBound, to: output.rows.upperBound, by: rowsPerBlock) {
            let rows = start..<min(start + rowsPerBlock, output.rows.upperBound)
            let inside = rows.lowerBound + radius..<rows.upperBound + radius
            let padded = RowBuffer(shape: paddedShape, rows: inner.step.inputRows(for: inside))
            let result = RowBuffer(shape: paddedShape, rows: inside)
            // The bands are valid while their buffers live.
            withExtendedLifetime((padded, result)) {
                for y in padded.rows { fill(padded.mutableView.row(y), from: input, row: y - radius) }
                inner.kernel.apply(padded.view, to: result.mutableView)
                for y in rows {
                    let made: UnsafePointer<UInt8> = result.view.row(y + radius)
                    output.row(y, as: UInt8.self).update(from: made + margin, count: outputShape.bytesPerRow)
                }
            }
        }
    }

    /// Makes a padded row; pixels of every format are copied as bytes.
    private func fill(_ target: UnsafeMutablePointer<UInt8>, from input: RowsView, row y: Int) {
        guard let y = padding.index(y, count: outputShape.height) else {
            return target.update(repeating: 0, count: paddedShape.bytesPerRow)
        }
        let pixel = outputShape.format.bytesPerPixel
        let row: UnsafePointer<UInt8> = input.row(y)
        func fill(_ x: Int) {
            let place = target + (x + radius) * pixel
            if let source = padding.index(x, count: outputShape.width) {
                place.update(from: row + source * pixel, count: pixel)
            } else {
                place.update(repeating: 0, count: pixel)
            }
        }
        for x in -radius..<0 { fill(x) }
        (target + radius * pixel).update(from: row, count: outputShape.bytesPerRow)
        for x in outputShape.width..<outputShape.width + radius { fill(x) }
    }
}
