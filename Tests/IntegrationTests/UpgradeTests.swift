import Foundation
import JobModel
import Journal
import Protocol
import TestSupport
import Testing
import Transport

extension Integration {
    /// Promises 3 and 17: results of different releases are never mixed in an image.
    @Suite struct `Releases come and go` {
        @Test func `an image that another release has begun starts over, and is right`() async throws {
            try await Cluster.with(workers: 2) { cluster in
                let job = try await LongJob.submit(to: cluster)
                try await cluster.waitForMiddle(of: job, tasksDone: 3)
                try await cluster.master.kill()
                let before = try Self.ascribe(
                    cluster.path("state"), toRevision: JobOptions.currentResultRevision - 1)
                let doneBefore = before.count { $0.kind == .taskCompleted }
                #expect(doneBefore >= 3)
                try await cluster.restartMaster()
                #expect(try await cluster.result(of: job) == LongJob.expected.get())

                try await cluster.master.kill()
                let after = try Self.records(cluster.path("state")).dropFirst(before.count)
                #expect(after.first == .jobRevised(job, resultRevision: JobOptions.currentResultRevision))
                let decodings = after.count { record in
                    if case .taskCompleted(let lease, _, _) = record { lease.task.step == .decode } else { false }
                }
                #expect(decodings == 1, "the image was decoded again")
            }
        }

        @Test func `a worker of another release is told so, and the work continues without it`() async throws {
            try await Cluster.with(workers: 1) { cluster in
                for revision in [0, JobOptions.currentResultRevision + 1] {
                    let worker = try await cluster.dialer(as: .worker).openControlConnection()
                    var register = WireRegister()
                    (register.name, register.slotCount, register.ranksPerSlot) = ("other", 1, 1)
                    register.resultRevision = revision
                    worker.send(.register(register))
                    let end = await worker.closed
                    #expect(end.refusalCode == .releaseDiffers, "\(end)")
                    #expect("\(end)".contains("revision \(revision)"), "\(end)")
                }
                let image = TestImage(width: 40, height: 30)
                let job = try await cluster.submit("sobel", [try cluster.file("photo.png", image.png)])
                #expect(try await cluster.result(of: job) == image.processedSerially("sobel"))
            }
        }

        /// What the journal says of jobs. Of the reservations of worker identifiers it only keeps the last.
        private static func records(_ directory: String) throws -> [Record] {
            let journal = try Journal(directory: directory)
            var records: [Record] = []
            try journal.replay { record in
                if record.kind != .workersReserved { records.append(record) }
            }
            try journal.close()
            return records
        }

        /// Rewrites the journal, as a release whose results have that revision would have written it.
        private static func ascribe(_ directory: String, toRevision revision: UInt32) throws -> [Record] {
            let records = try records(directory).map { record in
                guard case .jobOpened(let job) = record else { return record }
                var options = job.options
                options.resultRevision = revision
                return .jobOpened(
                    JobDescription(
                        id: job.id, token: job.token, submitter: job.submitter, priority: job.priority,
                        pipeline: job.pipeline, options: options, submittedAt: job.submittedAt))
            }
            for name in ["journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm", "acknowledged"] {
                try? FileManager.default.removeItem(atPath: "\(directory)/\(name)")
            }
            let journal = try Journal(directory: directory)
            try journal.append(records)
            try journal.append([.workersReserved(through: WorkerID(1_000))])
            try journal.close()
            return records
        }
    }
}
