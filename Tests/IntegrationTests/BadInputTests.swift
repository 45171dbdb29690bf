import ImageCodecs
import ImageFormats
import JobModel
import TestSupport
import Testing

extension Integration {
    @Suite struct `One bad image never stops its batch` {
        private static let pipeline = "gaussian-blur sigma=2 | sobel"
        private static let good = (0..<6).map { TestImage(width: 150 + $0, height: 100, seed: UInt64($0)) }

        /// Runs the good images with one bad among them, in chunks and whole, and checks what the user sees.
        private func runBatch(
            with bad: [UInt8], _ options: [String] = [], failsWith code: String, saying words: String
        ) async throws {
            try await Cluster.with(workers: 2, ranks: 1) { cluster in
                for chunkBytes in ["16M", "9000"] {
                    var files = try Self.good.enumerated().map { try cluster.file("good-\($0).png", $1.png) }
                    files.insert(try cluster.file("bad.png", bad), at: 3)
                    let folder = cluster.path("out-\(chunkBytes)")
                    let outcome = try await cluster.start(
                        ["run", Self.pipeline] + files + ["-o", folder + "/", "--chunk-bytes", chunkBytes] + options
                    ).outcome()
                    #expect(outcome.status == 3, "\(outcome)")
                    #expect(outcome.errors.contains("bad.png"), "\(outcome)")
                    #expect(outcome.errors.contains(code), "\(outcome)")
                    #expect(outcome.errors.contains(words), "\(outcome)")
                    for (number, image) in Self.good.enumerated() {
                        #expect(
                            try cluster.contents("\(folder)/good-\(number).png")
                                == image.processedSerially(Self.pipeline))
                    }
                    #expect(throws: (any Error).self) { try cluster.contents("\(folder)/bad.png") }
                }
                let jobs = try await cluster.withMaster { try await $0.jobs() }
                #expect(jobs.count == 2)
                for job in jobs {
                    #expect(job.state == .partlyFailed)
                    #expect(job.imagesDone == 6)
                    #expect(job.imagesFailed == 1)
                    #expect(job.attemptsFailed <= 1, "an image that cannot succeed is not tried again")
                    #expect(job.attemptsLost == 0, "no rank dies of it")
                }
            }
        }

        @Test func `a photograph that ends in a text`() async throws {
            // Headers that are not those of an image are not even sent: this has them all.
            let file = try TestImage(width: 150, height: 100).withBand { try ImageFile.encode($0, to: JPEGFormat()) }
            let text = "It was a dark and stormy night.\n".utf8
            try await runBatch(
                with: Array(file.prefix(file.count / 2) + text), failsWith: "corrupt-input", saying: "JPEG")
        }

        @Test func `a file that only begins as an image does is not sent, and the others are processed`() async throws {
            try await Cluster.with(workers: 1) { cluster in
                let text = TestImage(width: 1, height: 1).png.prefix(8) + "It was a dark and stormy night.\n".utf8
                let files = [
                    try cluster.file("text.png", Array(text)), try cluster.file("good.png", Self.good[0].png),
                ]
                let outcome = try await cluster.start(["run", "invert"] + files + ["-o", cluster.path("out") + "/"])
                    .outcome()
                #expect(outcome.status != 0 && outcome.errors.contains("text.png"), "\(outcome)")
                #expect(
                    try cluster.contents("\(cluster.path("out"))/good.png") == Self.good[0].processedSerially("invert"))
                let jobs = try await cluster.withMaster { try await $0.jobs() }
                #expect(jobs.map(\.imagesDone) == [1] && jobs.map(\.imagesFailed) == [0])
            }
        }

        @Test func `an image with a flipped bit`() async throws {
            var bytes = TestImage(width: 150, height: 100).png
            bytes[bytes.count / 2] ^= 0x10
            try await runBatch(with: bytes, failsWith: "corrupt-input", saying: "checksum")
        }

        @Test func `a truncated image`() async throws {
            let bytes = TestImage(width: 150, height: 100).png
            try await runBatch(
                with: Array(bytes.prefix(bytes.count * 2 / 3)), failsWith: "corrupt-input", saying: "end")
        }

        @Test func `an image above the limit of pixels`() async throws {
            try await runBatch(
                with: TestImage(width: 300, height: 200).png, ["--max-pixels", "50000"], failsWith: "over-limit",
                saying: "60000")
        }

        @Test func `what the header shows fails at once, while others still wait`() async throws {
            try await Cluster.with(workers: 1) { cluster in
                // Nobody computes anything.
                try await cluster.workers[0].stop()
                let files = [
                    try cluster.file("good.png", Self.good[0].png),
                    try cluster.file("large.png", TestImage(width: 300, height: 200).png),
                ]
                let job = try await cluster.submit("invert", files, "--max-pixels", "50000")
                let images = try await cluster.withMaster { try await $0.images(job).images }
                #expect(images.map { $0.failure != nil } == [false, true])
                let failure = try #require(images[1].failure)
                #expect(failure.code == "over-limit")
                #expect(failure.reason.contains("300"), "\(failure.reason)")
                #expect(try await cluster.summary(of: job).state == .running)

                cluster.workers[0].resume()
                #expect(try await cluster.waitForEnd(of: job).state == .partlyFailed)
            }
        }
    }
}
