import ClientKit
import JobModel
import TestBasics
import TestSupport
import Testing
import Transport

/// A master that was replaced by a restored one, and comes back: real masters, a real worker, at one address in turns.
@Suite(.serialized, .clusterLogs, .timeLimit(.minutes(10))) struct ReplacedMasterTests {
    private static let image = TestImage(width: 600, height: 500, .rgb, .sixteen, seed: 11)
    private static let pipeline = "median size=101 | gaussian-blur sigma=5"

    @Test func `a worker that has served the restored master refuses the one that it replaced`() async throws {
        try await Cluster.with(workers: 0) { cluster in
            // What an operator moves: an address, a name, a line of a configuration file.
            let address = try FaultProxy(to: cluster.endpoint)
            defer { address.stop() }
            let worker = try cluster.startWorker(through: address.endpoint)
            try await cluster.waitForWorkers()
            let photo = try cluster.file("photo.png", Self.image.png)
            let job = try await cluster.submit(Self.pipeline, [photo], "--chunk-bytes", "90000")
            try await cluster.waitForMiddle(of: job, tasksDone: 3)
            let (state, backup, restored) = (cluster.path("state"), cluster.path("backup"), cluster.path("restored"))
            try await BackupRunTests.command("backup", backup, state: state, in: cluster)
            let lost = try await cluster.submit("invert", [photo])
            try await cluster.waitForLease(of: worker)

            let formerEndpoint = cluster.endpoint
            try await cluster.master.kill()
            try await BackupRunTests.command("restore", backup, state: restored, in: cluster)
            let former = try await cluster.startAnotherMaster(stateDirectory: restored)
            address.redirect(to: cluster.endpoint)
            #expect(try await cluster.result(of: job) == Self.image.processedSerially(Self.pipeline))
            let jobs = try await cluster.withMaster { try await $0.jobs().map(\.id) }
            #expect(!jobs.contains(lost))
            #expect(try cluster.text(worker.logFile).contains("leases of the former one are given up"))

            // The former master comes back with all that it had to do, and the address leads to it again.
            try await cluster.restartFormer(former, at: formerEndpoint)
            address.redirect(to: formerEndpoint)
            try await Self.expectRefusal(by: worker, of: former, after: 0, in: cluster)
            // The next run of the worker knows it, too.
            let said = try Self.refusalCount(in: cluster.text(former.logFile))
            try await worker.kill()
            try cluster.restart(worker)
            try await Self.expectRefusal(by: worker, of: former, after: said, in: cluster)
            // It waits for the worker that it knew, under its number, and no worker has registered.
            let known = try await MasterConnection.withConnection(cluster.dialer(to: formerEndpoint)) {
                try await $0.workers()
            }
            #expect(!known.contains { $0.state == .alive || $0.name == worker.name }, "\(known)")

            address.redirect(to: cluster.endpoint)
            try await cluster.waitForWorkers()
            let last = try await cluster.submit("invert", [photo])
            #expect(try await cluster.result(of: last) == Self.image.processedSerially("invert"))
        }
    }

    /// Waits until the former master was told by the worker that it is to be stopped.
    private static func expectRefusal(
        by worker: Daemon, of former: Daemon, after count: Int, in cluster: Cluster
    ) async throws {
        try await eventually("\(worker.name) refuses the former master") {
            try refusalCount(in: cluster.text(former.logFile)) > count
        }
        let words = try cluster.text(worker.logFile)
        #expect(words.contains("is of generation 0, and was replaced by a restored one of generation "), "\(words)")
        #expect(words.contains("/tessera/generations"), "the way out names the file: \(words)")
    }

    private static func refusalCount(in log: String) -> Int {
        log.split(separator: "\n").count { $0.contains("a peer has met a master that was restored from a backup") }
    }
}
