import ClientKit
import Foundation
import JobModel
import TestSupport
import Testing

extension Integration {
    /// Workers on machines that are lent to them for a time.
    @Suite(.clusterLogs) struct `Workers that leave by themselves` {
        @Test func `a worker without work leaves, and not while it has some`() async throws {
            try await Cluster.with(workers: 1, ranks: 1, workerArguments: ["--idle-timeout", "2s"]) { cluster in
                let job = try await LongJob.submit(to: cluster)
                #expect(try await cluster.result(of: job) == LongJob.expected.get())
                #expect(try await cluster.workers[0].process.waitForEnd(within: .seconds(20)) == .exited(0))
                let done = try await cluster.summary(of: job)
                #expect(done.attemptsLost == 0 && done.attemptsFailed == 0)
                #expect(try cluster.text(cluster.workers[0].logFile).contains("it has had no work"))
            }
        }

        @Test func `a worker leaves before its lifetime is over, and its job ends elsewhere`() async throws {
            let lifetime = Duration.seconds(13)
            let arguments = ["--lifetime", "13s", "--drain-timeout", "3s"]
            let start = ContinuousClock.now
            try await Cluster.with(workers: 1, ranks: 1, workerArguments: arguments) { cluster in
                let job = try await LongJob.submit(to: cluster)
                #expect(try await cluster.workers[0].process.waitForEnd(within: .seconds(20)) == .exited(0))
                #expect(ContinuousClock.now - start < lifetime)
                try cluster.startWorker()
                #expect(try await cluster.result(of: job) == LongJob.expected.get())
                #expect(try await cluster.summary(of: job).attemptsLost == 0)
                #expect(try cluster.text(cluster.workers[0].logFile).contains("its lifetime is nearly over"))
            }
        }

        @Test func `a lifetime without room for a drain is refused`() async throws {
            try await Cluster.with(workers: 0) { cluster in
                let worker = try cluster.startWorker(["--lifetime", "20s"])
                #expect(try await worker.process.waitForEnd() == .exited(64))
                #expect(try cluster.text(worker.logFile).contains("--lifetime"))
            }
        }
    }
}
