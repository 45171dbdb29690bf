import Pipelines

extension Gradient: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel {
        let (primary, secondary): ([Int32], [Int32]) =
            switch taps {
            case .sobel(let size):
                (DerivativeTaps.taps(order: 1, size: size), DerivativeTaps.taps(order: 0, size: size))
            // [1 -2 1] over [1 2 1] and the reverse, added: 2 0 2 / 0 -8 0 / 2 0 2 at size 3.
            case .secondSobel(let size):
                (DerivativeTaps.taps(order: 2, size: size), DerivativeTaps.taps(order: 0, size: size))
            case .scharr: ([-1, 0, 1], [3, 10, 3])
            case .prewitt: ([-1, 0, 1], [1, 1, 1])
            }
        return DerivativeKernel(
            outputShape: step.output, primary: primary, secondary: secondary,
            combination: DerivativeKernel.Combination(combination), scale: scale)
    }
}

extension DerivativeKernel.Combination {
    fileprivate init(_ combination: Gradient.Combination) {
        switch combination {
        case .absoluteX: self = .absoluteX
        case .absoluteY: self = .absoluteY
        case .length: self = .length
        case .absoluteSum: self = .absoluteSum
        case .relief(let degrees, let strength):
            let light = direction(degrees: degrees)
            self = .relief(x: -light.cosine * strength / 4, y: light.sine * strength / 4)
        }
    }
}
