import Foundation
import Glibc
import JobModel
import SeededRandom
import TestSupport
import Testing

extension Campaigns {
    /// Somebody dies every second, and is replaced at once as systemd would. `STORM_SECONDS=120` makes it a long storm.
    @Suite struct KillStorm {
        private static let seconds = ProcessInfo.processInfo.environment["STORM_SECONDS"].flatMap(Int.init) ?? 6
        private static let pipeline = "median size=121 | sobel"

        @Test func `of workers`() async throws {
            try await Cluster.with(workers: 3) { cluster in
                var random = SeededGenerator(seed: 1)
                let jobs = try await Self.weather(cluster) {
                    let order = cluster.workers.shuffled(using: &random)
                    let victim = try await cluster.withMaster { master in
                        try await eventually("a worker is at work", every: .milliseconds(1)) {
                            let busy = try await master.workers().filter { $0.leasesHeld > 0 }.map(\.name)
                            return order.first { busy.contains($0.name) && $0.process.isRunning }
                        }
                    }
                    try await victim.kill()
                    try cluster.restart(victim)
                }
                let lost = try await cluster.withMaster { try await $0.jobs(limit: 1000) }.reduce(0) {
                    $0 + $1.attemptsLost
                }
                print("\(jobs) jobs done right; \(lost) attempts were lost with \(Self.seconds) workers killed")
                #expect(lost > 0, "at least one was killed at work")
                try await cluster.waitForWorkers()
            }
        }

        @Test func `of masters`() async throws {
            try await Cluster.with(workers: 2) { cluster in
                let jobs = try await Self.weather(cluster) {
                    try await cluster.master.kill()
                    try await cluster.restartMaster()
                }
                print("\(jobs) jobs done right; the master was killed \(Self.seconds) times")
                try await cluster.waitForWorkers()
            }
        }

        /// Strikes every second while two people run one job after the other, and compares all their files.
        /// - Returns: the jobs that were run.
        private static func weather(_ cluster: Cluster, strike: () async throws -> Void) async throws -> Int {
            let end = ContinuousClock.now + .seconds(seconds)
            async let first = runJobs(as: 1, in: cluster, until: end)
            async let second = runJobs(as: 2, in: cluster, until: end)
            for second in 1...seconds {
                // The pace of the storm, not a wait for something; also the last strike comes while people still begin jobs.
                let moment = end - .seconds(seconds - second) - .milliseconds(500)
                try await Task.sleep(until: moment, clock: .continuous)
                try await strike()
            }
            return try await first + second
        }

        private static func runJobs(
            as person: Int, in cluster: Cluster, until end: ContinuousClock.Instant
        ) async throws -> Int {
            var count = 0
            while ContinuousClock.now < end {
                count += 1
                let image = TestImage(width: 240, height: 160, .rgb, .sixteen, seed: UInt64(person * 1000 + count))
                let file = try cluster.file("storm-\(person)-\(count).png", image.png)
                let place = cluster.path("storm-\(person)-\(count).out.png")
                var outcome: CommandRun.Outcome
                repeat {
                    outcome = try await cluster.start(
                        ["run", pipeline, file, "-o", place, "--chunk-bytes", "40000"]
                    ).outcome()
                    // One that begins while the master is away says so, and is started again; one that has begun lives on.
                } while outcome.status == 5 && !outcome.errors.contains("has not been reachable")
                #expect(outcome.status == 0, "\(outcome)")
                let isRight = try cluster.contents(place) == image.processedSerially(pipeline)
                #expect(isRight, "job \(count) of person \(person)")
            }
            return count
        }
    }
}
