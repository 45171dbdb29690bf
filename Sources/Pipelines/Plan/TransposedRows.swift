/// How the rows of a transposed image are divided among the parts that were made of it: the boundary between two stages.
///
/// A part has some rows of the image before; it is stored column by column. So each row of the transposed image is in one
/// piece in each part, and rows that follow each other are one slice of it:
///
///     before, in parts of 2 rows        stored                          rows 1 and 2 of the transposed image
///     a b c d   part 0                  part 0:  a e  b f  c g  d h     slices "b f  c g" and "j n  k o",
///     e f g h                           part 1:  i m  j n  k o  l p     put together to b f j n
///     i j k l   part 1                                                                  c g k o
///     m n o p
public struct TransposedRows: Hashable, Sendable {
    /// The shape of the transposed image.
    public let shape: ImageShape
    /// The rows before, which are the columns of the transposed image.
    public let parts: RowPartition

    /// - Parameters:
    ///   - original: the shape before.
    ///   - rowsPerPart: rows of the image before in a part.
    public init(of original: ImageShape, rowsPerPart: Int) {
        shape = ImageShape(width: original.height, height: original.width, format: original.format)
        parts = RowPartition(rowCount: original.height, rowsPerPart: rowsPerPart)
    }

    /// What the chunks of `stage` leave, which ends with columns.
    public init(of stage: Stage) { self.init(of: stage.output, rowsPerPart: stage.chunks.rowsPerPart) }

    /// Bytes of one row's piece in part `index`.
    package func pieceByteCount(_ index: Int) -> Int { parts[index].count * shape.format.bytesPerPixel }

    /// Bytes of part `index`.
    public func byteCount(ofPart index: Int) -> Int { shape.height * pieceByteCount(index) }

    /// The bytes of part `index` that hold `rows` of the transposed image.
    public func bytes(of rows: Range<Int>, inPart index: Int) -> Range<Int> {
        rows.lowerBound * pieceByteCount(index)..<rows.upperBound * pieceByteCount(index)
    }
}
