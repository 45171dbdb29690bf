import Pipelines

extension RowShift: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel {
        RowShiftKernel(input: step.input, outputShape: step.output, shear: shear)
    }
}

/// Copies each row to where it is moved.
private struct RowShiftKernel: RowKernel {
    let input: ImageShape
    let outputShape: ImageShape
    let shear: Shear

    func apply(_ input: RowsView, to output: MutableRowsView) {
        // Samples of every depth are copied as bytes.
        let count = self.input.bytesPerRow
        for y in output.rows {
            let target: UnsafeMutablePointer<UInt8> = output.row(y)
            let before = shear.shift(y) * outputShape.format.bytesPerPixel
            target.update(repeating: 0, count: before)
            (target + before).update(from: input.row(y), count: count)
            (target + before + count).update(repeating: 0, count: outputShape.bytesPerRow - before - count)
        }
    }
}
