import Pipelines

extension TransposedRows {
    /// Stores rows of the image before in their part.
    ///
    /// - Parameters:
    ///   - rows: all or some rows of the part.
    ///   - stored: the memory of the whole part, aligned for its samples; only the places of these rows are written.
    public func transpose(_ rows: RowsView, part index: Int, to stored: UnsafeMutableRawBufferPointer) {
        precondition(stored.count == byteCount(ofPart: index), "\(stored.count) bytes for part \(index)")
        guard !rows.rows.isEmpty, let target = stored.baseAddress, let source = rows.bytes.baseAddress else { return }
        let pixel = shape.format.bytesPerPixel
        let first = target + (rows.rows.lowerBound - parts[index].lowerBound) * pixel
        let block = PixelBlock(
            rowCount: rows.rows.count, columnCount: shape.height, rowStride: rows.shape.bytesPerRow,
            columnStride: pieceByteCount(index))
        block.transpose(source, to: first, pixelSize: pixel)
    }

    /// Puts rows of the transposed image together.
    ///
    /// - Parameters:
    ///   - pieces: of each part in turn, its `bytes(of: rows, inPart:)`.
    ///   - rows: what `pieces` holds.
    ///   - target: the rows that are wanted; among `rows`.
    public func assemble(_ pieces: UnsafeRawBufferPointer, holding rows: Range<Int>, to target: MutableRowsView) {
        precondition(pieces.count == rows.count * shape.bytesPerRow, "\(pieces.count) bytes for \(rows.count) rows")
        precondition(
            rows.lowerBound <= target.rows.lowerBound && target.rows.upperBound <= rows.upperBound,
            "rows \(target.rows) out of \(rows)")
        guard let base = pieces.baseAddress else { return }
        for y in target.rows {
            let row = UnsafeMutableRawPointer(target.row(y, as: UInt8.self))
            for index in 0..<parts.count {
                let before = parts[index].lowerBound * shape.format.bytesPerPixel
                let count = pieceByteCount(index)
                (row + before).copyMemory(
                    from: base + before * rows.count + (y - rows.lowerBound) * count, byteCount: count)
            }
        }
    }
}
