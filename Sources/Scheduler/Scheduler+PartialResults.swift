import JobModel
import SeededFaults

/// What is there of an image's result while the image is computed.
public struct PartialResult: Hashable, Sendable {
    /// Rows that are computed and encoded.
    public struct Rows: Hashable, Sendable {
        public let rows: Range<UInt32>
        /// The bytes that the file will have for them.
        public let segments: BlobReference
        public let checksum: SegmentChecksum
    }

    public let state: ImageState
    /// Tells the runs of an image that starts over apart, as `Assembly.run` does.
    public let run: AttemptNumber
    /// The whole result; `nil` unless the image runs in chunks that give segments.
    public let output: ImageGeometry?
    /// How the result is written; see `ImageCoding.encoding`.
    public let encoding: String
    /// From top to bottom. There may be gaps.
    public let finished: [Rows]
    /// The first row that was not looked at; `nil` when all were.
    public let nextRow: UInt32?
    /// The file, once the image is done: its segments are gone then.
    public let result: BlobReference?
}

extension Scheduler {
    /// The most chunks that one answer looks at.
    static let examinedChunks = 8_192

    /// Which rows of an image's result are finished, from the records alone: no file is looked at.
    ///
    /// A chunk that another worker is to compute again counts when that has agreed: until then its rows may be wrong.
    ///
    /// - Parameters:
    ///   - firstRow: rows above it are not asked for.
    ///   - limit: the most entries.
    /// - Returns: `nil` for an image that is unknown.
    public func partialResult(of image: ImageID, firstRow: UInt32 = 0, limit: Int) -> PartialResult? {
        guard let entry = ledger.image(image) else { return nil }
        let page = ledger.jobs[image.job]?.progress[image.index]?.finishedRows(
            from: Int(firstRow), limit: limit, examining: Self.examinedChunks)
        return PartialResult(
            state: entry.state, run: entry.attemptFloor, output: page?.output,
            encoding: entry.accepted?.coding.encoding ?? "", finished: page?.finished ?? [],
            nextRow: page?.nextRow.map { UInt32($0) }, result: entry.result)
    }
}

extension ImageProgress {
    fileprivate struct Page {
        let output: ImageGeometry
        var finished: [PartialResult.Rows] = []
        var nextRow: Int?
    }

    /// - Returns: `nil` when the image's tasks give no segments.
    fileprivate func finishedRows(from firstRow: Int, limit: Int, examining examined: Int) -> Page? {
        guard let stage = plan.stages.last, stage.epilogue == .segments,
            let first = plan.task(at: .chunk(stage: UInt16(plan.stages.count - 1), index: 0))
        else { return nil }
        var page = Page(output: plan.output)
        let chunks = stage.chunks.indices(overlapping: firstRow..<max(firstRow, stage.chunks.rowCount))
        for chunk in chunks {
            guard page.finished.count < limit, chunk - chunks.lowerBound < examined else {
                page.nextRow = stage.chunks[chunk].lowerBound
                break
            }
            guard audits[UInt32(first + chunk)] == nil, let output = output(of: first + chunk),
                let segments = output.payload, let checksum = output.checksum
            else { continue }
            let place = seeded(.finishedRowsMisplaced, page.finished.count, else: chunk)
            let rows = stage.chunks[place]
            page.finished.append(
                PartialResult.Rows(
                    rows: UInt32(rows.lowerBound)..<UInt32(rows.upperBound), segments: segments, checksum: checksum))
        }
        return page
    }
}
