import Kernels
import Pipelines

/// A level of an image, made of the rows that are asked for, and of no others: the same pixels as those of a level that is made of
/// the whole image.
struct ReducedSource: RowSource {
    private let source: any RowSource
    private let level: Int
    let shape: ImageShape

    init(_ source: any RowSource, level: Int) {
        self.source = source
        self.level = level
        let side = 1 << level
        shape = ImageShape(
            width: (source.shape.width + side - 1) / side, height: (source.shape.height + side - 1) / side,
            format: source.shape.format)
    }

    func withRows<Value>(
        of columns: Range<Int>, _ body: ((Range<Int>) throws -> RowBuffer) throws -> Value
    ) throws -> Value {
        func inSource(_ part: Range<Int>, _ count: Int) -> Range<Int> {
            part.lowerBound << level..<min(part.upperBound << level, count)
        }
        return try source.withRows(of: inSource(columns, source.shape.width)) { read in
            try withoutActuallyEscaping(read) { read in
                try body { rows in
                    var part = try read(inSource(rows, source.shape.height))
                    for _ in 0..<level { part = LeveledImage.halved(part) }
                    return part
                }
            }
        }
    }
}
