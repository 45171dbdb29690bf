import Pipelines

extension BoxMean: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel {
        if (3...NarrowBoxKernel.largestSize).contains(size) {
            NarrowBoxKernel(
                outputShape: step.output, size: size, border: border, includesAlpha: includesAlpha)
        } else {
            BoxKernel(outputShape: step.output, size: size, border: border, includesAlpha: includesAlpha)
        }
    }
}
