import Pipelines

extension Cut: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel { CropKernel(outputShape: step.output, x: x, y: y) }
}

/// Copies the rows from `y` on, each from column `x` on.
private struct CropKernel: RowKernel {
    let outputShape: ImageShape
    let x: Int
    let y: Int

    func apply(_ input: RowsView, to output: MutableRowsView) {
        // Samples of every depth are copied as bytes.
        let skipped = x * outputShape.format.bytesPerPixel
        for row in output.rows {
            let source: UnsafePointer<UInt8> = input.row(row + y)
            output.row(row, as: UInt8.self).update(from: source + skipped, count: outputShape.bytesPerRow)
        }
    }
}
