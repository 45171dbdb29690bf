import Pipelines

extension MedianOfWindow: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel {
        let shape = step.output
        return switch (size, shape.format.depth) {
        case (3, _): Median3Kernel(outputShape: shape)
        case (5, _): Median5Kernel(outputShape: shape)
        case (_, .eight): HistogramMedianKernel(outputShape: shape, size: size)
        case (_, .sixteen): WideMedianKernel(outputShape: shape, size: size)
        }
    }
}
