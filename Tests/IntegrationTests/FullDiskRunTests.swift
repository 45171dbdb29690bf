import Foundation
import JobModel
import TestSupport
import Testing

extension Integration {
    /// A master without room for results. No file system is filled: a reserve that is larger than the disk is the same to it.
    @Suite struct `A master without room` {
        private static let anyReserve = ["--min-free-bytes", "0"]
        /// A quarter of it is above the size of any disk.
        private static let hugeReserve = ["--min-free-bytes": "1024T"]

        private func log(of daemon: Daemon, in cluster: Cluster) throws -> [Substring] {
            try String(contentsOfFile: cluster.path("\(daemon.name).log"), encoding: .utf8).split(separator: "\n")
        }

        @Test func `a running job waits, everybody is told why, and it continues by itself`() async throws {
            try await Cluster.with(workers: 1, slots: 2, ranks: 1, masterArguments: Self.anyReserve) { cluster in
                let job = try await LongJob.submit(to: cluster)
                try await cluster.waitForMiddle(of: job, tasksDone: 3)
                try await cluster.master.kill()
                try await cluster.restartMaster(Self.hugeReserve)
                try await cluster.waitForWorkers()

                let watcher = try cluster.start(["watch", "\(job)"])
                let status = try await eventually("status says that the disk is full") { () throws -> String? in
                    let text = try await cluster.run("status").text
                    return text.contains("FULL") && text.contains("jobs wait") ? text : nil
                }
                #expect(status.contains("min-free-bytes"), "\(status)")
                let one = try await cluster.run("status", "\(job)").text
                #expect(one.contains("no space") && one.contains("--min-free-bytes"), "\(one)")
                // A result that was under way waits at its worker, which says so.
                try await eventually("the worker says that its result waits") {
                    try log(of: cluster.workers[0], in: cluster).contains { $0.contains("the master's disk is full") }
                }
                let before = try await cluster.summary(of: job)

                try await cluster.master.kill()
                try await cluster.restartMaster(["--min-free-bytes": "0"])
                #expect(try await cluster.result(of: job) == LongJob.expected.get())
                let done = try await cluster.summary(of: job)
                #expect(done.attemptsFailed == before.attemptsFailed && done.attemptsFailed == 0)
                let outcome = try await watcher.outcome()
                #expect(outcome.errors.contains("job \(job) waits: no space"), "\(outcome.errors)")
                #expect(outcome.errors.contains("job \(job) continues"), "\(outcome.errors)")

                let lines = try log(of: cluster.master, in: cluster)
                let full = lines.filter { $0.contains("the disk is full") }
                #expect(full.count == 1 && full[0].contains("need") && full[0].contains("min-free-bytes"), "\(full)")
                let uploads = lines.filter { $0.contains("the disk is nearly full") }
                #expect(uploads.count == 1, "said at the start, once")
            }
        }
    }
}
