/// Cuts a list of files into the batches in which they are hashed, sent and added to the job.
///
/// The first batches are small, so that workers start early; later ones have up to 256 images, the most that one message
/// adds. A batch ends early when it has many bytes: its images are not added before all of it has been sent.
struct UploadBatches: Sendable, Sequence, IteratorProtocol {
    static let maximumImageCount = 256
    static let maximumByteCount: UInt64 = 64 << 20

    private let byteCounts: [UInt64]
    private var position = 0
    private var imageLimit = 8

    init(byteCounts: [UInt64]) { self.byteCounts = byteCounts }

    /// The positions of the next batch's files.
    mutating func next() -> Range<Int>? {
        guard position < byteCounts.count else { return nil }
        let start = position
        var total: UInt64 = 0
        while position < byteCounts.count, position - start < imageLimit {
            // A single file above the limit is a batch by itself.
            if position > start, total + byteCounts[position] > Self.maximumByteCount { break }
            total += byteCounts[position]
            position += 1
        }
        imageLimit = Swift.min(imageLimit * 2, Self.maximumImageCount)
        return start..<position
    }
}
