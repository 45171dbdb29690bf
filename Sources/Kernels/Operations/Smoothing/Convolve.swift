import Pipelines

extension Convolution: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel {
        ConvolutionKernel(outputShape: step.output, matrix: matrix, radius: radius, scale: scale, offset: offset)
    }
}
