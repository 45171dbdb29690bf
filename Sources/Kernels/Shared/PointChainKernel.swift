import Pipelines

/// A kernel that replaces each sample but alpha by a function of it, and keeps the shape.
protocol TabulatedKernel: RowKernel {
    /// The level that `level` becomes; both from 0 to the largest of the format.
    func newLevel(of level: Int) -> Int
}

extension PointChain: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel {
        PointChainKernel(outputShape: step.output, kernels: steps.map(\.kernel))
    }
}

/// Kernels of which each reads only its own row, as one: the rows go through all of them a few at a time, so that what is
/// made between stays in the cache, and functions of a sample that follow each other become one table.
struct PointChainKernel: RowKernel {
    let outputShape: ImageShape
    /// At least one.
    let kernels: [any RowKernel]

    func apply(_ input: RowsView, to output: MutableRowsView) {
        let steps = steps
        let widest = kernels.reduce(1) { max($0, $1.outputShape.bytesPerRow) }
        let rowsPerBlock = steps.count == 1 ? output.rows.count : max(1, Self.blockByteCount / widest)
        for start in stride(from: output.rows.lowerBound, to: output.rows.upperBound, by: max(1, rowsPerBlock)) {
            let rows = start..<min(start + rowsPerBlock, output.rows.upperBound)
            var made: RowBuffer?
            for (index, step) in steps.enumerated() {
                let next = index == steps.count - 1 ? nil : RowBuffer(shape: step.outputShape, rows: rows)
                // The bands are valid while their buffers live.
                withExtendedLifetime((made, next)) {
                    step.apply(made?.view ?? input, to: next?.mutableView ?? output.slice(rows))
                }
                made = next
            }
        }
    }

    /// What is made at a time: half of it and what it is made of fit a core's second cache.
    private static let blockByteCount = 128 << 10

    /// One step of the chain, ready to be applied block by block.
    private enum Step {
        case kernel(any RowKernel)
        case byteTable(ByteTable, ImageShape)
        case wordTable([UInt16], ImageShape)

        var outputShape: ImageShape {
            switch self {
            case .kernel(let kernel): kernel.outputShape
            case .byteTable(_, let shape), .wordTable(_, let shape): shape
            }
        }

        func apply(_ input: RowsView, to output: MutableRowsView) {
            switch self {
            case .kernel(let kernel): kernel.apply(input, to: output)
            case .byteTable(let table, _): lookUp(input, output, table)
            case .wordTable(let table, _): lookUp(input, output, table)
            }
        }
    }

    /// The kernels, with each run of functions of a sample as one table.
    private var steps: [Step] {
        var steps: [Step] = []
        var run: [any TabulatedKernel] = []
        func endRun() {
            if let first = run.first {
                steps.append(run.count == 1 && !(first is any TableKernel) ? .kernel(first) : Self.table(run))
            }
            run = []
        }
        for kernel in kernels {
            if let kernel = kernel as? any TabulatedKernel {
                run.append(kernel)
            } else {
                endRun()
                steps.append(.kernel(kernel))
            }
        }
        endRun()
        return steps
    }

    private static func table(_ run: [any TabulatedKernel]) -> Step {
        let shape = run[0].outputShape
        func level(_ level: Int) -> Int { run.reduce(level) { $1.newLevel(of: $0) } }
        return switch shape.format.depth {
        case .eight: .byteTable(ByteTable((0...255).map { UInt8(level($0)) }), shape)
        case .sixteen: .wordTable((0...65535).map { UInt16(level($0)) }, shape)
        }
    }
}

/// A tabulated kernel that is applied by its table also when it is alone: the table is made once for all blocks.
protocol TableKernel: TabulatedKernel {}
