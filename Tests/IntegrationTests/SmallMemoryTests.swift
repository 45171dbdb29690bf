import JobModel
import TestSupport
import Testing

extension Integration {
    @Suite struct `Workers with little memory` {
        @Test func `an image is cut into chunks that fit them, and its file is the same`() async throws {
            // 34 MiB of raw rows. In one task they would take more than 200 MiB.
            let image = TestImage(width: 3_000, height: 2_000, .rgb, .sixteen)
            let expected = try image.processedSerially("box-blur size=5")
            try await Cluster.with(workers: 1, workerArguments: ["--memory", "128M"]) { cluster in
                let job = try await cluster.submit(
                    "box-blur size=5", [try cluster.file("large.png", image.png)], "--chunk-bytes", "40M")
                #expect(try await cluster.result(of: job) == expected)
                let summary = try await cluster.summary(of: job)
                #expect(summary.tasksTotal == 5, "a decode and four chunks of 10 MiB, in place of the whole")
                #expect(summary.attemptsLost == 0 && summary.attemptsFailed == 0, "nobody had to die for it")
            }
        }
    }
}
