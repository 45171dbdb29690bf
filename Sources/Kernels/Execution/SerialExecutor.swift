/// Applies a pipeline to a whole image in memory, in one strip: the plainest way, which every other way must agree with.
public enum SerialExecutor {
    /// The rows of the result.
    ///
    /// - Parameter input: all rows of the image.
    public static func run(_ pipeline: Pipeline, on input: Band) throws(PipelineError) -> RowBuffer {
        precondition(pipeline.report == nil, "`\(pipeline.canonicalText)` gives a document")
        return try run(pipeline.operations[...], on: input)
    }

    /// The document that the last operation gives.
    ///
    /// - Parameter input: all rows of the image.
    public static func report(_ pipeline: Pipeline, on input: Band) throws(PipelineError) -> [UInt8] {
        guard let report = pipeline.report else { preconditionFailure("`\(pipeline.canonicalText)` gives an image") }
        var current = try run(pipeline.operations.dropLast(), on: input)
        _ = try report.outputShape(for: current.shape)
        let kernel = report.reportKernel(for: current.shape)
        for preparation in kernel.prelude { current = current.applying(preparation) }
        return try kernel.document([withExtendedLifetime(current) { kernel.summarise(current.band) }])
    }

    private static func run(
        _ operations: ArraySlice<any Operation>, on input: Band
    ) throws(PipelineError) -> RowBuffer {
        precondition(input.rows == 0..<input.shape.height, "the whole image is needed, not rows \(input.rows)")
        var current = RowBuffer(copying: input)
        for operation in operations {
            _ = try operation.outputShape(for: current.shape)
            switch operation.kernel(for: current.shape) {
            case .rows(let kernels): for kernel in kernels { current = current.applying(kernel) }
            case .transposition(let before, let after):
                for kernel in before { current = current.applying(kernel) }
                current = current.transposed()
                for kernel in after { current = current.applying(kernel) }
            case .wholeImage(let kernel):
                for preparation in kernel.prelude { current = current.applying(preparation) }
                current = try current.finished(by: kernel)
            }
        }
        return current
    }
}

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

    public convenience init(copying band: Band) {
        self.init(shape: band.shape, rows: band.rows)
        memory.copyMemory(from: band.bytes)
    }

    deinit { memory.deallocate() }

    /// Valid while the buffer lives.
    public var band: Band { mutableBand.readable }
    /// Valid while the buffer lives.
    public var mutableBand: MutableBand {
        // A buffer always has at least one byte.
        MutableBand(shape: shape, rows: rows, base: memory.baseAddress.unsafelyUnwrapped)
    }

    /// The samples as bytes.
    public var bytes: [UInt8] { withExtendedLifetime(self) { Array(band.bytes) } }

    /// The whole image with rows and columns exchanged; all rows must be here.
    package func transposed() -> RowBuffer {
        let layout = TransposedRows(of: shape, rowsPerPart: shape.height)
        let result = RowBuffer(shape: layout.shape, rows: 0..<layout.shape.height)
        withExtendedLifetime(self) { layout.transpose(band, part: 0, to: result.mutableBand.bytes) }
        return result
    }

    /// All rows that a whole-image operation makes of these.
    func finished(by kernel: any WholeImageKernel) throws(PipelineError) -> RowBuffer {
        let result = RowBuffer(shape: kernel.outputShape, rows: 0..<kernel.outputShape.height)
        // A band does not keep its buffer: without this, the memory may be another's before the kernel has read it.
        defer { withExtendedLifetime((self, result)) {} }
        let values = try kernel.resolve([kernel.summarise(band)])
        try kernel.finish(band, value: values[0], to: result.mutableBand)
        return result
    }

    /// All rows that `kernel` makes of these.
    func applying(_ kernel: any RowKernel) -> RowBuffer {
        let result = RowBuffer(shape: kernel.outputShape, rows: 0..<kernel.outputShape.height)
        withExtendedLifetime(self) { kernel.apply(band, to: result.mutableBand) }
        return result
    }
}
