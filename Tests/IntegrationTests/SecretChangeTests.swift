import Foundation
import JobModel
import TestSupport
import Testing
import Transport

extension Integration {
    @Suite(.clusterLogs) struct `A change of the secret` {
        /// Two workers, each with a copy of the secret file, as on machines of their own.
        private static func withWorkers(
            _ body: @escaping @Sendable (_ cluster: Cluster, _ files: [String]) async throws -> Void
        ) async throws {
            try await Cluster.with(workers: 0, ranks: 1) { cluster in
                var files: [String] = []
                for number in 0..<2 {
                    files.append(try cluster.copySecret(to: "secret-of-worker-\(number)"))
                    try cluster.startWorker(secretFile: files[number])
                }
                try await cluster.waitForWorkers()
                try await body(cluster, files)
            }
        }

        private static func waitForChange(_ cluster: Cluster) async throws -> CommandRun.Outcome {
            try await eventually("the master accepts both secrets") {
                let outcome = try await cluster.run("secret", "status", "--json")
                return outcome.text.contains("\"secrets\":2") ? outcome : nil
            }
        }

        @Test func `happens while a job runs, without a lost task of it`() async throws {
            try await Self.withWorkers { cluster, files in
                let formerFile = try cluster.copySecret(to: "former-secret")
                let former = try SharedSecret(file: formerFile)
                let job = try await LongJob.submit(to: cluster)
                try await cluster.waitForMiddle(of: job, tasksDone: 3)

                let made = try await cluster.run("secret", "new")
                #expect(made.status == 0, "\(made)")
                #expect(try Secrets(file: cluster.secretFile).former == former)
                cluster.master.process.send(SIGHUP)
                let status = try await Self.waitForChange(cluster)
                #expect(status.status == 1, "\(status)")
                #expect(status.text.contains("worker-0") && status.text.contains("worker-1"), "\(status)")
                // A client on a machine that the new file has not reached is served.
                let late = try await cluster.run("status", "\(job)", "--secret-file", formerFile)
                #expect(late.status == 0, "\(late)")
                let early = try await cluster.run("secret", "retire")
                #expect(early.status == 1 && early.errors.contains("worker-0"), "\(early)")
                #expect(try Secrets(file: cluster.secretFile).former == former)

                for (worker, file) in zip(cluster.workers, files) {
                    _ = try cluster.copySecret(to: URL(filePath: file).lastPathComponent)
                    worker.process.send(SIGHUP)
                }
                try await eventually("nobody uses the former secret") {
                    try await cluster.run("secret", "status").status == 0
                }
                #expect(try await !cluster.summary(of: job).isFinal, "the job was to outlast the change")
                let retired = try await cluster.run("secret", "retire")
                #expect(retired.status == 0, "\(retired)")
                cluster.master.process.send(SIGHUP)
                let refused = try await eventually("the former secret is refused") {
                    let outcome = try await cluster.run("status", "--json", "--secret-file", formerFile)
                    return outcome.status == 4 ? outcome : nil
                }
                #expect(refused.errors.contains("bad-secret"), "\(refused)")

                #expect(try await cluster.result(of: job) == LongJob.expected.get())
                let done = try await cluster.summary(of: job)
                #expect(done.attemptsFailed == 0, "\(done)")
                for worker in cluster.workers {
                    #expect(worker.process.isRunning)
                    #expect(try !cluster.text(worker.logFile).contains(" error "))
                }
            }
        }

        @Test func `that leaves a worker behind disconnects it, and the other continues`() async throws {
            try await Self.withWorkers { cluster, files in
                #expect(try await cluster.run("secret", "new").status == 0)
                cluster.master.process.send(SIGHUP)
                _ = try await Self.waitForChange(cluster)
                _ = try cluster.copySecret(to: URL(filePath: files[0]).lastPathComponent)
                cluster.workers[0].process.send(SIGHUP)
                try await eventually("worker-0 uses the new secret") {
                    let status = try await cluster.run("secret", "status")
                    return status.text.contains("worker-1") && !status.text.contains("worker-0")
                }
                #expect(try await cluster.run("secret", "retire", "--force").status == 0)
                cluster.master.process.send(SIGHUP)
                try await eventually("worker-1 is refused") {
                    try cluster.text(cluster.workers[1].logFile).contains("bad-secret")
                }
                let image = TestImage(width: 90, height: 70)
                let outcome = try await cluster.run("run", "sharpen", "-", "-o", "-", input: image.png)
                #expect(outcome.status == 0, "\(outcome)")
                #expect(try outcome.output == image.processedSerially("sharpen"))
                // With the file it is back, without a restart.
                _ = try cluster.copySecret(to: URL(filePath: files[1]).lastPathComponent)
                cluster.workers[1].process.send(SIGHUP)
                try await cluster.waitForWorkers()
            }
        }

        @Test func `to a file that cannot be used changes nothing, and the log says why`() async throws {
            try await Cluster.with(workers: 1, ranks: 1) { cluster in
                let intact = try cluster.copySecret(to: "intact")
                let line = try cluster.text(intact)
                _ = try cluster.replaceSecretFile("\(line)\nanother secret, long enough\nand a third one of them\n")
                for daemon in [cluster.master, cluster.workers[0]] {
                    daemon.process.send(SIGHUP)
                    try await eventually("\(daemon.name) says what is wrong") {
                        let log = try cluster.text(daemon.logFile)
                        return log.contains("the secret stays as it was") && log.contains("has 3 lines")
                    }
                }
                let status = try await cluster.run("status", "--secret-file", intact)
                #expect(status.status == 0, "\(status)")
            }
        }
    }
}
