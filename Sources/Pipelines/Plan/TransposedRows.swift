/// How the rows of a transposed image lie in the parts that were made of it: the boundary between two stages.
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

    /// What the chunks of `stage` leave, which closes with columns.
    public init(of stage: Stage) { self.init(of: stage.output, rowsPerPart: stage.chunks.rowsPerPart) }

    /// Bytes of one row's piece in part `index`.
    private func pieceByteCount(_ index: Int) -> Int { parts[index].count * shape.format.bytesPerPixel }

    /// Bytes of part `index`.
    public func byteCount(ofPart index: Int) -> Int { shape.height * pieceByteCount(index) }

    /// The bytes of part `index` that hold `rows` of the transposed image.
    public func bytes(of rows: Range<Int>, inPart index: Int) -> Range<Int> {
        rows.lowerBound * pieceByteCount(index)..<rows.upperBound * pieceByteCount(index)
    }

    /// Stores rows of the image before in their part.
    ///
    /// - Parameters:
    ///   - band: all or some rows of the part.
    ///   - stored: the memory of the whole part, aligned for its samples; only the places of the band's rows are written.
    public func transpose(_ band: Band, part index: Int, to stored: UnsafeMutableRawBufferPointer) {
        precondition(stored.count == byteCount(ofPart: index), "\(stored.count) bytes for part \(index)")
        guard !band.rows.isEmpty, let target = stored.baseAddress, let source = band.bytes.baseAddress else { return }
        let pixel = shape.format.bytesPerPixel
        let first = target + (band.rows.lowerBound - parts[index].lowerBound) * pixel
        let block = PixelBlock(
            rowCount: band.rows.count, columnCount: shape.height, rowStride: band.shape.bytesPerRow,
            columnStride: pieceByteCount(index))
        block.transpose(source, to: first, pixelSize: pixel)
    }

    /// Puts rows of the transposed image together.
    ///
    /// - Parameters:
    ///   - pieces: of each part in turn, its `bytes(of: rows, inPart:)`.
    ///   - rows: what `pieces` holds.
    ///   - band: the rows that are wanted; among `rows`.
    public func assemble(_ pieces: UnsafeRawBufferPointer, holding rows: Range<Int>, to band: MutableBand) {
        precondition(pieces.count == rows.count * shape.bytesPerRow, "\(pieces.count) bytes for \(rows.count) rows")
        precondition(
            rows.lowerBound <= band.rows.lowerBound && band.rows.upperBound <= rows.upperBound,
            "rows \(band.rows) out of \(rows)")
        guard let base = pieces.baseAddress else { return }
        for y in band.rows {
            let target = UnsafeMutableRawPointer(band.row(y, as: UInt8.self))
            for index in 0..<parts.count {
                let before = parts[index].lowerBound * shape.format.bytesPerPixel
                let count = pieceByteCount(index)
                (target + before).copyMemory(
                    from: base + before * rows.count + (y - rows.lowerBound) * count, byteCount: count)
            }
        }
    }
}
