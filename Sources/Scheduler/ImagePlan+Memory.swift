import JobModel
import Pipelines

// What a task takes of a worker's memory: its files, which are in shared memory, and its ranks.
//
// An estimate from above that depends on the plan alone: a worker that has as much runs the task, whatever the operations do
// in between. Rows are there up to four times: as the input, as the input of the next task, which is fetched early, as the
// output, and as the strips that the ranks compute. Where the input is read by its pieces, the next task's is there as bytes of
// the file, and so is this one's, until it is decoded.

extension ImagePlan {
    /// Programs, libraries, tables and stacks of a world's ranks.
    static let worldByteCount: UInt64 = 64 << 20
    fileprivate static let copiesOfRows: UInt64 = 4
    /// What a rank takes for each piece of a file: where it is, and that once more for the chunks that need it.
    private static let byteCountOfPiece: UInt64 = 96

    /// - Parameters:
    ///   - encodedByteCount: size of the image's file.
    ///   - needsWholeImage: whether the file is decoded all at once.
    func memoryByteCount(of task: Int, encodedByteCount: UInt64, needsWholeImage: Bool = false) -> UInt64 {
        switch step(task) {
        case .whole:
            Self.worldByteCount + encodedByteCount + Self.copiesOfRows * wholeByteCount
                + Self.byteCount(of: attachments)
        case .decode: decodeByteCount(encodedByteCount, needsWholeImage)
        case .chunk(let stage, let index):
            Self.worldByteCount
                + stages[Int(stage)].memoryByteCount(ofChunk: Int(index), pieces: stage == 0 ? pieces : nil)
                + Self.byteCount(of: stages[Int(stage)].attachments)
        case .reduce: Self.worldByteCount
        }
    }

    /// What the task takes that needs most.
    func largestMemoryByteCount(encodedByteCount: UInt64, needsWholeImage: Bool = false) -> UInt64 {
        if isWhole { return memoryByteCount(of: 0, encodedByteCount: encodedByteCount) }
        return max(
            decodeByteCount(encodedByteCount, needsWholeImage),
            Self.worldByteCount + largestChunkMemory + Self.byteCount(of: attachments))
    }

    /// The files, and their images, which each rank decodes. Ranks that share a slot share its memory with this.
    private static func byteCount(of attachments: [BlobReference]) -> UInt64 {
        attachments.reduce(0) { $0 + $1.byteCount + AttachedImage.largestByteCount }
    }

    private var wholeByteCount: UInt64 { max(geometry.rawByteCount, output.rawByteCount) }

    /// The file, and two bands of it; of an image that is decoded all at once, the image and the bands of it; of one that is
    /// read by its pieces, where these are.
    private func decodeByteCount(_ encodedByteCount: UInt64, _ needsWholeImage: Bool) -> UInt64 {
        if let pieces { return Self.worldByteCount + Self.byteCountOfPiece * UInt64(pieces.count) }
        let rows = needsWholeImage ? Int(geometry.height) : bands[0].count
        return Self.worldByteCount + encodedByteCount + 2 * UInt64(rows * stages[0].inputBytesPerRow)
    }
}

extension ImagePlan.Stage {
    /// Bytes of files and rows for the chunk, and for the next one, which is fetched while this one is computed.
    ///
    /// - Parameter pieces: the pieces of the file, when the chunk reads its rows from these.
    func memoryByteCount(ofChunk index: Int, pieces: PieceFacts?) -> UInt64 {
        let rows = UInt64(byteCount(ofChunk: index))
        let usual = ImagePlan.copiesOfRows * rows
        guard let pieces else { return usual }
        let encoded = pieces.byteCount(ofRows: inputRows[index].count)
        // The rows, the next chunk's bytes, and either this one's, or strips and output.
        return max(usual, rows + encoded + max(encoded, 2 * rows))
    }

    /// Bytes of the rows that the chunk reads, or writes if these are more.
    func byteCount(ofChunk index: Int) -> Int {
        max(inputRows[index].count * inputBytesPerRow, chunks[index].count * outputBytesPerRow)
    }
}

extension ImageGeometry {
    var rawByteCount: UInt64 { pixelCount * UInt64(channelCount) * UInt64(bitsPerSample / 8) }
}

extension PieceFacts {
    /// Bytes of the file that have that many rows, and the others of the same pieces: an estimate from above.
    func byteCount(ofRows count: Int) -> UInt64 {
        (UInt64(count) / UInt64(rowsPerBand) + 2) * largestBandByteCount
    }
}
