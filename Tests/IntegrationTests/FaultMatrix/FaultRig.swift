import Glibc
import JobModel
import TestSupport
import Testing

/// A cluster whose connections all lead through fault proxies: two workers of two ranks each, and a client a cell.
///
/// Its beats are short, so that what takes seconds in earnest takes a fraction here; it lives on from cell to cell.
struct FaultRig: Sendable {
    static let pipeline = "median size=121 | sobel"
    static let chunkBytes = "40000"

    let cluster: Cluster
    let clientProxy: FaultProxy
    let workerProxies: [FaultProxy]
    /// The tasks of an undisturbed job.
    let taskCount: Int

    static func image(_ number: Int) -> TestImage {
        TestImage(width: 240, height: 160, .rgb, .sixteen, seed: UInt64(number) + 100)
    }

    /// Calls `body` with a cluster that has done one job undisturbed.
    static func with(_ body: (FaultRig) async throws -> Void) async throws {
        try await Cluster.with(
            workers: 0, masterArguments: ["--heartbeat", "125ms", "--transfer-timeout", "1s"]
        ) { cluster in
            let proxies = try (0..<3).map { _ in try FaultProxy(to: cluster.endpoint) }
            defer { for proxy in proxies { proxy.stop() } }
            for proxy in proxies[1...] {
                try cluster.startWorker(["--transfer-timeout", "1s"], through: proxy.endpoint)
            }
            try await cluster.waitForWorkers()
            let undisturbed = try await FaultRig(
                cluster: cluster, clientProxy: proxies[0], workerProxies: Array(proxies[1...]), taskCount: 0
            ).runUndisturbed()
            try await body(
                FaultRig(
                    cluster: cluster, clientProxy: proxies[0], workerProxies: Array(proxies[1...]),
                    taskCount: undisturbed))
        }
    }

    /// - Returns: the tasks that it took.
    private func runUndisturbed() async throws -> Int {
        let command = try run(image: 0)
        let outcome = try await command.run.outcome()
        try #require(outcome.status == 0, "\(outcome)")
        try #require(try cluster.contents(command.place) == Self.image(0).processedSerially(Self.pipeline))
        let jobs = try await cluster.withMaster { try await $0.jobs() }
        return Int(try #require(jobs.first).tasksTotal)
    }

    /// Starts `tessera run` with an image of its own.
    func run(image number: Int) throws -> (run: CommandRun, place: String) {
        let place = cluster.path("out-\(number).png")
        let file = try cluster.file("cell-\(number).png", Self.image(number).png)
        let run = try cluster.start(
            [
                "run", Self.pipeline, file, "-o", place, "--chunk-bytes", Self.chunkBytes, "--no-cache",
                "--silence-timeout", "500ms",
            ], through: clientProxy.endpoint)
        return (run, place)
    }

    func watch(_ watch: PhaseWatch) {
        clientProxy.decide { watch.saw($0, on: .client) }
        for (number, proxy) in workerProxies.enumerated() { proxy.decide { watch.saw($0, on: .worker(number)) } }
    }

    var incidents: [FaultProxy.Incident] { ([clientProxy] + workerProxies).flatMap(\.incidents) }

    /// Brings everybody back, and waits until nothing is left of the last job.
    func heal() async throws {
        for proxy in [clientProxy] + workerProxies { proxy.letAllPass() }
        if !cluster.master.process.isRunning { try await cluster.restartMaster() }
        for worker in cluster.workers {
            if !worker.process.isRunning { try cluster.restart(worker) }
            for process in ProcessTable.descendants(of: worker.pid) { process.send(SIGCONT) }
            worker.resume()
        }
        cluster.master.resume()
        try await cluster.waitForWorkers()
        try await cluster.withMaster { master in
            for job in try await master.jobs() where !job.isFinal { try await master.cancel(job.id) }
        }
        for worker in cluster.workers {
            try await eventually("\(worker.name) holds nothing any more") {
                try await cluster.status(of: worker).leasesHeld == 0
            }
        }
    }
}
