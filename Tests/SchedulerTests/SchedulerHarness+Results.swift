import JobModel
import Testing

@testable import Scheduler
/// What workers report of their leases, as real ones would.
extension SchedulerHarness {
    /// The worker finishes a lease as a real one would: a decoder publishes all its bands first.
    ///
    /// - Parameter mistake: what tells its result from the right one.
    func finish(_ lease: LeaseID, on worker: WorkerID, mistake: String = "") {
        let hasBands =
            lease.task.step == .decode && scheduler.ledger.progress(of: lease.task.image)?.plan.isInPieces == false
        if hasBands { publishBands(of: lease, on: worker, mistake: mistake) }
        finish(lease, on: worker, output(of: lease.task, mistake: hasBands ? "" : mistake))
    }

    func finish(_ lease: LeaseID, on worker: WorkerID, _ output: TaskOutput) {
        drop(lease, from: worker)
        perform { $0.taskFinished(lease, by: worker, output: output, at: $1, into: &$2) }
    }

    /// The worker finishes the oldest lease it holds.
    func finishNext(on worker: WorkerID) throws {
        finish(try #require(leases(of: worker).first), on: worker)
    }

    func content(of report: WorkerReport) -> ReportedContent? { scheduler.expectedContent(of: report) }

    /// A worker reports, and the shell finds what the report says, but for what is changed.
    ///
    /// - Returns: why the report was refused.
    func report(
        _ output: TaskOutput, for lease: LeaseID, by worker: WorkerID, _ byteCounts: [BlobDigest: UInt64] = [:],
        _ change: (inout ReportEvidence) -> Void = { _ in }
    ) -> String? {
        let report = WorkerReport.finished(lease, output)
        let said = Dictionary(report.blobs.map { ($0.digest, $0.byteCount) }) { first, _ in first }
        var evidence = ReportEvidence(byteCounts: said.merging(byteCounts) { $1 }, content: content(of: report))
        change(&evidence)
        return perform { $0.workerReported(report, by: worker, evidence, missing: nil, at: $1, into: &$2) }
    }

    func publish(_ band: Int, of lease: LeaseID, on worker: WorkerID, mistake: String = "") {
        let plan = scheduler.ledger.progress(of: lease.task.image)?.plan
        let byteCount = plan?.byteCount(ofBand: band) ?? 80
        let blob = BlobReference.named("\(lease.task.image).band-\(band)\(mistake)", byteCount)
        perform { $0.bandPublished(lease, band: UInt32(band), blob: blob, by: worker, at: $1, into: &$2) }
    }

    func publishBands(of lease: LeaseID, on worker: WorkerID, mistake: String = "") {
        let count = scheduler.ledger.progress(of: lease.task.image)?.bands.count ?? 0
        for band in 0..<count { publish(band, of: lease, on: worker, mistake: band == 0 ? mistake : "") }
    }

    func fail(_ lease: LeaseID, on worker: WorkerID, _ cause: FailureCause, _ reason: String = "scripted") {
        drop(lease, from: worker)
        perform {
            $0.taskFailed(lease, by: worker, failure: Failure(cause, reason, outputTail: "tail"), at: $1, into: &$2)
        }
    }

    func giveBack(_ lease: LeaseID, on worker: WorkerID) {
        drop(lease, from: worker)
        perform { $0.leaseReturned(lease, by: worker, at: $1, into: &$2) }
    }

    func assemble(_ image: ImageID) {
        assemblies[image] = nil
        perform { $0.imageAssembled(image, result: .named("\(image).result"), at: $1, into: &$2) }
    }

    /// The result that every attempt of the task has: results are deterministic.
    func output(of task: TaskID, mistake: String = "") -> TaskOutput {
        let payload = BlobReference.named("\(task).payload\(mistake)", 100)
        switch task.step {
        case .whole: return TaskOutput(payload: payload)
        case .decode:
            guard let plan = scheduler.ledger.progress(of: task.image)?.plan, plan.isInPieces else {
                return TaskOutput(metadata: .named("\(task).metadata"))
            }
            let count = plan.stages[0].chunks.count
            return TaskOutput(
                payload: .named("\(task).payload\(mistake)", UInt64(10 * count)),
                metadata: .named("\(task).metadata"), valueOffsets: (0...count).map { UInt64(10 * $0) })
        case .reduce(let stage):
            let count = scheduler.ledger.progress(of: task.image)?.plan.valueCount(reducing: Int(stage)) ?? 1
            return TaskOutput(
                payload: .named("\(task).payload\(mistake)", UInt64(10 * count)),
                valueOffsets: (0...count).map { UInt64(10 * $0) })
        case .chunk(let stage, let index):
            let plan = scheduler.ledger.progress(of: task.image)?.plan
            guard let stage = plan?.stages[Int(stage)] else { return TaskOutput(payload: payload) }
            let rows = BlobReference.named("\(task).payload\(mistake)", stage.outputByteCount(ofChunk: Int(index)))
            switch stage.epilogue {
            case .rows, .columns: return TaskOutput(payload: rows)
            case .aggregate: return TaskOutput(payload: rows, summary: .named("\(task).summary", 7))
            case .report: return TaskOutput(payload: payload)
            case .segments: return TaskOutput(payload: payload, checksum: SegmentChecksum([1, 0, 0, 0, 100]))
            }
        }
    }

    /// Works everything off on the given workers, assembling what is complete.
    func workOff(on workers: [WorkerID]) {
        while true {
            for image in assemblies.keys.sorted() { assemble(image) }
            guard let worker = workers.first(where: { !leases(of: $0).isEmpty }),
                let lease = leases(of: worker).first
            else { return }
            finish(lease, on: worker)
        }
    }

    // MARK: Audits

    @discardableResult
    func release(_ worker: String) throws -> [WorkerID] {
        try perform { scheduler, now, decision throws(SchedulerRefusal) in
            try scheduler.workersReleased(worker, at: now, into: &decision)
        }
    }

    var quarantined: Set<WorkerID> { Set(scheduler.ledger.quarantined.keys) }

    /// Works everything off on the given workers, whose results have the mistakes given.
    func workOff(on workers: [WorkerID], mistakes: [WorkerID: String], until isEnough: () -> Bool = { false }) {
        for _ in 0..<10_000 where !isEnough() {
            for image in assemblies.keys.sorted() { assemble(image) }
            guard let worker = workers.first(where: { !leases(of: $0).isEmpty }),
                let lease = leases(of: worker).first
            else { return }
            finish(lease, on: worker, mistake: mistakes[worker] ?? "")
        }
    }

    /// Works everything off as `workOff` does, without assembling anything.
    func workOffKeepingAssemblies(on workers: [WorkerID], mistakes: [WorkerID: String]) {
        while let worker = workers.first(where: { !leases(of: $0).isEmpty }), let lease = leases(of: worker).first {
            finish(lease, on: worker, mistake: mistakes[worker] ?? "")
        }
    }

    var leasesEverGranted: [LeaseID] {
        journal.compactMap { if case .attemptStarted(let lease, _) = $0 { lease } else { nil } }
    }
}
