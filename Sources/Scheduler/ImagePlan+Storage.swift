import JobModel
import Pipelines

// What a task stores at the master: the room that must be there before the task is worth granting.
//
// An estimate from above that depends on the plan alone, so that a worker's word is not needed for it: rows are stored as they
// are, and encoded rows take little more than that, whatever is in them.

extension ImagePlan {
    /// Headers, metadata, partial aggregates of the usual size, and what a file system rounds up to.
    static let storageSlackByteCount: UInt64 = 64 << 10

    /// Bytes that the task stores.
    func storageByteCount(of task: Int) -> UInt64 {
        switch step(task) {
        case .whole:
            encoded(bytesPerRow: output.rawByteCount / max(1, UInt64(output.height)), rows: UInt64(output.height))
        case .decode where isInPieces: Self.storageSlackByteCount + piecesByteCount
        case .decode:
            Self.storageSlackByteCount + UInt64(neededRowCount * stages[0].inputBytesPerRow)
        case .chunk(let stage, let index):
            encoded(
                bytesPerRow: UInt64(stages[Int(stage)].outputBytesPerRow),
                rows: UInt64(stages[Int(stage)].chunks[Int(index)].count))
        case .reduce: Self.storageSlackByteCount
        }
    }

    /// Bytes of the file that is put together of parts with that many bytes.
    static func storageByteCount(assembling parts: UInt64) -> UInt64 {
        parts.addingClamped(storageSlackByteCount)
    }

    /// For each chunk, tables and where its pieces are: some 40 bytes for each.
    private var piecesByteCount: UInt64 {
        guard let pieces else { return 0 }
        let rowsOfPieces = (UInt64(geometry.height) - 1) / UInt64(pieces.rowsPerBand) + 1
        let piecesInRow = UInt64(pieces.count) / rowsOfPieces + 1
        return stages[0].inputRows.reduce(0) { sum, rows in
            sum + 8_192 + 40 * piecesInRow * (UInt64(rows.count) / UInt64(pieces.rowsPerBand) + 2)
        }
    }

    private var neededRowCount: Int {
        guard let last = neededBands.last else { return 0 }
        return bands[last].upperBound - bands[neededBands.lowerBound].lowerBound
    }

    /// A byte for each row's filter, and less than a thousandth for rows that do not compress.
    private func encoded(bytesPerRow: UInt64, rows: UInt64) -> UInt64 {
        let rawByteCount =
            coding.hasReducedLevels
            ? pyramidByteCount(bytesPerRow: bytesPerRow, rows: rows) : bytesPerRow * rows
        return rawByteCount + rows + rawByteCount / 1_000 + Self.storageSlackByteCount
    }

    /// Whole tiles, and a third more for the reduced levels of these; a level's last tile of a row may be empty but for a column.
    private func pyramidByteCount(bytesPerRow: UInt64, rows: UInt64) -> UInt64 {
        let width = max(1, UInt64(output.width))
        let tileByteCount = (bytesPerRow + width - 1) / width * Self.tileSide * Self.tileSide
        let tiles = (width + Self.tileSide - 1) / Self.tileSide * tileByteCount
        return (tiles + tiles / 3 + tileByteCount) * ((rows + Self.tileSide - 1) / Self.tileSide)
    }

    private static let tileSide: UInt64 = 256
}
