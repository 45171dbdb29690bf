import Foundation
import Glibc
import JobModel
import TestSupport
import Testing

extension Integration {
    @Suite struct `Faults in mid-job leave the output as it was` {
        @Test func `a worker killed`() async throws {
            try await Cluster.with(workers: 2) { cluster in
                let job = try await LongJob.submit(to: cluster)
                try await cluster.waitForMiddle(of: job)
                let victim = cluster.workers[0]
                try await cluster.waitForLease(of: victim)
                let ranks = cluster.rankProcesses(of: victim)
                #expect(ranks.count == 2)
                try await victim.kill()
                try await eventually("the dead worker's ranks are gone", within: .seconds(5)) {
                    !ranks.contains(where: ProcessTable.isRunning)
                }

                let middle = try await cluster.wait(for: job, until: "the loss is counted") { $0.attemptsLost > 0 }
                #expect(middle.tasksDone < middle.tasksTotal, "it was lost in mid-job")
                #expect(try await cluster.result(of: job) == LongJob.expected.get())
                #expect(try await cluster.summary(of: job).state == .done)
            }
        }

        @Test func `a worker killed in a batch of small images`() async throws {
            let pipeline = "median size=101"
            let images = (0..<30).map { TestImage(width: 200 + $0, height: 150, .gray, .sixteen, seed: UInt64($0)) }
            try await Cluster.with(workers: 2, ranks: 1) { cluster in
                let files = try images.enumerated().map { try cluster.file("image-\($0).png", $1.png) }
                let folder = cluster.path("batch")
                let command = try cluster.start(["run", pipeline] + files + ["-o", folder + "/"])
                let job = try await cluster.withMaster { master in
                    try await eventually("the job is under way") {
                        try await master.jobs().first { $0.imagesDone >= 3 }.map(\.id)
                    }
                }
                let victim = cluster.workers[1]
                try await cluster.waitForLease(of: victim)
                try await victim.kill()
                let middle = try await cluster.wait(for: job, until: "the loss is counted") { $0.attemptsLost > 0 }
                #expect(middle.imagesDone < 30, "it was lost in mid-job")
                let outcome = try await command.outcome()
                #expect(outcome.status == 0, "\(outcome)")
                for (number, image) in images.enumerated() {
                    #expect(
                        try cluster.contents("\(folder)/image-\(number).png") == image.processedSerially(pipeline))
                }
            }
        }

        @Test func `a rank killed`() async throws {
            try await Cluster.with(workers: 2) { cluster in
                let job = try await LongJob.submit(to: cluster)
                try await cluster.waitForMiddle(of: job)
                let unlucky = cluster.workers[1]
                try await cluster.waitForBusyRank(of: unlucky).send(SIGKILL)

                let middle = try await cluster.wait(for: job, until: "the loss is counted") { $0.attemptsLost > 0 }
                #expect(middle.tasksDone < middle.tasksTotal, "it was lost in mid-job")
                #expect(try await cluster.result(of: job) == LongJob.expected.get())
                #expect(unlucky.process.isRunning, "the worker outlives its rank")
                #expect(cluster.rankProcesses(of: unlucky).count == 2, "its world was started again")
            }
        }

        @Test func `a rank that is stopped`() async throws {
            try await Cluster.with(workers: 2) { cluster in
                let job = try await LongJob.submit(to: cluster)
                try await cluster.waitForMiddle(of: job)
                let slow = cluster.workers[0]
                let rank = try await cluster.waitForBusyRank(of: slow)
                rank.send(SIGSTOP)
                // Its worker is alive, and nobody is lost: an idle slot computes the straggler's task a second time.
                #expect(try await cluster.result(of: job) == LongJob.expected.get())
                let done = try await cluster.summary(of: job)
                #expect(done.state == .done)
                #expect(done.tasksDone == done.tasksTotal)

                // The world that does not let go is replaced.
                let next = TestImage(width: 90, height: 70)
                try await cluster.workers[1].kill()
                let again = try await cluster.submit("sobel", [try cluster.file("next.png", next.png)])
                #expect(try await cluster.result(of: again) == next.processedSerially("sobel"))
                #expect(!ProcessTable.isRunning(rank), "the rank that was stopped is gone")
            }
        }

        @Test func `a worker stopped past its deadline, and continued when the job is done`() async throws {
            try await Cluster.with(workers: 2) { cluster in
                let job = try await LongJob.submit(to: cluster)
                try await cluster.waitForMiddle(of: job)
                let (frozen, other) = (cluster.workers[0], cluster.workers[1])
                try await freezePastDeadline(frozen, while: other, in: cluster, job)

                // The other worker does everything, what the frozen one had begun included.
                let done = try await cluster.waitForEnd(of: job)
                #expect(done.state == .done)
                let result = try await cluster.result(of: job)
                #expect(try result == LongJob.expected.get())

                // Its ranks have continued: it comes back with results that are no longer wanted.
                frozen.resume()
                try await cluster.waitForWorkers()
                try await eventually("the late worker lets go of its leases") {
                    try await cluster.status(of: frozen).leasesHeld == 0
                }
                #expect(try await cluster.summary(of: job) == done, "nothing of the job changed")
                #expect(try await cluster.result(of: job) == result)

                // It works again as if nothing had been.
                try await other.kill()
                let next = TestImage(width: 90, height: 70)
                let again = try await cluster.submit("sobel", [try cluster.file("next.png", next.png)])
                #expect(try await cluster.result(of: again) == next.processedSerially("sobel"))
            }
        }

        @Test func `a worker stopped past its deadline, and continued while the job runs`() async throws {
            try await Cluster.with(workers: 2) { cluster in
                let job = try await LongJob.submit(to: cluster)
                try await cluster.waitForMiddle(of: job, tasksDone: 3)
                let (frozen, other) = (cluster.workers[1], cluster.workers[0])
                try await freezePastDeadline(frozen, while: other, in: cluster, job)
                frozen.resume()

                #expect(try await cluster.result(of: job) == LongJob.expected.get())
                let end = try await cluster.summary(of: job)
                #expect(end.state == .done)
                #expect(end.tasksDone == end.tasksTotal, "every task is done once")
                try await cluster.waitForWorkers()
            }
        }

        /// Stops a worker that computes something until the master has given it up, in the middle of the job.
        ///
        /// The other worker's ranks are stopped for that time, so that the job is not done before the deadline, however fast
        /// the machine. Their worker continues to send heartbeats.
        private func freezePastDeadline(
            _ worker: Daemon, while other: Daemon, in cluster: Cluster, _ job: JobID
        ) async throws {
            try await cluster.waitForLease(of: worker)
            let ranks = cluster.rankProcesses(of: other)
            for rank in ranks { rank.send(SIGSTOP) }
            defer { for rank in ranks { rank.send(SIGCONT) } }
            try await worker.stop()
            let middle = try await cluster.wait(for: job, until: "the silent worker is given up") {
                $0.attemptsLost > 0
            }
            #expect(middle.tasksDone < middle.tasksTotal, "it was given up in mid-job")
            #expect(try await cluster.status(of: worker).state == .gone)
        }

        @Test(arguments: [(SIGKILL, ChildProcess.End.killed(signal: SIGKILL)), (SIGTERM, .exited(0))])
        func `the master ended and restarted`(signal: Int32, end: ChildProcess.End) async throws {
            try await Cluster.with(workers: 2) { cluster in
                let job = try await LongJob.submit(to: cluster)
                // A client that waits all the time lives through it, too.
                let place = cluster.path("waited.png")
                let client = try cluster.start(["fetch", "\(job)", "-o", place])
                let before = try await cluster.waitForMiddle(of: job)
                cluster.master.process.send(signal)
                #expect(try await cluster.master.process.waitForEnd() == end)
                try await cluster.restartMaster()

                let after = try await cluster.summary(of: job)
                #expect(after.tasksDone >= before.tasksDone, "what was done stays done")
                #expect(after.tasksDone < after.tasksTotal, "it ended in mid-job")
                #expect(try await cluster.result(of: job) == LongJob.expected.get())
                let outcome = try await client.outcome()
                #expect(outcome.status == 0, "\(outcome)")
                #expect(try cluster.contents(place) == LongJob.expected.get())
                try await cluster.waitForWorkers()
            }
        }

        @Test func `a master killed again and again`() async throws {
            try await Cluster.with(workers: 2) { cluster in
                let job = try await LongJob.submit(to: cluster)
                var done: UInt64 = 0
                for _ in 0..<3 {
                    let goal = done + 4
                    let summary = try await cluster.wait(for: job, until: "\(goal) tasks are done") {
                        $0.tasksDone >= goal
                    }
                    guard !summary.isFinal else { break }
                    done = summary.tasksDone
                    try await cluster.master.kill()
                    try await cluster.restartMaster()
                }
                #expect(done >= 4, "it was killed in mid-job at least once")
                #expect(try await cluster.result(of: job) == LongJob.expected.get())
            }
        }
    }
}
