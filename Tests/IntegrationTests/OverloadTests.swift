import Foundation
import JobModel
import Logging
import ClientKit
import MasterClient
import Protocol
import TestSupport
import Testing
import Transport

extension Campaigns {
    @Suite struct Overload {
        /// How long each phase of the goodput test lasts: a few seconds, or what `TESSERA_OVERLOAD_SECONDS` says.
        private static let phase = Duration.seconds(
            ProcessInfo.processInfo.environment["TESSERA_OVERLOAD_SECONDS"].flatMap { Int($0) } ?? 4)

        @Test func `a hundred times the clients get as much done, and the master stays as it is`() async throws {
            let jobLimit = 4
            // What is kept of jobs that have ended is forgotten soon: nothing that stays may grow.
            let arguments = ["--max-jobs", "\(jobLimit)", "--keep-results", "2s"]
            try await Cluster.with(workers: 2, ranks: 1, masterArguments: arguments) { cluster in
                let crowd = Crowd(cluster)
                // As many as there is room for keep the workers busy.
                _ = try await crowd.work(clients: jobLimit, for: .seconds(1))
                let start = cluster.processorTime
                let peak = try await crowd.work(clients: jobLimit, for: Self.phase)
                let middle = cluster.processorTime
                let before = try await cluster.withMaster { try await $0.masterStatus() }
                let overloaded = try await crowd.work(clients: 100 * jobLimit, for: Self.phase)
                let end = cluster.processorTime
                let after = try await cluster.withMaster { try await $0.masterStatus() }

                let share = Double(overloaded.jobsDone) / Double(max(1, peak.jobsDone))
                let costs = ((middle - start) / max(1, peak.jobsDone), (end - middle) / max(1, overloaded.jobsDone))
                let growth = Int64(after.residentBytes) - Int64(before.residentBytes)
                print(
                    "overload: \(peak.jobsDone) jobs by \(jobLimit) clients in \(Self.phase), "
                        + "\(overloaded.jobsDone) by \(100 * jobLimit); asked to wait \(overloaded.askedToWait) times; "
                        + "the master grew from \(before.residentBytes) by \(growth) bytes; its processor time for a job: "
                        + "\(costs.0), then \(costs.1)")
                #expect(peak.askedToWait == 0, "there was room for all")
                #expect(overloaded.askedToWait >= 99 * jobLimit, "all but a few were asked to wait")
                #expect(after.askedToWait - before.askedToWait == UInt64(overloaded.askedToWait))
                // In a longer run of a release build 0.9 is to be met; a debug build's refusals cost five times as much, and the
                // four hundred share two cores with the cluster, here and in whatever else runs. This finds a collapse.
                #expect(
                    share > (Self.phase >= .seconds(20) ? 0.9 : 0.3), "\(overloaded.jobsDone) of \(peak.jobsDone) jobs")
                #expect(costs.1 < costs.0 * 4, "a job cost the master \(costs.0), then \(costs.1)")
                #expect(growth < 48 << 20, "it grew by \(growth) bytes")
                #expect(after.jobsOpen == 0, "every admitted job got its result")
            }
        }
    }
}

extension Integration {
    @Suite struct `More work than there is room for` {
        @Test func `a client that cancels too much must wait, and is told which setting permits more`() async throws {
            try await Cluster.with(workers: 0, masterArguments: ["--max-cancels-per-second", "1"]) { cluster in
                try await cluster.withMaster { master in
                    let job = try await master.openJob(JobRequest(pipeline: "invert", submitter: "test")).job
                    // Ten within ten seconds are permitted; a job that is cancelled already stays so.
                    for _ in 0..<10 { try await master.cancel(job) }
                    let refusal = await #expect(throws: MasterRefusal.self) { try await master.cancel(job) }
                    #expect(refusal?.code == .overloaded)
                    #expect(refusal?.retryAfter == .seconds(1))
                    #expect(refusal?.message.contains("--max-cancels-per-second") == true)
                    _ = try await master.masterStatus()
                }
            }
        }

        @Test func `a person is told that the command waits, and it continues without help`() async throws {
            try await Cluster.with(workers: 1, masterArguments: ["--max-jobs", "1"]) { cluster in
                let long = try await LongJob.submit(to: cluster)
                let image = TestImage(width: 70, height: 50)
                let file = try cluster.file("next.png", image.png)
                let place = cluster.path("next-out.png")
                let waiting = try cluster.start(["run", "invert", file, "-o", place])
                try await eventually("the command says that it waits") {
                    waiting.errors.contains("the master asks to wait (overloaded)")
                        && waiting.errors.contains("1 jobs that have not ended of at most 1")
                        && waiting.errors.contains("--max-jobs")
                }
                try await cluster.withMaster { try await $0.cancel(long) }
                let outcome = try await waiting.outcome()
                #expect(outcome.status == 0, "\(outcome)")
                #expect(try cluster.contents(place) == image.processedSerially("invert"))
            }
        }

        @Test func `uploads wait for room, and get through in the end`() async throws {
            let images = (0..<12).map { TestImage(width: 120, height: 100, seed: UInt64($0)) }
            // Room for two of the files.
            let limit = images.map(\.png.count).reduce(0, max) * 2 + 1
            try await Cluster.with(workers: 1, masterArguments: ["--max-queued-bytes", "\(limit)"]) { cluster in
                let files = try images.enumerated().map { try cluster.file("in-\($0).png", $1.png) }
                let runs = try (0..<3).map { part in
                    try cluster.start(
                        ["run", "invert"] + files[part * 4..<part * 4 + 4] + ["-o", cluster.path("out") + "/"])
                }
                for run in runs {
                    let outcome = try await run.outcome()
                    #expect(outcome.status == 0, "\(outcome)")
                }
                for (number, image) in images.enumerated() {
                    #expect(
                        try cluster.contents(cluster.path("out/in-\(number).png")) == image.processedSerially("invert"))
                }
                let status = try await cluster.withMaster { try await $0.masterStatus() }
                #expect(status.askedToWait > 0)
                #expect(status.queuedBytes == 0)

                let large = TestImage(width: 400, height: 400)
                let refused = try await cluster.run("run", "invert", cluster.file("large.png", large.png), "-o", "-")
                #expect(refused.status == 1, "\(refused)")
                #expect(refused.errors.contains("--max-queued-bytes"), "\(refused)")
            }
        }

        @Test func `a small job does not wait for another submitter's batch`() async throws {
            try await Cluster.with(workers: 1, ranks: 1) { cluster in
                let image = TestImage(width: 300, height: 200)
                let files = try (0..<150).map {
                    try cluster.file("batch-\($0).png", TestImage(width: 300, height: 200, seed: UInt64($0)).png)
                }
                let batch = try await cluster.submit("median size=31", files, "--submitter", "batch")
                let before = try await cluster.wait(for: batch, until: "it is under way") { $0.imagesDone >= 3 }
                let file = try cluster.file("small.png", image.png)
                let small = try await cluster.submit("median size=31", [file], "--submitter", "small", "--no-cache")
                let result = try await cluster.result(of: small)
                let after = try await cluster.summary(of: batch)
                #expect(try result == image.processedSerially("median size=31"))
                #expect(after.state == .running, "the batch is not nearly done")
                // What had begun or been handed out, one turn, and what was done while the commands started and asked.
                let turns = after.imagesDone - before.imagesDone
                #expect(turns < 75, "\(turns) of 150 images overtook it")
                try await cluster.withMaster { try await $0.cancel(batch) }
            }
        }
    }
}

/// Clients that submit one small job after the other, and obey the master when it asks them to wait.
private struct Crowd: Sendable {
    struct Work: Sendable {
        var jobsDone = 0
        var askedToWait = 0
    }

    private let cluster: Cluster
    private let blobs: BlobTransfer

    init(_ cluster: Cluster) {
        self.cluster = cluster
        blobs = BlobTransfer(cluster.dialer(), connectionCount: 8)
    }

    /// - Returns: what the clients did in that time. They end what they had begun; jobs that end later do not count.
    func work(clients: Int, for duration: Duration) async throws -> Work {
        let run = UInt64.random(in: 0...UInt64.max)
        let line = StartLine(count: clients)
        return try await withThrowingTaskGroup(of: Work.self) { group in
            for client in 0..<clients {
                group.addTask { try await work(as: "\(run)-\(client)", for: duration, from: line) }
            }
            return try await group.reduce(into: Work()) { sum, work in
                sum.jobsDone += work.jobsDone
                sum.askedToWait += work.askedToWait
            }
        }
    }

    private func work(as client: String, for duration: Duration, from line: StartLine) async throws -> Work {
        while true {
            do {
                return try await cluster.withMaster { master in
                    let end = await line.start + duration
                    return try await work(as: client, with: master, until: end)
                }
            } catch let error as TransportError where [.handshakeTimeout, .tooManyConnections].contains(error.code) {
                // All greet at the same moment.
                try await Task.sleep(for: .milliseconds(.random(in: 100...500)))
            }
        }
    }

    private func work(
        as client: String, with master: MasterConnection, until end: ContinuousClock.Instant
    ) async throws -> Work {
        var work = Work()
        var number: UInt64 = 0
        while ContinuousClock.now < end {
            number += 1
            do {
                try await submit("\(client)-\(number)", to: master)
                if ContinuousClock.now < end { work.jobsDone += 1 }
            } catch let refusal as MasterRefusal {
                // Anything but a request to come back later is a failure of the test.
                guard refusal.code == .overloaded, let pause = refusal.retryAfter else { throw refusal }
                work.askedToWait += 1
                // Nobody stays beyond the end only to be told to wait again.
                guard ContinuousClock.now + pause < end else { break }
                try await Task.sleep(for: pause)
            }
        }
        return work
    }

    /// One job of one small image that nobody has submitted before, from its opening to its end.
    private func submit(_ token: String, to master: MasterConnection) async throws {
        let job = try await master.openJob(JobRequest(pipeline: "invert", submitter: token, token: token)).job
        let seed = token.utf8.reduce(UInt64(5_381)) { $0 &* 33 &+ UInt64($1) }
        let input = try await blobs.put(bytes: TestImage(width: 32, height: 32, seed: seed).png)
        try await master.addImages([NewImage(name: "small.png", input: input)], to: job, firstIndex: 0)
        try await master.sealJob(job, imageCount: 1)
        for try await summary in master.watch(job) where summary.isFinal {
            #expect(summary.state == .done, "\(summary)")
        }
    }
}

/// Where clients that are connected wait until all are.
private actor StartLine {
    private let count: Int
    private var waiting: [CheckedContinuation<ContinuousClock.Instant, Never>] = []

    init(count: Int) { self.count = count }

    /// The moment at which the last one arrived.
    var start: ContinuousClock.Instant {
        get async {
            await withCheckedContinuation { continuation in
                waiting.append(continuation)
                guard waiting.count == count else { return }
                let now = ContinuousClock.now
                for client in waiting { client.resume(returning: now) }
                waiting = []
            }
        }
    }
}

extension Cluster {
    /// What the master has used so far.
    fileprivate var processorTime: Duration { ProcessTable.entry(master.pid)?.processorTime ?? .zero }
}
