import ClientKit
import Foundation
import JobModel
import TestBasics
import TestSupport
import Testing
import Transport

/// Workers and clients that are given several addresses of their master: real processes.
@Suite(.serialized, .clusterLogs, .timeLimit(.minutes(10))) struct SeveralAddressesTests {
    private static let image = TestImage(width: 600, height: 500, .rgb, .sixteen, seed: 12)
    private static let pipeline = "median size=101 | gaussian-blur sigma=5"

    /// An address at which nothing is listening.
    private static func freeEndpoint() throws -> Endpoint {
        let port = try LoopbackListener().port
        return Endpoint(host: "127.0.0.1", port: port)
    }

    /// Runs a small job on a worker and by a client that know these addresses.
    private static func runJob(at masters: String, in cluster: Cluster) async throws {
        try cluster.startWorker(masters: masters)
        try await cluster.waitForWorkers()
        let image = TestImage(width: 60, height: 50)
        let outcome = try await cluster.start(
            ["run", "sobel", try cluster.file("photo.png", image.png), "-o", cluster.path("out.png")],
            masters: masters
        ).outcome()
        #expect(outcome.status == 0, "\(outcome)")
        #expect(try cluster.contents(cluster.path("out.png")) == image.processedSerially("sobel"))
    }

    @Test func `an address at which nothing is listening is passed over`() async throws {
        try await Cluster.with(workers: 0) { cluster in
            try await Self.runJob(at: "\(Self.freeEndpoint()),\(cluster.endpoint)", in: cluster)
        }
    }

    @Test func `an address that says nothing is passed over`() async throws {
        try await Cluster.with(workers: 0) { cluster in
            let silent = try LoopbackListener()
            try await Self.runJob(at: "127.0.0.1:\(silent.port),\(cluster.endpoint)", in: cluster)
            withExtendedLifetime(silent) {}
        }
    }

    @Test func `where no address has a master, the client names each`() async throws {
        try await Cluster.with(workers: 0) { cluster in
            let (first, second) = (try Self.freeEndpoint(), try Self.freeEndpoint())
            let outcome = try await cluster.start(["jobs"], masters: "\(first),\(second)").outcome()
            #expect(outcome.status != 0)
            for words in ["\(first)", "\(second)", "2 addresses"] {
                #expect(outcome.errors.contains(words), "\(outcome)")
            }
        }
    }

    @Test func `a job continues when its master is restored at the second address while a client waits`() async throws {
        try await Cluster.with(workers: 0) { cluster in
            let second = try Self.freeEndpoint()
            let masters = "\(cluster.endpoint),\(second)"
            for _ in 0..<2 { try cluster.startWorker(masters: masters) }
            try await cluster.waitForWorkers()
            let output = cluster.path("out.png")
            let client = try cluster.start(
                [
                    "run", Self.pipeline, try cluster.file("photo.png", Self.image.png), "-o", output, "--chunk-bytes",
                    "90000",
                ], masters: masters)
            let job = try await eventually("the job is accepted") {
                try await cluster.withMaster { try await $0.jobs().first { $0.isSealed }?.id }
            }
            try await cluster.waitForMiddle(of: job, tasksDone: 3)
            let (state, backup, restored) = (cluster.path("state"), cluster.path("backup"), cluster.path("restored"))
            try await BackupRunTests.command("backup", backup, state: state, in: cluster)
            let former = cluster.endpoint
            try await cluster.master.kill()
            try await BackupRunTests.command("restore", backup, state: restored, in: cluster)
            let formerMaster = try await cluster.startAnotherMaster(stateDirectory: restored, at: second)
            try await cluster.waitForWorkers()
            try await eventually("the client has its master again") { client.errors.contains("the master is back") }

            // The former master comes back at the first address, and the restored one is away for a moment: all that have met it
            // wait for it, and nobody goes to the former.
            try await cluster.restartFormer(formerMaster, at: former)
            try await cluster.master.kill()
            try await eventually("the former master is refused") {
                try cluster.text(formerMaster.logFile).contains("a peer has met a master that was restored")
            }
            try await cluster.restartMaster()

            let outcome = try await client.outcome(within: .seconds(120))
            #expect(outcome.status == 0, "\(outcome)")
            #expect(try cluster.contents(output) == Self.image.processedSerially(Self.pipeline))
            try await cluster.waitForWorkers()
            let strangers = try await MasterConnection.withConnection(cluster.dialer(to: former)) {
                try await $0.workers().filter { $0.state == .alive }
            }
            #expect(strangers.isEmpty, "\(strangers)")
        }
    }
}
