import Glibc
import JobModel
import TestSupport
import Testing

extension Integration {
    @Suite struct `Large images` {
        @Test func `go through a master that stays small, though a worker dies on the way`() async throws {
            // 189 MB of pixels.
            let photograph = Photograph(width: 9000, height: 7000)
            let pipeline = "gaussian-blur sigma=3"
            try await Cluster.with(workers: 3, ranks: 1) { cluster in
                let file = cluster.path("large.png")
                try photograph.writePNG(to: file)
                let job = try await cluster.submit(pipeline, [file])
                try await cluster.waitForMiddle(of: job, tasksDone: 3)
                let victim = cluster.workers[1]
                try await cluster.waitForLease(of: victim)
                try await victim.kill()
                let middle = try await cluster.wait(for: job, until: "the loss is counted") { $0.attemptsLost > 0 }
                #expect(middle.tasksDone < middle.tasksTotal, "it was lost in mid-job")

                let result = try await cluster.result(of: job)
                let peak = try #require(ProcessTable.peakResidentByteCount(cluster.master.pid))
                #expect(peak < 110_000_000, "the master had \(peak / 1_000_000) MB resident")
                // Not by #expect(==), which would print a hundred megabytes.
                let isEqual = try result == photograph.processedSerially(pipeline)
                #expect(isEqual, "the output is that of one undisturbed process")
            }
        }
    }
}
