import Foundation
import Glibc
import JobModel
import Protocol
import Synchronization
import TestSupport
import Testing

extension Campaigns {
    /// How long it takes until a fault is made good. `FAULT_SAMPLES=100` measures in earnest, and prints the figures.
    @Suite struct FaultMeasurement {
        private static let samples = ProcessInfo.processInfo.environment["FAULT_SAMPLES"].flatMap(Int.init) ?? 4
        /// One task that a rank computes for seconds.
        private static let pipeline = "median size=255 | median size=253"
        private static let image = TestImage(width: 600, height: 400, .rgb, .sixteen)

        /// When which worker was granted which job's task.
        private final class GrantLog: Sendable {
            struct Grant: Sendable {
                let job: JobID
                let worker: Int
                let attempt: UInt32
                let time: ContinuousClock.Instant
            }
            private let grants = Mutex<[Grant]>([])

            func saw(_ frame: FrameSighting, by worker: Int) {
                guard case .grantLease(let grant) = frame.message else { return }
                let time = ContinuousClock.now
                grants.withLock {
                    $0.append(
                        Grant(job: JobID(grant.lease.job), worker: worker, attempt: grant.lease.attempt, time: time))
                }
            }

            func waitForGrant(of job: JobID, after attempt: UInt32 = 0) async throws -> Grant {
                try await eventually("job \(job) is leased", every: .milliseconds(1)) {
                    grants.withLock { $0.first { $0.job == job && $0.attempt > attempt } }
                }
            }
        }

        /// Durations in order, and the load of the machine on which they were taken.
        private struct Distribution: CustomStringConvertible {
            let sorted: [Duration]

            init(_ durations: [Duration]) { sorted = durations.sorted() }

            /// The smallest duration that this percentage does not exceed.
            func percentile(_ percent: Int) -> Duration { sorted[(sorted.count * percent + 99) / 100 - 1] }

            var description: String {
                let figures = [("p50", percentile(50)), ("p99", percentile(99)), ("worst", percentile(100))]
                let load = (try? String(contentsOfFile: "/proc/loadavg", encoding: .utf8))?.prefix { $0 != " " } ?? "?"
                return figures.map { "\($0) \(String(format: "%.1f", $1 / .milliseconds(1))) ms" }.joined(
                    separator: ", ")
                    + " of \(sorted.count), load \(load)"
            }
        }

        @Test func `the tasks of a lost worker are leased again`() async throws {
            try await Cluster.with(workers: 0) { cluster in
                let log = GrantLog()
                let proxies = try (0..<3).map { _ in try FaultProxy(to: cluster.endpoint) }
                defer { for proxy in proxies { proxy.stop() } }
                for (number, proxy) in proxies.enumerated() {
                    proxy.decide { frame in
                        log.saw(frame, by: number)
                        return nil
                    }
                    try cluster.startWorker(["--ranks", "1"], through: proxy.endpoint)
                }
                try await cluster.waitForWorkers()
                let file = try cluster.file("photo.png", Self.image.png)

                func sample(_ signal: Int32) async throws -> Duration {
                    let job = try await cluster.submit(Self.pipeline, [file], "--no-cache")
                    let first = try await log.waitForGrant(of: job)
                    let victim = cluster.workers[first.worker]
                    _ = try await cluster.waitForBusyRank(of: victim)
                    let start = ContinuousClock.now
                    victim.process.send(signal)
                    let second = try await log.waitForGrant(of: job, after: first.attempt)
                    #expect(second.worker != first.worker)
                    try await cluster.withMaster { try await $0.cancel(job) }
                    if signal == SIGKILL {
                        try await victim.process.waitForEnd()
                        try cluster.restart(victim)
                    } else {
                        victim.resume()
                    }
                    try await cluster.waitForWorkers()
                    return second.time - start
                }
                var killed: [Duration] = []
                for _ in 0..<Self.samples { killed.append(try await sample(SIGKILL)) }
                var stopped: [Duration] = []
                for _ in 0..<max(1, Self.samples / 10) { stopped.append(try await sample(SIGSTOP)) }
                print("from SIGKILL of a worker to the new lease: \(Distribution(killed))")
                print("from SIGSTOP of a worker to the new lease: \(Distribution(stopped))")
                // Far above the figures of a quiet machine: the gate runs on busy ones.
                #expect(Distribution(killed).percentile(50) < .seconds(1))
                #expect(Distribution(stopped).percentile(50) < .seconds(5))
                #expect(stopped.allSatisfy { $0 > .seconds(1.9) }, "nobody is given up before three beats")
            }
        }

        @Test func `no process and no directory outlives its world`() async throws {
            try await Cluster.with(workers: 2) { cluster in
                let file = try cluster.file("photo.png", Self.image.png)
                var times: [Duration] = []
                var leftAfterASecond = 0
                for number in 0..<Self.samples {
                    let job = try await cluster.submit(Self.pipeline, [file], "--no-cache", "--attempts", "100")
                    let (victim, family) = try await eventually("a world computes", every: .milliseconds(1)) {
                        cluster.workers.lazy.map { ($0, ProcessTable.descendants(of: $0.pid)) }.first { _, family in
                            family.count >= 3
                                && family.contains { $0.name.hasPrefix("tessera-rank") && $0.state == "R" }
                        }
                    }
                    let ranks = family.filter { $0.parent != victim.pid }
                    let start = ContinuousClock.now
                    switch number % 3 {
                    case 0: victim.process.send(SIGKILL)
                    case 1: family.first { $0.parent == victim.pid }?.send(SIGKILL)
                    default: ranks[number / 3 % 2].send(SIGKILL)
                    }
                    try await eventually("the whole world is gone", within: .seconds(10), every: .milliseconds(1)) {
                        !family.contains(where: ProcessTable.isRunning)
                    }
                    times.append(ContinuousClock.now - start)
                    if times[times.count - 1] > .seconds(1) { leftAfterASecond += 1 }
                    try await cluster.withMaster { try await $0.cancel(job) }
                    if number % 3 == 0 {
                        try await victim.process.waitForEnd()
                        try cluster.restart(victim)
                    }
                    try await cluster.waitForWorkers()
                    // Two directories per worker: its own and its world's. The next worker removes those of a dead one.
                    try await eventually("no directory is left") { try cluster.scratchFolders().count == 4 }
                }
                print("from SIGKILL of worker, mpirun or rank until all processes are gone: \(Distribution(times))")
                #expect(
                    leftAfterASecond <= Self.samples / 50, "\(leftAfterASecond) of \(Self.samples) took over a second")
            }
        }
    }
}
