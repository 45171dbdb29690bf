import Foundation
import ImageCodecs
import ImageFormats
import Kernels
import Pipelines
import TestSupport
import Testing

extension Integration {
    /// TIFF files of which no worker has more than the strips and tiles of its chunks (decision 55).
    @Suite struct `Large TIFF files are read by their pieces` {
        @Test func `a file that no worker has the memory for goes through`() async throws {
            // 69 MiB, stored as they are; a worker of 128 MiB has 64 MiB for files and rows.
            let image = TestImage(width: 4_000, height: 3_000, .rgb, .sixteen)
            let format = try #require(try OutputEncoding(parsing: "tiff compression=none").format as? any ImageEncoding)
            let file = try image.withBand { try ImageFile.encode($0, to: format) }
            let expected = try image.processedSerially("box-blur size=5")
            try await Cluster.with(workers: 1, workerArguments: ["--memory", "128M"]) { cluster in
                let input = try cluster.file("large.tif", file)
                let outcome = try await cluster.start(
                    ["run", "box-blur size=5", input, "-o", cluster.path("x.png"), "--chunk-bytes", "8M"]
                ).outcome()
                #expect(outcome.status == 0, "\(outcome)")
                #expect(try cluster.contents(cluster.path("x.png")) == expected)
                // Leniently, a decode step needs the file as a whole.
                let other = try await cluster.start(
                    ["run", "box-blur size=5", input, "-o", cluster.path("y.png"), "--lenient", "--no-cache"]
                ).outcome()
                #expect(other.status == 1 && other.errors.contains("memory"), "\(other)")
            }
        }

        @Test func `a damaged strip is named, and a pipeline that does not need it does not see it`() async throws {
            let image = TestImage(width: 900, height: 1_500)
            let format = try #require(try OutputEncoding(parsing: "tiff").format as? any ImageEncoding)
            var file = try image.withBand { try ImageFile.encode($0, to: format) }
            // In the strip of rows 512 to 767.
            file[file.count * 5 / 12] ^= 0xff
            try await Cluster.with(workers: 2) { cluster in
                let input = try cluster.file("damaged.tif", file)
                func run(_ pipeline: String, _ name: String) async throws -> CommandRun.Outcome {
                    try await cluster.start(
                        ["run", pipeline, input, "-o", cluster.path(name), "--chunk-bytes", "600K"]
                    ).outcome()
                }
                let whole = try await run("invert", "whole.png")
                #expect(whole.status == 1 && whole.errors.contains("strip 2"), "\(whole)")
                let part = try await run("crop y=1100 height=400", "part.png")
                #expect(part.status == 0, "\(part)")
                #expect(
                    try cluster.contents(cluster.path("part.png"))
                        == image.processedSerially("crop y=1100 height=400"))
            }
        }
    }
}
