import Glibc
import JobModel
import TestSupport
import Testing

extension Integration {
    @Suite struct `What the command line promises` {
        @Test func `an image goes from standard input to standard output`() async throws {
            try await Cluster.with(workers: 1) { cluster in
                let image = TestImage(width: 160, height: 120)
                let outcome = try await cluster.run("run", "sharpen", "-", "-o", "-", input: image.png)
                #expect(outcome.status == 0, "\(outcome)")
                #expect(try outcome.output == image.processedSerially("sharpen"))
                #expect(outcome.errors == "")
            }
        }

        @Test func `a preset is verified on the cluster against the serial result`() async throws {
            try await Cluster.with(workers: 1) { cluster in
                let small = try cluster.file("small.png", TestImage(width: 61, height: 47).png)
                let large = try cluster.file("large.png", TestImage(width: 400, height: 300).png)
                let presets = try cluster.file("presets", Array("edges = gaussian-blur sigma=2 | canny\n".utf8))
                let outcome = try await cluster.run(
                    "verify", "@edges | invert", small, large, "--presets", presets, "--chunk-bytes", "40K")
                #expect(outcome.status == 0, "\(outcome)")
                let lines = outcome.text.split(separator: "\n")
                #expect(lines.count == 2, "\(outcome)")
                for (line, count) in zip(lines, [61 * 47, 400 * 300]) {
                    #expect(line.contains("identical, all \(count) samples and every byte of the file"), "\(line)")
                }
                let unknown = try await cluster.run("verify", "@edge", small, "--presets", presets)
                #expect(unknown.status == 64)
                #expect(unknown.errors.contains("did you mean `edges`"), "\(unknown)")
            }
        }

        @Test func `what a feature operation finds is written, printed, fetched and verified as JSON`() async throws {
            try await Cluster.with(workers: 1) { cluster in
                let image = TestImage(width: 90, height: 70)
                let file = try cluster.file("photo.png", image.png)
                let expected = try image.processedSerially("otsu | components output=json")
                let place = cluster.path("found.json")
                let written = try await cluster.run("run", "otsu | components", file, "-o", place)
                #expect(written.status == 0, "\(written)")
                #expect(try cluster.contents(place) == expected)

                let printed = try await cluster.run("run", "otsu | components", file, "--json")
                #expect(printed.status == 0, "\(printed)")
                #expect(printed.output == expected)

                // Smaller than the image: chunks, and a reduction whose value is the document.
                let job = try await cluster.submit(
                    "otsu | components output=json", [file], "--chunk-bytes", "3000", "--no-cache")
                let folder = cluster.path("results") + "/"
                let fetched = try await cluster.run("fetch", "\(job)", "-o", folder)
                #expect(fetched.status == 0, "\(fetched)")
                #expect(try cluster.contents(folder + "photo.json") == expected)

                let verified = try await cluster.run("verify", "contours output=json", file, "--chunk-bytes", "3000")
                #expect(verified.status == 0, "\(verified)")
                #expect(verified.text.contains("bytes of the document"), "\(verified)")

                let refused = try await cluster.run("run", "sobel", file, "-o", place)
                #expect(refused.status == 64)
                #expect(refused.errors.contains("ends with `sobel`"), "\(refused)")
            }
        }

        @Test func `a cancelled job ends, and the cluster continues`() async throws {
            try await Cluster.with(workers: 1) { cluster in
                let job = try await LongJob.submit(to: cluster)
                let waiting = try cluster.start(["wait", "\(job)"])
                try await cluster.waitForMiddle(of: job, tasksDone: 2)
                let cancelling = try await cluster.run("cancel", "\(job)")
                #expect(cancelling.status == 0, "\(cancelling)")
                let summary = try await cluster.summary(of: job)
                #expect(summary.state == .cancelled)
                #expect(summary.tasksDone < summary.tasksTotal)
                let waited = try await waiting.outcome()
                #expect(waited.status == 1, "\(waited)")
                #expect(waited.text.contains("cancelled"), "\(waited)")

                try await eventually("the worker's leases are revoked", within: .seconds(10)) {
                    try await cluster.status(of: cluster.workers[0]).leasesHeld == 0
                }
                let image = TestImage(width: 50, height: 40)
                let next = try await cluster.submit("invert", [try cluster.file("next.png", image.png)])
                #expect(try await cluster.result(of: next) == image.processedSerially("invert"))
                let again = try await cluster.run("cancel", "\(job)")
                #expect(again.status == 0 || again.errors.contains("cancelled"), "\(again)")
            }
        }

        @Test func `an interrupted run leaves its job running`() async throws {
            try await Cluster.with(workers: 2) { cluster in
                let file = try cluster.file("photo.png", LongJob.image.png)
                let place = cluster.path("interrupted.png")
                let command = try cluster.start(
                    ["run", LongJob.pipeline, file, "-o", place, "--chunk-bytes", LongJob.chunkBytes])
                let job = try await cluster.withMaster { master in
                    try await eventually("the job is under way") {
                        try await master.jobs().first { $0.tasksDone >= 2 }.map(\.id)
                    }
                }
                command.process.send(SIGINT)
                let outcome = try await command.outcome()
                #expect(outcome.status == 130, "\(outcome)")
                #expect(outcome.errors.contains("job \(job) continues"), "\(outcome)")
                #expect(throws: (any Error).self) { try cluster.contents(place) }
                #expect(try await cluster.summary(of: job).isFinal == false)
                #expect(try await cluster.result(of: job) == LongJob.expected.get())
            }
        }

        @Test func `the exit status says what happened`() async throws {
            try await Cluster.with(workers: 1, ranks: 1) { cluster in
                let good = try cluster.file("good.png", TestImage(width: 40, height: 30).png)
                let bad = try cluster.file("bad.png", Array("no image".utf8))
                let wrongSecret = try cluster.secretFile("not the secret that the master knows")
                let folder = cluster.path("out/")
                func expect(
                    _ status: Int32, _ arguments: [String], saying words: String = "",
                    sourceLocation: SourceLocation = #_sourceLocation
                ) async throws {
                    let outcome = try await cluster.start(arguments).outcome()
                    #expect(outcome.status == status, "\(outcome)", sourceLocation: sourceLocation)
                    #expect(
                        words.isEmpty || outcome.errors.contains(words), "\(outcome)", sourceLocation: sourceLocation)
                }
                try await expect(0, ["run", "invert", good, "-o", folder])
                try await expect(1, ["run", "invert", bad, "-o", folder], saying: "bad.png")
                try await expect(3, ["run", "invert", good, bad, "-o", folder], saying: "bad.png")
                try await expect(4, ["status", "--secret-file", wrongSecret], saying: "secret")
                try await expect(4, ["status", "--secret-file", cluster.path("none")], saying: "none")
                // Port 1 is nobody's.
                try await expect(
                    5, ["status", "--master", "127.0.0.1:1", "--reconnect-timeout", "1s"], saying: "127.0.0.1:1")
                try await expect(64, ["run", "gaussian-blur sigma=much", good, "-o", folder], saying: "much")
                try await expect(64, ["run", "no-such-operation", good, "-o", folder], saying: "no-such-operation")
                try await expect(64, ["run", "invert"], saying: "which images?")
                try await expect(64, ["run", "gaussian-blur", "sigma=3", good, "-o", folder], saying: "in quotes")
                try await expect(64, ["run", good, "invert", "-o", folder], saying: "the pipeline comes first")
                try await expect(64, ["run", "invert", good, "-o", folder + "x.gif"], saying: "x.png")
                try await expect(64, ["runn", "invert", good], saying: "did you mean 'tessera run'?")
                try await expect(64, ["run", "invert", "-beach.png"], saying: "./-beach.png")
                try await expect(64, ["status", "--master", "http://localhost"], saying: "leave http:// out")
                try await expect(1, ["dead", "list", "4711"], saying: "4711")
                try await expect(1, ["dead", "show", "1.0"], saying: "image 1.0 is done, not dead-lettered")
                try await expect(0, ["status", "1.0"])
                try await expect(0, ["watch", "1.0"], saying: "is done")
                try await expect(0, ["wait", "1", "1.0"])
                try await expect(0, ["fetch", "1.0", "-o", folder])
                try await expect(1, ["cancel", "1"], saying: "already finished")
                try await expect(64, ["status", "--no-such-option"], saying: "no-such-option")
                try await expect(1, ["status", "4711"], saying: "4711")
                try await expect(0, ["status"])
                try await expect(0, ["--help"])
            }
        }
    }
}
