import Dispatch
import Pipelines
import Synchronization

/// Computes rows of a result by a `RowsPlan`, in one strip, and can be stopped at almost any time.
public struct RowsExecutor {
    /// What whole-image computations made of the image, one value after the other in the order of the plan.
    public typealias Values = [[UInt8]]

    private let plan: RowsPlan
    private let values: Values
    private let threadCount: Int
    private let pixelsAtATime: Int
    private let check: @Sendable () throws -> Void

    /// - Parameters:
    ///   - values: for whole-image computations that see some rows only: what all of them made of a reduced copy of the image.
    ///     Used where a value fits an image of any size.
    ///   - threadCount: threads that make the rows of a step, the caller's among them. The rows are the same for any number.
    ///   - pixelsAtATime: that one of them makes between two calls of `check`; eight rows at least.
    ///   - check: what it throws ends the computation.
    public init(
        _ plan: RowsPlan, values: Values = [], threadCount: Int = 1, pixelsAtATime: Int = 1 << 16,
        check: @escaping @Sendable () throws -> Void = {}
    ) {
        self.plan = plan
        self.threadCount = threadCount
        self.pixelsAtATime = pixelsAtATime
        self.values = values.count == plan.wholeImageCount ? values : []
        self.check = check
    }

    /// - Parameter input: at least the rows that the plan reads.
    /// - Returns: the plan's rows of the result, and the values of the whole-image computations.
    public func run(on input: RowBuffer) throws -> (rows: RowBuffer, values: Values) {
        var current = input
        var made: Values = []
        for part in plan.parts {
            try check()
            switch part.computation {
            case .rows(let step): current = try rows(part.outputRows, of: step, from: current)
            case .transposition: current = transposed(current, rows: part.outputRows)
            case .wholeImage(let step):
                let known = values.isEmpty ? nil : values[made.count]
                let (rows, value) = try apply(step, part, to: current, known: known)
                current = rows
                made.append(value)
            }
        }
        try check()
        return (current.rows == plan.outputRows ? current : part(plan.outputRows, of: current), made)
    }

    private func rows(_ rows: Range<Int>, of step: RowStep, from input: RowBuffer) throws -> RowBuffer {
        let (kernel, check) = (step.kernel, check)
        let shared = SharedRows(input: input, result: RowBuffer(shape: step.output, rows: rows))
        // Ranks make the rows together: all at once, or each run of rows would cost as much as all.
        let rowsAtATime = step.isCollective ? max(1, rows.count) : max(8, pixelsAtATime / step.output.width)
        try forEach((rows.count + rowsAtATime - 1) / rowsAtATime) { number in
            try check()
            let start = rows.lowerBound + number * rowsAtATime
            let part = start..<min(start + rowsAtATime, rows.upperBound)
            withExtendedLifetime(shared) {
                kernel.apply(shared.input.view, to: shared.result.mutableView.slice(part))
            }
        }
        return shared.result
    }

    /// Calls `body` with each number below `count`, on the threads that there may be, until one of them throws.
    private func forEach(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) throws {
        let next = Atomic(0)
        let failure = Mutex<(any Error)?>(nil)
        DispatchQueue.concurrentPerform(iterations: min(threadCount, count)) { _ in
            while true {
                let number = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard number < count else { return }
                do {
                    try body(number)
                } catch {
                    failure.withLock { $0 = error }
                    next.store(count, ordering: .relaxed)
                }
            }
        }
        if let error = failure.withLock({ $0 }) { throw error }
    }

    private func apply(
        _ step: WholeImageStep, _ part: RowsPlan.Part, to input: RowBuffer, known: [UInt8]?
    ) throws -> (rows: RowBuffer, value: [UInt8]) {
        let result = RowBuffer(shape: step.output, rows: part.outputRows)
        defer { withExtendedLifetime((input, result)) {} }
        guard part.isShortSighted else {
            let kernel = step.kernel
            let value = try kernel.finalize([kernel.aggregate(input.view)])[0]
            try kernel.apply(value, to: input.view(part.outputRows), into: result.mutableView)
            return (result, value)
        }
        // A value that does not fit after all is refused by the kernel.
        if let known, step.computation.hasValueOfAnySize,
            (try? step.kernel.apply(known, to: input.view(part.outputRows), into: result.mutableView)) != nil
        {
            return (result, known)
        }
        // The rows that are seen are taken for the image.
        let rows = input.view(part.inputRows)
        let seen = rows.asImage
        let kernel = step.kernel(ofHeight: seen.shape.height)
        let value = try kernel.finalize([kernel.aggregate(seen)])[0]
        try kernel.apply(value, to: seen, into: result.mutableView.asImage)
        return (result, value)
    }

    private func transposed(_ input: RowBuffer, rows: Range<Int>) -> RowBuffer {
        let layout = TransposedRows(of: input.shape, rowsPerPart: input.shape.height)
        let result = RowBuffer(shape: layout.shape, rows: rows)
        let size = input.shape.format.bytesPerPixel
        withExtendedLifetime((input, result)) {
            let view = input.view
            let target = result.mutableView
            // Tiles, so that rows that are read stay in the cache for the columns beside them.
            for first in stride(from: 0, to: input.shape.height, by: 64) {
                let columns = first..<min(first + 64, input.shape.height)
                for y in rows {
                    let to = UnsafeMutableRawPointer(target.row(y, as: UInt8.self))
                    for x in columns {
                        let from = UnsafeRawPointer(view.row(x, as: UInt8.self)) + y * size
                        (to + x * size).copyMemory(from: from, byteCount: size)
                    }
                }
            }
        }
        return result
    }

    private func part(_ rows: Range<Int>, of buffer: RowBuffer) -> RowBuffer {
        withExtendedLifetime(buffer) { RowBuffer(copying: buffer.view(rows)) }
    }
}

/// The rows that a step reads, and those that it makes.
///
/// `@unchecked Sendable`: nobody writes what is read, and each thread writes rows of its own.
private struct SharedRows: @unchecked Sendable {
    let input: RowBuffer
    let result: RowBuffer
}

extension RowsPlan {
    fileprivate var wholeImageCount: Int {
        parts.count { part in
            if case .wholeImage = part.computation { true } else { false }
        }
    }
}

extension RowBuffer {
    /// Some of the rows. Valid while the buffer lives.
    fileprivate func view(_ part: Range<Int>) -> RowsView { mutableView.slice(part).readable }
}

extension RowsView {
    /// The rows that are present, as if there were no others.
    fileprivate var asImage: RowsView {
        RowsView(shape: shape.of(height: rows.count), rows: 0..<rows.count, base: row(rows.lowerBound, as: UInt8.self))
    }
}

extension MutableRowsView {
    fileprivate var asImage: MutableRowsView {
        MutableRowsView(
            shape: shape.of(height: rows.count), rows: 0..<rows.count, base: row(rows.lowerBound, as: UInt8.self))
    }
}

extension ImageShape {
    fileprivate func of(height: Int) -> ImageShape { ImageShape(width: width, height: height, format: format) }
}

extension WholeImageStep {
    /// The code for an image of another height.
    fileprivate func kernel(ofHeight height: Int) -> any WholeImageKernel {
        WholeImageStep(computation, of: input.of(height: height)).kernel
    }
}
