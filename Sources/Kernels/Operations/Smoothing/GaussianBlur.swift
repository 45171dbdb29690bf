import Pipelines

extension Gaussian: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel {
        GaussianKernel(
            outputShape: step.output, taps: taps(depth: step.output.format.depth), includesAlpha: includesAlpha)
    }

    /// The weights of a window's columns (and rows) as integers that sum to 2^8 for 8-bit samples, 2^16 for 16-bit ones.
    ///
    /// Each tap of the left half is rounded to nearest, its error carried to the next one; the right half mirrors it, and
    /// the centre is what remains. So OpenCV's `getGaussianKernelFixedPoint_ED`.
    func taps(depth: SampleDepth) -> [UInt32] {
        let half = size / 2
        let exact = (0..<half).map { index in
            let distance = Double(half - index)
            return exponential(-distance * distance / (2 * sigma * sigma))
        }
        let scale = 1 / (2 * exact.reduce(0, +) + 1)
        let one = Double(1 << Int(depth.rawValue))
        var error = 0.0
        var left: [UInt32] = []
        for value in exact {
            let wanted = value * scale * one + error
            let rounded = wanted.rounded(.toNearestOrEven)
            error = wanted - rounded
            left.append(UInt32(rounded))
        }
        return left + [UInt32(one) - 2 * left.reduce(0, +)] + left.reversed()
    }
}
