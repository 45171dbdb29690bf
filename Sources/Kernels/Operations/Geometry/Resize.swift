import Pipelines

extension NearestPixels: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel {
        NearestKernel(outputShape: step.output, columns: columns, rows: rows)
    }
}

extension BlockMean: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel {
        BlockMeanKernel(
            input: step.input, outputShape: step.output, blockWidth: blockWidth, blockHeight: blockHeight)
    }
}

extension AreaMean: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel {
        AreaKernel(outputShape: step.output, columns: columns, rows: rows)
    }
}

extension InterpolatedPixels: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel {
        func kernel<Bytes: Interpolation, Words: Interpolation>(_: Bytes.Type, _: Words.Type) -> any RowKernel {
            switch step.input.format.depth {
            case .eight:
                InterpolatingKernel(from: step.input, to: step.output, columns: across, rows: down, Bytes.self)
            case .sixteen:
                InterpolatingKernel(from: step.input, to: step.output, columns: across, rows: down, Words.self)
            }
        }
        return switch kind {
        case .linear, .overlap: kernel(LinearBytes.self, LinearWords.self)
        case .cubic: kernel(CubicBytes.self, CubicWords.self)
        case .lanczos: kernel(LanczosBytes.self, LanczosWords.self)
        }
    }
}
