import Pipelines

extension Ridges: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel {
        RidgeKernel(input: step.input, outputShape: step.output, size: size, low: low, high: high)
    }
}

extension Hysteresis: WholeImageKernelProviding {
    func kernel(for step: WholeImageStep) -> any WholeImageKernel { HysteresisKernel(shape: step.output) }
}
