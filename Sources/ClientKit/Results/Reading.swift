public import JobModel
import MasterClient
public import NIOCore

extension MasterSession {
    /// Gives the bytes of a slice to `receive`, piece by piece and in order; the next piece waits until it returns.
    ///
    /// After a lost connection it continues behind the last piece. Frames on the wire have checksums, and a whole blob is
    /// compared with its digest when its last byte has arrived.
    /// - Throws: `BlobTransferError` with the code `corrupt` when the pieces are not those of the blob; what `receive`
    ///   throws; as `perform`.
    public nonisolated func read(
        _ slice: BlobSlice, _ receive: @escaping @Sendable (ByteBuffer) async throws -> Void
    ) async throws {
        let digest = RunningDigest()
        try await perform { master in
            let done = digest.byteCount
            if done == slice.byteCount, done > 0 { return }
            let rest = BlobSlice(blob: slice.blob, offset: slice.offset + done, byteCount: slice.byteCount - done)
            try await master.getBlob(rest, into: .digestedPieces(digest, receive))
        }
        // A transfer has compared its own part only.
        if slice == BlobSlice(slice.blob), digest.blob != slice.blob {
            throw BlobTransferError(.corrupt, "blob \(slice.blob.digest) arrived damaged; try again")
        }
    }
}
