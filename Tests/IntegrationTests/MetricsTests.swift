import ClientKit
import Foundation
import TestBasics
import TestSupport
import Testing

extension Integration {
    @Suite struct `Metrics of a cluster` {
        private static let listen = ["--metrics-listen", "127.0.0.1:0"]

        /// The latest address at which the daemon says that it answers.
        private func ask(_ daemon: Daemon) throws -> HTTPQuestion {
            let log = try String(contentsOfFile: daemon.logFile, encoding: .utf8)
            let line = try #require(log.split(separator: "\n").last { $0.contains("metrics are answered") })
            let address = try #require(line.firstMatch(of: /address=127\.0\.0\.1:(\d+)/))
            return HTTPQuestion(port: try #require(Int(address.1)))
        }

        /// The samples by name and labels.
        private func samples(_ ask: HTTPQuestion) async throws -> [String: Double] {
            let answer = try await ask.get("/metrics")
            try #require(answer.status == 200, "\(answer)")
            var samples: [String: Double] = [:]
            for line in answer.body.split(separator: "\n") where !line.hasPrefix("#") {
                let end = try #require(line.lastIndex(of: " "))
                #expect(
                    samples.updateValue(try #require(Double(line[end...].dropFirst())), forKey: String(line[..<end]))
                        == nil)
            }
            return samples
        }

        @Test func `counters agree with what the cluster did`() async throws {
            try await Cluster.with(workers: 2, masterArguments: Self.listen, workerArguments: Self.listen) { cluster in
                let master = try ask(cluster.master)
                #expect(try await samples(master)[#"tessera_workers{state="taking"}"#] == 2)
                let job = try await LongJob.submit(to: cluster)
                try await cluster.waitForMiddle(of: job)
                let underWay = try await samples(master)
                #expect(try #require(underWay["tessera_tasks_open"]) > 0)
                #expect(try #require(underWay["tessera_backlog_slot_seconds"]) > 0)
                #expect(try await cluster.result(of: job) == LongJob.expected.get())
                let summary = try await cluster.summary(of: job)
                let shown = try await eventually("the end of the job is shown") {
                    let shown = try await samples(master)
                    return shown[#"tessera_jobs{state="ended"}"#] == 1 ? shown : nil
                }
                #expect(shown[#"tessera_attempts_total{outcome="done"}"#] == Double(summary.tasksTotal))
                #expect(shown["tessera_tasks_open"] == 0 && shown["tessera_backlog_slot_seconds"] == 0)
                #expect(shown[#"tessera_tasks{state="leased"}"#] == 0 && shown[#"tessera_tasks{state="ready"}"#] == 0)
                #expect(shown[#"tessera_slots{state="idle"}"#] == 2 && shown[#"tessera_slots{state="busy"}"#] == 0)
                let kinds = ["whole", "decode", "chunk", "reduce"]
                let durations = kinds.compactMap { shown["tessera_task_seconds_count{kind=\"\($0)\"}"] }
                // A result that came after its lease had been moved has no duration.
                let moved = shown[#"tessera_reassignments_total{cause="moved"}"#] ?? 0
                let speculative = shown[#"tessera_reassignments_total{cause="speculative"}"#] ?? 0
                let total = Double(summary.tasksTotal)
                #expect(durations.count == 4)
                #expect((total - moved - speculative...total).contains(durations.reduce(0, +)))
                #expect(shown["tessera_ready"] == 1 && shown["tessera_queue_stall_seconds"] == 0)
                #expect(try #require(shown["tessera_pixels_total"]) > 600 * 600)
                #expect(try #require(shown[#"tessera_bulk_bytes_total{direction="received"}"#]) > 0)

                // The workers count the same attempts.
                try await eventually("the workers show what they did") {
                    var done = 0.0
                    for worker in cluster.workers {
                        done += try await samples(ask(worker))[#"tessera_worker_attempts_total{outcome="done"}"#] ?? 0
                    }
                    return done >= Double(summary.tasksTotal)
                }
            }
        }

        @Test func `a worker is ready while it has a master, and a master until it is told to stop`() async throws {
            try await Cluster.with(workers: 1, masterArguments: Self.listen, workerArguments: Self.listen) { cluster in
                let (master, worker) = (try ask(cluster.master), try ask(cluster.workers[0]))
                let ready = try await master.get("/readyz")
                #expect(ready == .init(200, "ok\n"))
                try await eventually("the worker is ready") { try await worker.get("/readyz").status == 200 }
                try await cluster.master.kill()
                try await eventually("the worker is not ready") {
                    let answer = try await worker.get("/readyz")
                    return answer == .init(503, "the worker is not registered with a master\n")
                }
                let health = try await worker.get("/healthz")
                #expect(health == .init(200, "ok\n"), "a restart would not help")
                try await cluster.restartMaster()
                try await eventually("the worker is ready again") { try await worker.get("/readyz").status == 200 }
                let registrations = try await eventually("the heartbeat shows it") {
                    let shown = try await samples(worker)["tessera_worker_registrations_total"]
                    return shown == 1 ? nil : shown
                }
                #expect(registrations == 2)
            }
        }

        @Test func `without the setting nothing listens`() async throws {
            try await Cluster.with(workers: 0) { cluster in
                let log = try String(contentsOfFile: cluster.master.logFile, encoding: .utf8)
                #expect(!log.contains("metrics are answered"))
                let sockets = try cluster.listeningSocketCount(of: cluster.master)
                #expect(sockets == 1, "only the one for workers and clients")
            }
        }
    }
}

extension Cluster {
    /// How many sockets of the daemon listen, by /proc.
    fileprivate func listeningSocketCount(of daemon: Daemon) throws -> Int {
        let directory = "/proc/\(daemon.pid)/fd"
        let own = Set(
            try FileManager.default.contentsOfDirectory(atPath: directory).compactMap {
                try? FileManager.default.destinationOfSymbolicLink(atPath: "\(directory)/\($0)")
            })
        var count = 0
        for table in ["tcp", "tcp6"] {
            let text = (try? String(contentsOfFile: "/proc/\(daemon.pid)/net/\(table)", encoding: .utf8)) ?? ""
            for line in text.split(separator: "\n").dropFirst() {
                let fields = line.split(separator: " ")
                // State 0A is LISTEN; field 9 the inode.
                if fields.count > 9, fields[3] == "0A", own.contains("socket:[\(fields[9])]") { count += 1 }
            }
        }
        return count
    }
}
