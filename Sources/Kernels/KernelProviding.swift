import Pipelines

/// A row computation whose kernel is known here. Every computation of the catalog conforms, by an extension in this module.
protocol RowKernelProviding: RowComputation {
    func kernel(for step: RowStep) -> any RowKernel
}

/// A whole-image computation whose kernel is known here.
protocol WholeImageKernelProviding: WholeImageComputation {
    func kernel(for step: WholeImageStep) -> any WholeImageKernel
}

/// A report whose kernel is known here.
protocol ReportKernelProviding: ReportComputation {
    func kernel(for step: ReportStep) -> any ReportKernel
}

extension RowStep {
    /// The code of the step.
    public var kernel: any RowKernel {
        guard let provider = computation as? any RowKernelProviding else {
            fatalError("\(type(of: computation)) has no kernel")
        }
        return provider.kernel(for: self)
    }
}

extension WholeImageStep {
    /// The code of the step.
    public var kernel: any WholeImageKernel {
        guard let provider = computation as? any WholeImageKernelProviding else {
            fatalError("\(type(of: computation)) has no kernel")
        }
        return provider.kernel(for: self)
    }
}

extension ReportStep {
    /// The code of the step.
    public var kernel: any ReportKernel {
        guard let provider = computation as? any ReportKernelProviding else {
            fatalError("\(type(of: computation)) has no kernel")
        }
        return provider.kernel(for: self)
    }
}

/// A step with its code, ready to be applied.
public struct PreparedStep: Sendable {
    public let step: RowStep
    public let kernel: any RowKernel

    public init(_ step: RowStep) {
        self.step = step
        kernel = step.kernel
    }
}
