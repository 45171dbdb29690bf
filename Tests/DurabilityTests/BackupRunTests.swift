import ClientKit
import Foundation
import Glibc
import JobModel
import Logging
import MasterClient
import TestBasics
import TestSupport
import Testing
import Transport

/// A backup that is taken from a master under load, restored as if on another machine: real master, workers and ranks.
@Suite(.serialized, .clusterLogs, .timeLimit(.minutes(10))) struct BackupRunTests {
    @Test func `jobs that were acknowledged before a backup end right after it was restored elsewhere`() async throws {
        try await Cluster.with(workers: 2, masterArguments: ["--checkpoint-pages", "40"]) { cluster in
            let storm = Storm()
            let (state, backup, restored) = (cluster.path("state"), cluster.path("backup"), cluster.path("restored"))
            var before: [JobID: Storm.Submission] = [:]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for client in 0..<4 { group.addTask { try await storm.submit(as: client, to: cluster) } }
                try await storm.reach(12)
                before = await storm.acknowledged
                try await Self.command("backup", backup, state: state, in: cluster)
                // The load continues: later jobs are lost with the master.
                try await storm.reach(before.count + 12)
                await storm.stop()
                try await group.waitForAll()
            }
            let all = await storm.acknowledged
            try await cluster.master.kill()
            try FileManager.default.removeItem(atPath: state)
            try await Self.command("restore", backup, state: restored, in: cluster)
            try await cluster.restartMaster(["--state-dir": restored])
            try await cluster.waitForWorkers()

            let known = Set(try await cluster.withMaster { try await $0.jobs() }.map(\.id))
            #expect(known.isSuperset(of: before.keys))
            // A job that was acknowledged while the backup was taken is in it as a whole, or not at all.
            var checkedCount = 0
            for (job, submission) in all where known.contains(job) {
                if before[job] == nil, try await !cluster.summary(of: job).isSealed { continue }
                let summary = try await cluster.waitForEnd(of: job)
                #expect(summary.state == .done, "job \(job) ended as \(summary.state)")
                try await #expect(storm.result(of: job, on: cluster) == submission.expected(), "job \(job)")
                checkedCount += 1
            }
            #expect(checkedCount >= before.count)
            print(
                "\(all.count) jobs, \(before.count) acknowledged before the backup; \(checkedCount) compared after it")
            // No number of a job that was lost names another one.
            let next = Storm()
            try await next.submitOne(as: 9, number: 0, to: cluster)
            let job = try #require(await next.acknowledged.first)
            #expect(job.key > all.keys.max() ?? JobID(0))
            #expect(try await cluster.waitForEnd(of: job.key).state == .done)
            try await #expect(next.result(of: job.key, on: cluster) == job.value.expected())
        }
    }

    @Test func `a backup of a master that runs waits for another, and neither is disturbed`() async throws {
        try await Cluster.with(workers: 0) { cluster in
            let storm = Storm()
            for number in 0..<3 { try await storm.submitOne(as: 0, number: number, to: cluster) }
            let state = cluster.path("state")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<4 {
                    group.addTask {
                        try await Self.command("backup", cluster.path("backup-\(number)"), state: state, in: cluster)
                    }
                }
                try await group.waitForAll()
            }
            for number in 0..<4 {
                let restored = cluster.path("restored-\(number)")
                try await Self.command("restore", cluster.path("backup-\(number)"), state: restored, in: cluster)
            }
            // The master has let go of what it kept for them.
            try await eventually("nothing is frozen any more") {
                !FileManager.default.fileExists(atPath: state + "/frozen")
            }
        }
    }

    @Test func `a master does not start on half of a restore, and a restore does not touch a master's state`()
        async throws
    {
        try await Cluster.with(workers: 0) { cluster in
            let (state, backup) = (cluster.path("state"), cluster.path("backup"))
            try await Self.command("backup", backup, state: state, in: cluster)
            let refused = try await Self.run("restore", backup, state: state, in: cluster)
            #expect(refused.end == .exited(1))
            #expect(refused.said.contains("is not empty"), "\(refused.said)")
            #expect(cluster.master.process.isRunning)
            let half = cluster.path("half")
            try FileManager.default.createDirectory(atPath: half + "/restoring", withIntermediateDirectories: true)
            let master = try await Self.run(
                arguments: ["--listen", "127.0.0.1:0", "--state-dir", half, "--secret-file", cluster.secretFile],
                in: cluster)
            #expect(master.end == .exited(1))
            #expect(master.said.contains("is not complete"), "\(master.said)")
            try await Self.command("restore", backup, state: half, in: cluster)
        }
    }

    // MARK: Commands

    /// Runs `tessera-master backup` or `restore`, which has to succeed.
    static func command(
        _ word: String, _ directory: String, state: String, in cluster: Cluster
    ) async throws {
        let run = try await run(word, directory, state: state, in: cluster)
        try #require(run.end == .exited(0), "\(word): \(run.end) \(run.said)")
    }

    private static func run(
        _ word: String, _ directory: String, state: String, in cluster: Cluster
    ) async throws -> (end: ChildProcess.End, said: String) {
        try await run(arguments: [word, directory, "--state-dir", state], in: cluster)
    }

    private static func run(
        arguments: [String], in cluster: Cluster
    ) async throws -> (end: ChildProcess.End, said: String) {
        let output = cluster.path("command-\(UUID().uuidString).log")
        let process = try ChildProcess(
            name: arguments[0], executable: Programs.path("tessera-master"), arguments: arguments,
            environment: Programs.environment(home: cluster.path("")), output: output, errors: output)
        let end: ChildProcess.End
        do {
            end = try await process.waitForEnd(within: .seconds(60))
        } catch {
            process.send(SIGKILL)
            throw error
        }
        return (end, try cluster.text(output))
    }
}

/// Clients that submit one job after the other, and know which were acknowledged.
private actor Storm {
    struct Submission: Sendable {
        let image: TestImage
        let pipeline: String

        func expected() throws -> [UInt8] { try image.processedSerially(pipeline) }
    }

    private(set) var acknowledged: [JobID: Submission] = [:]
    private var isOver = false

    func stop() { isOver = true }

    /// Waits until that many jobs are acknowledged.
    nonisolated func reach(_ count: Int) async throws {
        try await eventually("\(count) jobs are acknowledged") { await acknowledged.count >= count }
    }

    func submit(as client: Int, to cluster: Cluster) async throws {
        var number = 0
        while !isOver {
            try await submitOne(as: client, number: number, to: cluster)
            number += 1
        }
    }

    /// Every second job is cut into many tasks.
    func submitOne(as client: Int, number: Int, to cluster: Cluster) async throws {
        let seed = UInt64(1000 * client + number + 1)
        let submission =
            number.isMultiple(of: 2)
            ? Submission(image: TestImage(width: 64, height: 120, seed: seed), pipeline: "otsu | box-blur size=3")
            : Submission(image: TestImage(width: 40, height: 30, .gray, seed: seed), pipeline: "invert")
        let job = try await cluster.withMaster { master in
            let opened = try await master.openJob(
                JobRequest(
                    pipeline: submission.pipeline, submitter: "client-\(client)", token: "\(client)-\(number)-\(seed)",
                    mayUseCache: false, chunkByteCount: number.isMultiple(of: 2) ? 6_000 : 1 << 20))
            let blobs = BlobTransfer(cluster.dialer(), connectionCount: 1)
            defer { blobs.close() }
            let input = try await blobs.put(bytes: submission.image.png)
            try await master.addImages([NewImage(name: "image.png", input: input)], to: opened.job, firstIndex: 0)
            try await master.sealJob(opened.job, imageCount: 1)
            return opened.job
        }
        acknowledged[job] = submission
    }

    func result(of job: JobID, on cluster: Cluster) async throws -> [UInt8] {
        let image = try await cluster.withMaster { try await $0.images(job).images.first }
        let result = try #require(image?.result)
        let blobs = BlobTransfer(cluster.dialer(), connectionCount: 1)
        defer { blobs.close() }
        return try await blobs.bytes(of: BlobSlice(result))
    }
}
