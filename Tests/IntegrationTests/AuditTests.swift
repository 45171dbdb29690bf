import ClientKit
import JobModel
import TestBasics
import TestSupport
import Testing

extension Integration {
    @Suite struct `Results are audited` {
        private static let pipeline = "gaussian-blur sigma=2 | sobel"

        @Test func `a rank that miscomputes is found, quarantined, and what is delivered is right`() async throws {
            try await withTemporaryDirectory { directory in
                let poison = try Poison(in: directory, miscomputingEvery: 2)
                try await Cluster.with(workers: 2, ranks: 1, audit: "0.5%") { cluster in
                    let faulty = try cluster.startWorker(["--rank-program", poison.rankProgram])
                    try await cluster.waitForWorkers()

                    let images = (0..<16).map { TestImage(width: 150 + $0, height: 100, seed: UInt64($0)) }
                    let files = try images.enumerated().map { try cluster.file("photo-\($0).png", $1.png) }
                    let large = TestImage(width: 320, height: 400, seed: 7)
                    let out = cluster.path("out") + "/"
                    let run = try await cluster.start(
                        ["run", Self.pipeline, "--audit", "1", "--chunk-bytes", "64K", "-o", out]
                            + files + [try cluster.file("large.png", large.png)]
                    ).outcome()
                    #expect(run.status == 0, "\(run)")
                    for (number, image) in images.enumerated() {
                        #expect(
                            try cluster.contents("\(out)photo-\(number).png") == image.processedSerially(Self.pipeline))
                    }
                    #expect(try cluster.contents("\(out)large.png") == large.processedSerially(Self.pipeline))

                    let status = try await cluster.status(of: faulty)
                    #expect(status.state == .quarantined)
                    #expect(status.quarantinedBy.hasPrefix("1."), "the task that showed it: \(status)")
                    let summary = try await cluster.summary(of: JobID(1))
                    #expect(summary.auditsSkipped == 0 && summary.tasksAudited >= summary.tasksTotal, "\(summary)")
                    try await checkNamed(faulty, status, in: cluster)
                    try await checkItStays(faulty, in: cluster)
                }
            }
        }

        /// The worker is named to people: in status, in the list of workers, in the master's log.
        private func checkNamed(_ faulty: Daemon, _ status: WorkerStatus, in cluster: Cluster) async throws {
            let workers = try await cluster.run("workers").text
            #expect(workers.contains("\(status.id) is quarantined: task \(status.quarantinedBy)"), "\(workers)")
            let master = try await cluster.run("status").text
            #expect(master.contains("1 worker that computed wrong results"), "\(master)")
            let log = try cluster.text(cluster.master.logFile)
            #expect(log.contains("worker quarantined") && log.contains(faulty.name), "\(log.suffix(2_000))")
        }

        /// Neither a restart of the master nor one of the worker makes it trusted again; the operator does.
        private func checkItStays(_ faulty: Daemon, in cluster: Cluster) async throws {
            try await cluster.master.kill()
            try await cluster.restartMaster()
            try await faulty.kill()
            try cluster.restart(faulty)
            let name = faulty.name
            try await cluster.withMaster { master in
                try await eventually("\(name) is back, and quarantined") {
                    try await master.workers().contains {
                        $0.name == name && $0.state == .quarantined && !$0.address.isEmpty
                    }
                }
            }
            #expect(try await cluster.run("release", "worker-0").status != 0)
            let released = try await cluster.run("release", name)
            #expect(released.status == 0 && released.text.contains("\(name) gets work again"), "\(released)")
            #expect(try await cluster.status(of: faulty).state == .alive)
        }

        @Test func `what a faulty worker delivered before is computed again, and named`() async throws {
            try await withTemporaryDirectory { directory in
                let poison = try Poison(in: directory, miscomputingEvery: 1)
                try await Cluster.with(workers: 0, ranks: 1, audit: "0.5%") { cluster in
                    let faulty = try cluster.startWorker(["--rank-program", poison.rankProgram])
                    try await cluster.waitForWorkers()
                    let image = TestImage(width: 200, height: 120, seed: 3)
                    let right = try image.processedSerially(Self.pipeline)
                    let file = try cluster.file("photo.png", image.png)
                    let job = try await cluster.submit(Self.pipeline, [file], "--audit", "0")
                    #expect(try await cluster.result(of: job) != right, "nothing shows that it is wrong, yet")

                    for _ in 0..<2 { try cluster.startWorker() }
                    try await cluster.waitForWorkers()
                    // The faulty worker may get none of the first tasks.
                    for seed in UInt64(10)...40 {
                        let other = TestImage(width: 120, height: 80, seed: seed)
                        let next = try await cluster.submit(
                            Self.pipeline, [try cluster.file("\(seed).png", other.png)], "--audit", "1")
                        #expect(try await cluster.result(of: next) == other.processedSerially(Self.pipeline))
                        if try await cluster.status(of: faulty).state == .quarantined { break }
                    }
                    #expect(try await cluster.status(of: faulty).state == .quarantined)
                    #expect(try await cluster.result(of: job) == right)
                    let summary = try await cluster.summary(of: job)
                    #expect(summary.state == .done && summary.resultsWithdrawn == 1 && summary.resultsReplaced == 1)
                    let text = try await cluster.run("status", "\(job)", "--images").text
                    #expect(text.contains("1 wrong result: fetch again") && text.contains("(replaced)"), "\(text)")
                    // An identical request is not answered with what was withdrawn.
                    let again = try await cluster.submit(Self.pipeline, [file])
                    #expect(try await cluster.result(of: again) == right)
                }
            }
        }
    }
}
