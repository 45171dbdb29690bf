import ImageCodecs
import ImageFormats
import Kernels
import Pipelines
import TestSupport
import Testing

extension Integration {
    /// `--pyramid`, from the command to the levels that `--level` reads (decision 64).
    @Suite struct `TIFF files are written with reduced levels` {
        /// Odd sides: each level has pixels that stand for one or two of the level before.
        private static let picture = TestImage(width: 601, height: 903, seed: 21)
        private static let pipeline = "median size=3 | invert"

        /// The means of each square of 2 x 2 pixels that there are, rounded half up.
        private static func halved(_ shape: ImageShape, _ pixels: [UInt8]) -> (ImageShape, [UInt8]) {
            let half = ImageShape(width: (shape.width + 1) / 2, height: (shape.height + 1) / 2, format: shape.format)
            let count = shape.format.channelCount
            var means: [UInt8] = []
            for y in 0..<half.height {
                let rows = 2 * y..<min(2 * y + 2, shape.height)
                for x in 0..<half.width {
                    let columns = 2 * x..<min(2 * x + 2, shape.width)
                    for channel in 0..<count {
                        var sum = 0
                        for row in rows {
                            for column in columns { sum += Int(pixels[(row * shape.width + column) * count + channel]) }
                        }
                        let divisor = rows.count * columns.count
                        means.append(UInt8((sum + divisor / 2) / divisor))
                    }
                }
            }
            return (half, means)
        }

        private static func level(_ number: Int, of file: [UInt8]) throws -> ImageFile.Decoded {
            var limits = DecodingLimits()
            limits.options.level = number
            return try ImageFile.decode(file, limits: limits)
        }

        /// What one process writes, in one strip.
        private static func expected() throws -> [UInt8] {
            let format = try #require(try OutputEncoding(parsing: "tiff pyramid").format as? any ImageEncoding)
            return try picture.withBand { band in
                let result = try SerialExecutor.run(try Pipeline(parsing: pipeline), on: band)
                return try withExtendedLifetime(result) { try ImageFile.encode(result.view, to: format) }
            }
        }

        @Test(arguments: [(workers: 1, ranks: 1), (workers: 2, ranks: 2)])
        func `by any workers the same file, of which each level is the mean of the one before`(
            workers: Int, ranks: Int
        ) async throws {
            let expected = try Self.expected()
            try await Cluster.with(workers: workers, ranks: ranks) { cluster in
                let input = try cluster.file("in.png", Self.picture.png)
                // One task; chunks of a row of tiles; chunks that are less than one.
                for chunkBytes in ["16M", "500K", "90K"] {
                    let output = cluster.path("pyramid-\(chunkBytes).tif")
                    let outcome = try await cluster.start([
                        "run", Self.pipeline, input, "-o", output, "--pyramid", "--chunk-bytes", chunkBytes,
                        "--no-cache",
                    ]).outcome()
                    #expect(outcome.status == 0, "\(outcome)")
                    #expect(try cluster.contents(output) == expected, "chunks of \(chunkBytes)")
                }
                var above: ImageFile.Decoded?
                for number in 0...2 {
                    let found = try Self.level(number, of: expected)
                    if let above {
                        let (half, means) = Self.halved(above.shape, above.pixels)
                        #expect(found.shape == half && found.pixels == means, "level \(number)")
                    }
                    above = found
                    // As a person reads it.
                    let output = cluster.path("level-\(number).png")
                    let outcome = try await cluster.start([
                        "run", "", cluster.path("pyramid-16M.tif"), "-o", output, "--level", "\(number)",
                        "--chunk-bytes", "100K",
                    ]).outcome()
                    #expect(outcome.status == 0, "\(outcome)")
                    #expect(try ImageFile.decode(cluster.contents(output)).pixels == found.pixels, "level \(number)")
                }
                #expect(throws: CodecError.self, "no level after 151 x 226") { try Self.level(3, of: expected) }
            }
        }
    }
}
