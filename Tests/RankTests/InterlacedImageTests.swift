import Foundation
import JobModel
import TestSupport
import Testing

@testable import Rank

/// The one kind of image that a rank holds as a whole.
@Suite struct InterlacedImageTests {
    /// 32 x 32 RGB, interlaced: 3,072 bytes decoded.
    private static let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "ImageCodecsTests/PngSuite/basi2c08.png").path

    private func decode(memoryByteCount: UInt64) throws -> Int {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("interlaced-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let spec = TaskSpec(
            task: TaskID(image: ImageID(job: JobID(1), index: 0), step: .decode), pipeline: "invert",
            geometry: ImageGeometry(width: 32, height: 32, channelCount: 3, bitsPerSample: 8), chunkByteCount: 1_000,
            maximumPixelCount: 1_024, inputs: [], progressTimeoutMilliseconds: 1_000)
        var byteCount = 0
        _ = try DecodeTask(memoryByteCount: memoryByteCount) { _, _, count in byteCount += Int(count) }
            .run(spec, input: Self.file, directory: folder.path)
        return byteCount
    }

    @Test func `it is decoded where there is memory for it`() throws {
        #expect(try decode(memoryByteCount: 10_000) == 3_072)
    }

    @Test func `where there is not, another worker is to try, and the reason says need and have`() throws {
        let failure = try #require(#expect(throws: RankFailure.self) { try decode(memoryByteCount: 6_000) })
        #expect(failure.cause == .workerError, "it is retried elsewhere")
        let need = try FileManager.default.attributesOfItem(atPath: Self.file)[.size] as? Int
        #expect(failure.reason.contains("\(2 * 3_072 + (need ?? 0)) bytes"), "\(failure.reason)")
        #expect(failure.reason.contains("6000") && failure.reason.contains("--memory"), "\(failure.reason)")
    }
}
