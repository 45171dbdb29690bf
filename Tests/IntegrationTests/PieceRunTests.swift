import Foundation
import ImageCodecs
import ImageFormats
import Kernels
import Pipelines
import TestSupport
import Testing

extension Integration {
    /// Files of which no worker has more than the strips, tiles and restart intervals of its chunks (decisions 55 and 67).
    @Suite struct `Large files are read by their pieces` {
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

        @Test func `a JPEG file is read by its restart intervals, and damage costs only the chunks that need it`()
            async throws
        {
            let image = TestImage(width: 900, height: 1_500)
            let format = try #require(try OutputEncoding(parsing: "jpeg").format as? any ImageEncoding)
            let file = try image.withBand { try ImageFile.encode($0, to: format) }
            var damaged = file
            // In the intervals of some rows above the middle: no codes of the standard's tables.
            for index in file.count * 2 / 5..<file.count * 2 / 5 + 40 { damaged[index] = index % 2 == 0 ? 0xff : 0 }
            let pixels = try ImageFile.decode(file)
            func expected(_ pipeline: String) throws -> [UInt8] {
                try pixels.pixels.withUnsafeBytes { bytes in
                    let view = RowsView(
                        shape: pixels.shape, rows: 0..<pixels.shape.height, base: try #require(bytes.baseAddress))
                    let result = try SerialExecutor.run(try Pipeline(parsing: pipeline), on: view)
                    return try withExtendedLifetime(result) { try ImageFile.encode(result.view, to: PNGFormat()) }
                }
            }
            try await Cluster.with(workers: 2) { cluster in
                let inputs = [try cluster.file("intact.jpg", file), try cluster.file("damaged.jpg", damaged)]
                func run(_ pipeline: String, _ input: String, _ name: String) async throws -> CommandRun.Outcome {
                    try await cluster.start(
                        ["run", pipeline, input, "-o", cluster.path(name), "--chunk-bytes", "600K"]
                    ).outcome()
                }
                let whole = try await run("gaussian-blur sigma=2", inputs[0], "whole.png")
                #expect(whole.status == 0, "\(whole)")
                #expect(try cluster.contents(cluster.path("whole.png")) == expected("gaussian-blur sigma=2"))
                let refused = try await run("gaussian-blur sigma=2", inputs[1], "refused.png")
                #expect(refused.status == 1 && refused.errors.contains("in rows "), "\(refused)")
                let part = try await run("crop y=1100 height=400", inputs[1], "part.png")
                #expect(part.status == 0, "\(part)")
                #expect(try cluster.contents(cluster.path("part.png")) == expected("crop y=1100 height=400"))
            }
        }

        /// The tasks that are done when a bit changes; at most as many again are fetched by then.
        private static let tasksBefore: UInt64 = 3

        @Test func `an upload that changes on disk while it is read is named, and costs its own image only`()
            async throws
        {
            let pipeline = "median size=41"
            let (spoiled, intact) = (
                TestImage(width: 500, height: 3_000, .gray, .sixteen, seed: 3),
                TestImage(width: 400, height: 500, .gray, .sixteen, seed: 4)
            )
            let format = try #require(try OutputEncoding(parsing: "tiff compression=none").format as? any ImageEncoding)
            let file = try spoiled.withBand { try ImageFile.encode($0, to: format) }
            try await Cluster.with(workers: 1) { cluster in
                let inputs = [try cluster.file("a.tif", file), try cluster.file("b.png", intact.png)]
                let command = try cluster.start(
                    ["run", pipeline] + inputs + [
                        "-o", cluster.path("out/"), "--format", "png", "--chunk-bytes", "150K",
                    ])
                let job = try await cluster.withMaster { master in
                    try await eventually("the file is being read", every: .milliseconds(5)) {
                        try await master.jobs().first { $0.tasksDone >= Self.tasksBefore }.map(\.id)
                    }
                }
                // Nobody fetches while the bit changes.
                let worker = cluster.workers[0]
                try await worker.stop()
                let before = try await cluster.summary(of: job)
                try #require(before.tasksDone < before.tasksTotal / 2, "it is in the midst of \(before)")
                let stored = try #require(try Self.blob(of: file, in: cluster.path("state/blobs")))
                // In the last rows, which are read last.
                try Self.flipBit(at: file.count - 5_000, of: stored)
                worker.resume()
                let outcome = try await command.outcome()
                #expect(outcome.status == 3, "some images have failed: \(outcome)")
                #expect(outcome.errors.contains("a.tif") && outcome.errors.contains("damaged"), "\(outcome)")

                let names = try FileManager.default.contentsOfDirectory(atPath: cluster.path("out"))
                #expect(names == ["b.png"], "nothing was computed of the damaged file")
                #expect(try cluster.contents(cluster.path("out/b.png")) == intact.processedSerially(pipeline))
                let setAside = try FileManager.default.contentsOfDirectory(atPath: cluster.path("state/blobs/damaged"))
                #expect(setAside.count == 1 && !FileManager.default.fileExists(atPath: stored))
                #expect(try cluster.text(cluster.master.logFile).contains("a blob is damaged: check the disk"))

                // Sent again, it is as good as ever.
                let again = try await cluster.submit(pipeline, [inputs[0]], "--format", "png", "--chunk-bytes", "150K")
                #expect(try await cluster.result(of: again) == spoiled.processedSerially(pipeline))
            }
        }

        /// The file of a blob with these bytes.
        private static func blob(of bytes: [UInt8], in directory: String) throws -> String? {
            let names = try FileManager.default.subpathsOfDirectory(atPath: directory)
            return try names.map { "\(directory)/\($0)" }.first { path in
                let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
                return size == bytes.count && FileManager.default.contents(atPath: path) == Data(bytes)
            }
        }

        private static func flipBit(at offset: Int, of path: String) throws {
            // Blobs are stored read-only.
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
            let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
            defer { try? file.close() }
            try file.seek(toOffset: UInt64(offset))
            let byte = try #require(try file.read(upToCount: 1)?.first)
            try file.seek(toOffset: UInt64(offset))
            try file.write(contentsOf: [byte ^ 4])
        }
    }
}
