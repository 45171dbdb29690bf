import ClientKit
import Foundation
import JobModel
import Synchronization
import TestSupport
import Testing

extension Integration {
    /// `tessera autoscale` with commands that start and stop real workers.
    @Suite(.clusterLogs) struct `A fleet that follows its work` {
        private static let photograph = TestImage(width: 600, height: 600, .rgb, .sixteen, seed: 8)

        @Test func `it grows with a batch, survives kill -9 of itself and of a worker, and shrinks again`() async throws
        {
            try await Cluster.with(workers: 0) { cluster in
                try await Machines.with(cluster) { machines in
                    let first = try await LongJob.submit(to: cluster)
                    let before = try machines.autoscale()
                    let grown = try await machines.waitForWorkers("the fleet has grown to three") { $0.count == 3 }
                    #expect(try cluster.text(machines.starts).split(separator: "\n").count == 3)

                    before.process.send(SIGKILL)
                    _ = try await before.process.waitForEnd()
                    let lost = try #require(grown.sorted().first)
                    try machines.process(lost).send(SIGKILL)
                    // So that there is work for three for some seconds more.
                    let second = try await cluster.submit(
                        LongJob.pipeline, [try cluster.file("photo-2.png", Self.photograph.png)], "--chunk-bytes",
                        LongJob.chunkBytes)
                    let after = try machines.autoscale()
                    try await machines.waitForWorkers("the worker that was killed is replaced") {
                        $0.count == 3 && !$0.contains(lost) && $0.isSuperset(of: grown.subtracting([lost]))
                    }
                    #expect(try cluster.text(machines.starts).split(separator: "\n").count == 4)
                    #expect(after.errors.contains("of which there are 3"), "\(after.errors)")

                    #expect(try await cluster.result(of: first) == LongJob.expected.get())
                    #expect(
                        try await cluster.result(of: second) == Self.photograph.processedSerially(LongJob.pipeline))
                    let kept = try await machines.waitForWorkers("the fleet has shrunk to one") { $0.count == 1 }
                    try await eventually("the others have been stopped") { machines.running == kept }
                    let counts = try await [cluster.summary(of: first), cluster.summary(of: second)]
                    let failed = counts.reduce(0) { $0 + $1.attemptsFailed }
                    #expect(failed == 0)
                    #expect(try cluster.contents(machines.violations).isEmpty, "a worker was stopped with work")

                    after.process.send(SIGTERM)
                    let outcome = try await after.outcome()
                    #expect(outcome.status == 0 && outcome.errors.contains("left as it is"), "\(outcome)")
                    #expect(machines.running == kept)
                }
            }
        }

        @Test func `a start command that fails is told, and called again after a pause`() async throws {
            try await Cluster.with(workers: 0) { cluster in
                try await Machines.with(cluster) { machines in
                    let command = try machines.autoscale(
                        start: "echo x >> \(machines.starts); echo 'no quota is left' >&2; exit 3",
                        more: ["--min", "2"])
                    try await eventually("a third start has failed") {
                        command.errors.contains("(2 in a row have failed)")
                    }
                    #expect(command.errors.contains("ended with status 3: no quota is left"), "\(command.errors)")
                    #expect(try cluster.text(machines.starts).split(separator: "\n").count == 3)
                    command.process.send(SIGINT)
                    let outcome = try await command.outcome()
                    #expect(outcome.status == 0, "\(outcome)")
                }
            }
        }

        @Test func `a start that brings no worker is given up, and what it printed reaches the stop command`()
            async throws
        {
            try await Cluster.with(workers: 0) { cluster in
                try await Machines.with(cluster) { machines in
                    let command = try machines.autoscale(
                        start: "echo asked for $TESSERA_NAME; echo; echo i-0815",
                        stop: "echo $TESSERA_START_OUTPUT $TESSERA_STOP_REASON $TESSERA_FLEET >> \(machines.starts)",
                        more: ["--register-timeout", "1s"])
                    try await eventually("the stop command was called") {
                        try machines.text(machines.starts) == "i-0815 never-registered auto\n"
                    }
                    try await eventually("it is told") { command.errors.contains("has not registered within 1 s") }
                }
            }
        }

        @Test func `a fleet has one keeper at a time`() async throws {
            try await Cluster.with(workers: 0) { cluster in
                try await Machines.with(cluster) { machines in
                    let first = try machines.autoscale(start: "exit 1")
                    try await eventually("the first one keeps it") { first.errors.contains("keeping the fleet") }
                    let second = try await machines.autoscale(start: "exit 1").outcome()
                    #expect(second.status == 1 && second.errors.contains("another 'tessera autoscale'"), "\(second)")
                    let other = try machines.autoscale(start: "exit 1", more: ["--fleet", "other"])
                    try await eventually("another fleet has its own") { other.errors.contains("'other'") }
                }
            }
        }
    }
}

/// Machines of one process each: workers that a shell command starts, and that the test ends by their numbers.
private final class Machines: Sendable {
    private let cluster: Cluster
    private let seen = Mutex<[String: ProcessTable.Entry]>([:])
    /// A line for each start.
    let starts: String
    /// A line for each worker that was stopped with work.
    let violations: String
    private let directory: String

    private init(_ cluster: Cluster) throws {
        self.cluster = cluster
        starts = try cluster.file("starts", [])
        violations = try cluster.file("violations", [])
        directory = cluster.path("machines")
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    static func with(_ cluster: Cluster, _ body: (Machines) async throws -> Void) async throws {
        let machines = try Machines(cluster)
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(machines))
        } catch {
            result = .failure(error)
        }
        await machines.end()
        try result.get()
    }

    /// Starts `tessera autoscale` with commands that start and stop workers of this machine.
    func autoscale(start: String? = nil, stop: String? = nil, more: [String] = []) throws -> CommandRun {
        let worker = Programs.path("tessera-worker")
        // The process is in the file before its worker can register.
        let starting = """
            echo $TESSERA_NAME >> \(starts)
            sh -c 'echo $$ > \(directory)/$TESSERA_NAME; \
            exec \(worker) --slots 1 --ranks 1 --scratch-dir \(cluster.scratchPath)' >> \(directory)/log 2>&1 &
            """
        // A worker that is stopped while the master knows a lease of it is a violation.
        let stopping = """
            \(Programs.path("tessera")) workers --json | grep "\\"$TESSERA_NAME\\".*\\"leases_held\\":[1-9]" | \
            grep -v '"state":"gone"' >> \(violations)
            kill -TERM $(cat \(directory)/$TESSERA_NAME) || true
            """
        return try cluster.start(
            [
                "autoscale", "--max", "3", "--target", "1s", "--interval", "200ms", "--lost-after", "2s",
                "--shrink-after", "3s", "--start", start ?? starting, "--stop", stop ?? stopping,
            ] + (more.contains("--min") ? [] : ["--min", "1"]) + more)
    }

    func text(_ path: String) throws -> String { try cluster.text(path) }

    /// The process of a worker.
    func process(_ name: String) throws -> ProcessTable.Entry {
        try #require(find(name))
    }

    private func find(_ name: String) -> ProcessTable.Entry? {
        if let entry = seen.withLock({ $0[name] }) { return entry }
        guard let text = try? cluster.text("\(directory)/\(name)"),
            let pid = pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)),
            let entry = ProcessTable.entry(pid)
        else { return nil }
        seen.withLock { $0[name] = entry }
        return entry
    }

    private var names: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []).filter { $0 != "log" }
    }

    /// The workers whose processes run.
    var running: Set<String> {
        Set(names.filter { find($0).map { ProcessTable.isRunning($0) } ?? false })
    }

    /// Waits until the workers that are given tasks are as they have to be.
    @discardableResult
    func waitForWorkers(
        _ what: String, _ condition: @escaping @Sendable (Set<String>) -> Bool
    ) async throws -> Set<String> {
        try await cluster.withMaster { master in
            try await eventually(what, within: .seconds(120)) {
                let workers = try await master.workers()
                let taking = Set(workers.filter { $0.state == .alive }.map(\.name))
                #expect(running.count <= 3)
                return condition(taking) ? taking : nil
            }
        }
    }

    /// Kills every worker by its number. Commands are the cluster's.
    private func end() async {
        for name in names {
            guard let entry = find(name) else { continue }
            entry.send(SIGKILL)
            while ProcessTable.isRunning(entry) { await Task.yield() }
        }
    }
}
