import Pipelines

extension Mirror: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel {
        MirrorKernel(outputShape: step.output, reversesRows: reversesRows, reversesOrder: reversesOrder)
    }
}

/// Reverses each row, or the order of the rows, or both.
struct MirrorKernel: RowKernel {
    let outputShape: ImageShape
    let reversesRows: Bool
    let reversesOrder: Bool

    private func source(_ row: Int) -> Int { reversesOrder ? outputShape.height - 1 - row : row }

    func apply(_ input: RowsView, to output: MutableRowsView) {
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
