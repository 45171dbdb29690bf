import ClientKit
import ImageCodecs
import ImageFormats
import JobModel
import Pipelines
import TestSupport
import Testing

extension Integration {
    @Suite struct `Parts of results` {
        /// Chunks of one segment each, of an expensive pipeline: 16 of a PNG file, 5 of a TIFF file. Smaller ones would be encoded by a
        /// stage of its own, all at the end.
        private static let image = TestImage(width: 600, height: 1_100, .rgb, .sixteen, seed: 7)
        private static let pipeline = "median size=255 | gaussian-blur sigma=5"

        /// Rows that were read before the file was there.
        private struct Part {
            let rows: Range<UInt32>
            let pixels: [UInt8]
        }

        @Test(arguments: [("png", 5), ("tiff", 2)])
        func `finished rows are read while the job runs, and are those of its file, though a worker dies`(
            format: String, leastCount: Int
        ) async throws {
            try await Cluster.with(workers: 2, ranks: 1) { cluster in
                let job = try await cluster.submit(
                    Self.pipeline, [try cluster.file("photo.png", Self.image.png)], "--chunk-bytes",
                    format == "png" ? "280000" : "1000000",
                    "--format", format)
                let image = ImageID(job: job, index: 0)
                let victim = cluster.workers[0]
                let (parts, last) = try await cluster.withSession { session in
                    try await Self.follow(image, session) { try await victim.kill() }
                }
                #expect(last.state == .done, "\(last)")
                #expect(parts.count >= leastCount, "\(parts.map(\.rows))")

                let file = try await cluster.result(of: job)
                let whole = try ImageFile.decode(file)
                let bytesPerRow = whole.shape.bytesPerRow
                for part in parts {
                    let place = Int(part.rows.lowerBound) * bytesPerRow..<Int(part.rows.upperBound) * bytesPerRow
                    // Not by #expect(==), which would print the pixels.
                    let isEqual = part.pixels.elementsEqual(whole.pixels[place])
                    #expect(isEqual, "rows \(part.rows)")
                }
                let done = try await cluster.withSession { try await $0.partialResult(of: image) }
                #expect(done?.state == .done && done?.finished.isEmpty == true)
                #expect(done?.result?.byteCount == UInt64(file.count))
            }
        }

        /// Reads the rows of an image as they are finished, to the end of the job.
        ///
        /// - Parameter middle: what happens when some have been read.
        private static func follow(
            _ image: ImageID, _ session: MasterSession, atMiddle middle: @Sendable () async throws -> Void
        ) async throws -> (parts: [Part], last: JobSummary) {
            var parts: [Part] = []
            var run: UInt32?
            var isPastMiddle = false
            for try await event in session.events(of: image.job) {
                if case .ended(let last) = event { return (parts, last) }
                guard let partial = try await session.partialResult(of: image), partial.state == .running else {
                    continue
                }
                if run != partial.run { parts = [] }
                run = partial.run
                let known = Set(parts.map(\.rows))
                for finished in partial.finished where !known.contains(finished.rows) {
                    let shape = try #require(partial.output).shape
                    let outcome = try await session.segments(of: finished, of: image, run: partial.run)
                    guard case .bytes(let segments) = outcome else { continue }
                    let rows = Int(finished.rows.lowerBound)..<Int(finished.rows.upperBound)
                    let file = try OutputEncoding(parsing: partial.encoding).format.file(
                        ofRows: rows, in: shape, segments: segments, checksum: finished.checksum)
                    parts.append(Part(rows: finished.rows, pixels: try ImageFile.decode(file).pixels))
                }
                if !parts.isEmpty, !isPastMiddle {
                    isPastMiddle = true
                    try await middle()
                }
            }
            throw CancellationError()
        }
    }
}

extension ImageGeometry {
    fileprivate var shape: ImageShape {
        get throws {
            let layout = try #require(ChannelLayout(rawValue: channelCount))
            let depth = try #require(SampleDepth(rawValue: bitsPerSample))
            return ImageShape(width: Int(width), height: Int(height), format: PixelFormat(layout, depth))
        }
    }
}
