import Pipelines

/// Rows of an image that own their memory.
public final class RowBuffer {
    public let shape: ImageShape
    public let rows: Range<Int>
    private let memory: UnsafeMutableRawBufferPointer

    /// Rows of unspecified content.
    public init(shape: ImageShape, rows: Range<Int>) {
        self.shape = shape
        self.rows = rows
        memory = .rows(byteCount: max(1, rows.count * shape.bytesPerRow))
    }

    public convenience init(copying rows: RowsView) {
        self.init(shape: rows.shape, rows: rows.rows)
        memory.copyMemory(from: rows.bytes)
    }

    /// A copy of some columns, as rows of an image that has no others.
    package convenience init(copying columns: Range<Int>, of rows: RowsView) {
        self.init(shape: rows.shape.narrowed(to: columns), rows: rows.rows)
        mutableView.copy(columns, of: rows)
    }

    deinit { memory.deallocate() }

    /// Valid while the buffer lives.
    public var view: RowsView { mutableView.readable }
    /// Valid while the buffer lives.
    public var mutableView: MutableRowsView {
        // A buffer always has at least one byte.
        MutableRowsView(shape: shape, rows: rows, base: memory.baseAddress.unsafelyUnwrapped)
    }

    /// The samples as bytes.
    public var bytes: [UInt8] { withExtendedLifetime(self) { Array(view.bytes) } }

    /// The whole image with rows and columns exchanged; all rows must be here.
    package func transposed() -> RowBuffer {
        let layout = TransposedRows(of: shape, rowsPerPart: shape.height)
        let result = RowBuffer(shape: layout.shape, rows: 0..<layout.shape.height)
        withExtendedLifetime(self) { layout.transpose(view, part: 0, to: result.mutableView.bytes) }
        return result
    }

    /// All rows that a whole-image step makes of these, which are its prelude's output.
    func applying(_ step: WholeImageStep) throws(PipelineError) -> RowBuffer {
        let result = RowBuffer(shape: step.output, rows: 0..<step.output.height)
        // A view does not keep its buffer: without this, the memory may be another's before the kernel has read it.
        defer { withExtendedLifetime((self, result)) {} }
        let kernel = step.kernel
        let values = try kernel.finalize([kernel.aggregate(view)])
        try kernel.apply(values[0], to: view, into: result.mutableView)
        return result
    }

    /// All rows that the steps make of these.
    func applying(_ steps: [RowStep]) -> RowBuffer {
        var current = self
        for step in steps {
            let result = RowBuffer(shape: step.output, rows: 0..<step.output.height)
            withExtendedLifetime(current) { step.kernel.apply(current.view, to: result.mutableView) }
            current = result
        }
        return current
    }
}
