import JobModel
import TestSupport

/// Work that takes long enough to be disturbed: dozens of chunks of an expensive pipeline.
enum LongJob {
    static let pipeline = "median size=255 | gaussian-blur sigma=5"
    static let image = TestImage(width: 600, height: 600, .rgb, .sixteen, seed: 7)
    static let chunkBytes = "90000"
    /// What an undisturbed process makes of it.
    static let expected = Result { try image.processedSerially(pipeline) }

    static func submit(to cluster: Cluster) async throws -> JobID {
        try await cluster.submit(
            pipeline, [try cluster.file("photo.png", image.png)], "--chunk-bytes", chunkBytes)
    }
}
