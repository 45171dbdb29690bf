import ClientKit
import Foundation
import Glibc
import JobModel
import TestSupport
import Testing

extension Integration {
    @Suite struct `Workers come and go` {
        @Test func `a drained worker hands its work back and loses nothing`() async throws {
            try await Cluster.with(workers: 2) { cluster in
                let job = try await LongJob.submit(to: cluster)
                try await cluster.waitForMiddle(of: job, tasksDone: 3)
                let leaving = cluster.workers[0]
                try await cluster.waitForLease(of: leaving)
                let ranks = cluster.rankProcesses(of: leaving)
                leaving.terminate()
                let end = try await leaving.process.waitForEnd(within: .seconds(35))
                #expect(end == .exited(0))
                #expect(!ranks.contains(where: ProcessTable.isRunning))
                let middle = try await cluster.summary(of: job)
                #expect(middle.tasksDone < middle.tasksTotal, "it left in mid-job")

                #expect(try await cluster.result(of: job) == LongJob.expected.get())
                let done = try await cluster.summary(of: job)
                #expect(done.attemptsLost == 0, "nothing was lost")
                #expect(done.attemptsFailed == 0, "what is handed back has not failed")
            }
        }

        @Test func `a drain without patience hands back what runs`() async throws {
            try await Cluster.with(workers: 2, workerArguments: ["--drain-timeout", "0s"]) { cluster in
                let job = try await LongJob.submit(to: cluster)
                try await cluster.waitForMiddle(of: job, tasksDone: 3)
                let leaving = cluster.workers[1]
                try await cluster.waitForLease(of: leaving)
                leaving.terminate()
                #expect(try await leaving.process.waitForEnd(within: .seconds(12)) == .exited(0))
                #expect(try await cluster.result(of: job) == LongJob.expected.get())
                let done = try await cluster.summary(of: job)
                #expect(done.attemptsLost == 0)
                #expect(done.attemptsFailed == 0)
            }
        }

        @Test func `workers of a master whose state is new get numbers of their own`() async throws {
            try await Cluster.with(workers: 2, ranks: 1) { cluster in
                let first = try await cluster.status(of: cluster.workers[0])
                let second = try await cluster.status(of: cluster.workers[1])
                let late = cluster.workers[first.id < second.id ? 0 : 1]
                let early = cluster.workers[first.id < second.id ? 1 : 0]
                // The other one is given the number that the late one still goes by.
                try await late.stop()
                try await cluster.master.kill()
                try FileManager.default.removeItem(atPath: cluster.path("state"))
                try await cluster.restartMaster()
                try await eventually("\(early.name) is registered") {
                    try await cluster.withMaster { try await $0.workers().contains { $0.name == early.name } }
                }
                late.resume()
                try await cluster.waitForWorkers()

                let image = TestImage(width: 50, height: 40)
                let job = try await cluster.submit("sobel", [try cluster.file("photo.png", image.png)])
                #expect(try await cluster.result(of: job) == image.processedSerially("sobel"))
                let states = try await cluster.withMaster { try await $0.workers().map(\.state) }
                #expect(states == [.alive, .alive])
            }
        }

        @Test func `an incomplete job waits for a client that is there, and not for one that has left`() async throws {
            try await Cluster.with(workers: 0, masterArguments: ["--unsealed-timeout", "1s"]) { cluster in
                try await cluster.withMaster { present in
                    // It says nothing more, as while it sends one large file.
                    let kept = try await present.openJob(
                        JobRequest(pipeline: "invert", submitter: "a", token: "here")
                    ).job
                    let left = try await cluster.withMaster {
                        try await $0.openJob(JobRequest(pipeline: "invert", submitter: "b", token: "gone")).job
                    }
                    try await eventually("the job of the client that left is cancelled") {
                        try await cluster.summary(of: left).state == .cancelled
                    }
                    #expect(try await cluster.summary(of: kept).state == .open)
                }
            }
        }

        @Test func `an idle cluster uses no processor time`() async throws {
            try await Cluster.with(workers: 2, ranks: 2) { cluster in
                // Warm: everything has run once.
                let image = TestImage(width: 50, height: 40)
                let job = try await cluster.submit("sobel", [try cluster.file("photo.png", image.png)])
                try await cluster.waitForEnd(of: job)

                let span = Duration.seconds(5)
                let families = [cluster.master.pid] + cluster.workers.map(\.pid)
                let processes = families + cluster.workers.flatMap { ProcessTable.descendants(of: $0.pid).map(\.pid) }
                #expect(processes.count == 3 + 2 * 3, "a master, two workers, each with mpirun and two ranks")
                func used() throws -> [Duration] {
                    try processes.map { try #require(ProcessTable.entry($0)).processorTime }
                }
                let before = try used()
                // The one wait for time itself: what is measured is a span of doing nothing.
                try await Task.sleep(for: span)
                for (process, (before, after)) in zip(processes, zip(before, try used())) {
                    let name = ProcessTable.entry(process)?.name ?? ""
                    // A rank blocked in read() uses nothing at all; a rank that waits within MPI would use all of it.
                    let limit = name.hasPrefix("tessera-rank") ? span / 100 : span / 20
                    #expect(after - before <= limit, "\(name) used \(after - before) of \(span)")
                }
            }
        }

        @Test func `a worker with another secret is rejected`() async throws {
            try await Cluster.with(workers: 1) { cluster in
                let wrong = try cluster.secretFile("not the secret that the master knows")
                let stranger = try cluster.startWorker(secretFile: wrong)
                #expect(try await stranger.process.waitForEnd() == .exited(4))
                #expect(try cluster.text(stranger.logFile).contains("secret"))
                let names = try await cluster.withMaster { try await $0.workers().map(\.name) }
                #expect(names == [cluster.workers[0].name], "it never became a member")

                // The others do not notice.
                let image = TestImage(width: 50, height: 40)
                let job = try await cluster.submit("sobel", [try cluster.file("photo.png", image.png)])
                #expect(try await cluster.result(of: job) == image.processedSerially("sobel"))
            }
        }

        @Test func `a job waits for a worker that takes work, and the command says what it waits for`() async throws {
            try await Cluster.with(workers: 0, ranks: 1) { cluster in
                let image = TestImage(width: 50, height: 40)
                let (file, place) = (try cluster.file("photo.png", image.png), cluster.path("edges.png"))
                let command = try cluster.start(["run", "sobel", file, "-o", place])
                try await eventually("it says that there is no worker", within: .seconds(3)) {
                    command.errors.contains("no worker is connected")
                }
                #expect(try await cluster.run("status").text.contains("none: start tessera-worker"))
                try cluster.startWorker()
                let outcome = try await command.outcome()
                #expect(outcome.status == 0, "\(outcome)")
                #expect(try cluster.contents(place) == image.processedSerially("sobel"))

                let worker = try await cluster.status(of: cluster.workers[0]).id
                #expect(try await cluster.run("drain", "\(worker)").status == 0)
                #expect(try await cluster.run("status").text.contains("1 draining: none takes work"))
                let waiting = try cluster.start(["run", "invert", file, "-o", place])
                try await eventually("it says that the worker is draining", within: .seconds(3)) {
                    waiting.errors.contains("the only one is draining")
                }
                #expect(try await cluster.run("drain", "\(worker)", "--resume").status == 0)
                let resumed = try await waiting.outcome()
                #expect(resumed.status == 0, "\(resumed)")
            }
        }
    }
}
