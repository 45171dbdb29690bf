import Foundation
import ImageCodecs
import ImageFormats
import Kernels
import Pipelines
import TestSupport
import Testing

extension Integration {
    /// From files of every format to results of every format; docs/formats.md is the promise.
    @Suite struct `Images have the formats that people have` {
        /// Higher than wide, so that small chunks end within segments.
        private static let picture = TestImage(width: 210, height: 700, seed: 9)

        /// The picture as a file of a format, and what a pipeline makes of that file, in one strip on one thread.
        private static func file(_ encoding: String) throws -> [UInt8] {
            let format = try encoder(encoding)
            return try picture.withBand { try ImageFile.encode($0, to: format) }
        }

        private static func encoder(_ encoding: String) throws -> any ImageEncoding {
            try #require(try OutputEncoding(parsing: encoding).format as? any ImageEncoding)
        }

        private static func expected(_ pipeline: String, of file: [UInt8], as encoding: String) throws -> [UInt8] {
            let (decoded, format) = (try ImageFile.decode(file), try encoder(encoding))
            return try decoded.pixels.withUnsafeBytes { bytes in
                let base = try #require(bytes.baseAddress)
                let view = RowsView(shape: decoded.shape, rows: 0..<decoded.shape.height, base: base)
                let result = try SerialExecutor.run(try Pipeline(parsing: pipeline), on: view)
                return try withExtendedLifetime(result) { try ImageFile.encode(result.view, to: format) }
            }
        }

        private static let kinds = [("a.png", "png"), ("b.jpg", "jpeg"), ("c.tif", "tiff"), ("d.webp", "webp")]

        @Test func `a mixed directory goes through in one command, each file to its own kind`() async throws {
            try await Cluster.with(workers: 2) { cluster in
                let inputs = try Self.kinds.map { ($0.0, $0.1, try Self.file($0.1)) }
                let files = try inputs.map { try cluster.file($0.0, $0.2) }
                // Whole images, chunks of many segments, and chunks that are smaller than a segment.
                for chunkBytes in ["16M", "300K", "20K"] {
                    let out = cluster.path("out-\(chunkBytes)")
                    let outcome = try await cluster.start(
                        ["run", "median size=3 | rotate"] + files + [
                            "-o", out + "/", "--chunk-bytes", chunkBytes, "--no-cache",
                        ]
                    ).outcome()
                    #expect(outcome.status == 0, "\(outcome)")
                    for (name, encoding, bytes) in inputs {
                        let expected = try Self.expected("median size=3 | rotate", of: bytes, as: encoding)
                        #expect(try cluster.contents("\(out)/\(name)") == expected, "\(name), chunks of \(chunkBytes)")
                    }
                }
            }
        }

        @Test func `a file becomes one of every other format, by its name or as asked`() async throws {
            try await Cluster.with(workers: 1) { cluster in
                let bytes = Self.picture.png
                let input = try cluster.file("in.png", bytes)
                let asked: [(words: [String], name: String, encoding: String)] = [
                    (["-o", "x.jpg"], "x.jpg", "jpeg"), (["-o", "x.tiff"], "x.tiff", "tiff"),
                    (["-o", "x.webp", "--lossless"], "x.webp", "webp lossless"),
                    (
                        ["-o", "j/", "--format", "jpeg", "--quality", "60", "--subsampling", "4:4:4"], "j/in.jpg",
                        "jpeg quality=60 subsampling=4:4:4"
                    ),
                    (["-o", "p/", "--format", "jpg", "--progressive"], "p/in.jpg", "jpeg progressive"),
                    (["-o", "t/", "--format", "tiff", "--compression", "none"], "t/in.tif", "tiff compression=none"),
                ]
                for (words, name, encoding) in asked {
                    let words = words.map { $0.contains(".") || $0.hasSuffix("/") ? cluster.path($0) : $0 }
                    let outcome = try await cluster.start(["run", "", input] + words).outcome()
                    #expect(outcome.status == 0, "\(words) \(outcome)")
                    let expected = try Self.expected("", of: bytes, as: encoding)
                    #expect(try cluster.contents(cluster.path(name)) == expected, "\(encoding)")
                }
            }
        }

        @Test func `what a format cannot hold is refused before anything is computed`() async throws {
            try await Cluster.with(workers: 1) { cluster in
                let deep = try cluster.file("deep.png", TestImage(width: 20, height: 20, .rgb, .sixteen).png)
                let outcome = try await cluster.start(["run", "", deep, "-o", cluster.path("x.jpg")]).outcome()
                #expect(outcome.status == 1)
                #expect(outcome.errors.contains("16"), "\(outcome)")
                let wrong = try await cluster.start(["run", "", deep, "-o", cluster.path("x/"), "--format", "gif"])
                    .outcome()
                #expect(wrong.status == 64 && wrong.errors.contains("png, jpeg, tiff, webp"), "\(wrong)")
            }
        }
    }
}
