import Pipelines

extension ButterworthFilter: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel { SpectrumKernel(outputShape: step.output, filter: self) }
}

extension ButterworthFilter {
    /// Whether the image is continued as a mirror does, so that rows and columns have cosine transforms.
    var isMirrored: Bool { border == .reflect }

    /// The square of the frequency that `index` of `count` columns or rows stands for, in cutoffs.
    func square(_ index: Int, of count: Int, in shape: ImageShape) -> Double {
        let frequency = Double(index) * Double(max(shape.width, shape.height)) / (Double(count) * cutoff)
        return frequency * frequency
    }

    /// The gains at columns and a row whose frequencies have these squares.
    @inline(__always)
    func gain<Lanes: FourierLanes>(_ columns: Lanes, _ row: Lanes.Scalar) -> Lanes {
        let one = Lanes(repeating: 1)
        let square = Lanes.sum(columns, Lanes(repeating: row))
        var ratio = one
        for _ in 0..<order { ratio = Lanes.product(ratio, square) }
        let low = Lanes.quotient(1, Lanes.sum(one, ratio))
        switch kind {
        case .lowpass: return low
        // As often negative as positive; half the range, from which samples are measured, is added.
        case .highpass: return Lanes.difference(one, low)
        }
    }
}
