public import JobModel
import MasterClient
import Synchronization

extension MasterSession {
    /// All finished rows of an image, in as many pages as they take.
    ///
    /// - Parameters:
    ///   - firstRow: finished rows that end before it are left out.
    ///   - run: the run of the image that the caller knows the rows above of; when the image has started over since, the answer
    ///     begins with row 0.
    /// - Returns: `nil` when the master is of a release that does not say.
    /// - Throws: `MasterRefusal` with the code `not-found` for an image that the master does not know; as `perform`.
    public nonisolated func partialResult(
        of image: ImageID, firstRow: UInt32 = 0, run: UInt32? = nil
    ) async throws -> PartialResult? {
        var known: PartialResult?
        var next = firstRow
        while true {
            let from = next
            guard let page = try await perform({ try await $0.partialResult(of: image, firstRow: from) }) else {
                return nil
            }
            if let before = known ?? run.map({ PartialResult(state: page.state, run: $0) }), before.run != page.run,
                from > 0
            {
                // It started over between the pages, or since the caller asked last.
                known = PartialResult(state: page.state, run: page.run)
                next = 0
                continue
            }
            var all = page
            if let known { all.finished = known.finished + page.finished }
            guard let following = page.nextRow, following > from || known == nil else { return all }
            known = all
            next = following
        }
    }

    /// Fetches the segments of finished rows.
    ///
    /// They may be gone: put together to the result's file, or of a run of the image that is over. Then the master is asked once
    /// more what there is.
    ///
    /// - Parameter run: the run of the image in which they were finished.
    /// - Throws: as `read`.
    public nonisolated func segments(
        of rows: FinishedRows, of image: ImageID, run: UInt32
    ) async throws -> SegmentsOutcome {
        do {
            return .bytes(try await bytes(of: rows.segments))
        } catch let refusal as MasterRefusal where refusal.code == .blobNotFound {
            guard let now = try await partialResult(of: image, firstRow: rows.rows.lowerBound) else { throw refusal }
            // A file that is about to be found missing: the image starts over, or it was put again.
            guard now.run == run, now.finished.first == rows else { return .replaced(by: now) }
            return .bytes(try await bytes(of: rows.segments))
        }
    }

    private nonisolated func bytes(of blob: BlobReference) async throws -> [UInt8] {
        let bytes = Mutex<[UInt8]>([])
        bytes.withLock { $0.reserveCapacity(Int(blob.byteCount)) }
        try await read(BlobSlice(blob)) { piece in
            bytes.withLock { $0.append(contentsOf: piece.readableBytesView) }
        }
        return bytes.withLock { $0 }
    }
}

/// What came of a request for the segments of finished rows.
public enum SegmentsOutcome: Sendable, Hashable {
    case bytes([UInt8])
    /// They are gone, and this is there instead: the result, or what another run of the image has finished.
    case replaced(by: PartialResult)
}
