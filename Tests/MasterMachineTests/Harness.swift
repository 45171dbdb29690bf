import JobModel
import Scheduler
import Testing

@testable import MasterMachine

/// A master whose shell is the test: time passes when the test says so, and every turn is durable at once.
final class Harness {
    typealias Machine = Master<Int, String, String>

    var master: Machine
    private(set) var now = Moment(Instant(nanoseconds: 1_000_000_000_000), wallClockMilliseconds: 1_700_000_000_000)
    /// Every record that was committed.
    private(set) var journal: [Record] = []

    init(_ configuration: MasterConfiguration = MasterConfiguration(), present: Set<BlobDigest> = []) throws {
        master = try Machine(configuration)
        master.recovered(present: present, at: now)
    }

    /// A master that is started again with this one's journal.
    func restarted(present: Set<BlobDigest>) throws -> Harness {
        let harness = try Harness()
        harness.master = try Machine(master.configuration)
        for record in journal { try harness.master.replay(record) }
        harness.now = now
        harness.journal = journal
        harness.master.recovered(present: present, at: now)
        return harness
    }

    func pass(_ duration: Duration) {
        now.instant = now.instant + duration
        now.wallClockMilliseconds += UInt64(duration / .milliseconds(1))
    }

    /// Ends a turn, as the decision loop does.
    @discardableResult
    func turn() -> (replies: [String], actions: [ShellAction<Int>]) {
        _ = master.timePassed(at: now)
        guard let turn = master.takeTurn() else { return ([], []) }
        journal += turn.records
        return (turn.replies, master.committed(turn, at: now))
    }

    func takeTurn() throws -> Turn<String> {
        let turn = master.takeTurn()
        return try #require(turn)
    }

    // MARK: Questions

    func state(of job: JobID) -> JobState? { master.scheduler.jobSummary(job)?.state }
    func counts(of job: JobID) -> JobCounts? { master.scheduler.jobSummary(job)?.counts }
    func isPresent(_ worker: WorkerID, on link: Int) -> Bool { master.isPresent(worker, on: link) }
    func knows(_ digest: BlobDigest) -> Bool { master.store.contains(digest) }

    // MARK: Events

    func add(_ inputs: [BlobReference], to job: JobID) throws -> Machine.Addition {
        try master.imagesAdded(to: job, firstIndex: 0, inputs.map(offer), at: now)
    }

    func disconnect(_ worker: WorkerID, on link: Int) -> Bool { master.disconnected(worker, on: link, at: now) }

    /// - Parameter byteCounts: of the blobs' files, where these are not what the report says.
    func report(
        _ report: WorkerReport, by worker: WorkerID, byteCounts: [BlobDigest: UInt64] = [:], objection: String? = nil
    ) -> BlobReference? {
        let said = Dictionary(report.blobs.map { ($0.digest, $0.byteCount) }) { first, _ in first }
        let evidence = ReportEvidence(
            byteCounts: said.merging(byteCounts) { $1 }, content: master.expectedContent(of: report),
            objection: objection)
        return master.reported(report, by: worker, evidence, at: now).missing
    }

    /// A reader did not find the blob, and the shell looked once more.
    ///
    /// - Returns: whether it had to look.
    func question(_ digest: BlobDigest, isThere: Bool = false, putMeanwhile: Bool = false) -> Bool {
        let isBelieved = master.blobQuestioned(digest)
        if putMeanwhile { master.stored(digest, at: now) }
        if isBelieved { _ = master.blobLookedFor(digest, isThere: isThere, at: now) }
        return isBelieved
    }

    @discardableResult
    func register(_ name: String, on link: Int, slots: Int = 1, as worker: WorkerID? = nil) throws -> WorkerID {
        let registration = WorkerRegistration(worker: worker, name: name, slotCount: slots)
        return try master.registered(registration, on: link, at: now).worker
    }

    func openJob(_ token: String, by client: String = "client", _ pipeline: String = "invert") throws -> JobID {
        try master.jobOpened(
            JobOpening(token: token, submitter: "somebody", pipeline: pipeline), by: client, at: now)
    }

    /// A client uploads an image and submits it as a job of its own.
    @discardableResult
    func submit(_ token: String, _ input: BlobReference) throws -> JobID {
        let job = try openJob(token)
        master.uploaded(input, for: job, at: now)
        #expect(try add([input], to: job) != .missing(input.digest))
        try master.sealed(job, imageCount: 1, at: now)
        return job
    }
}

func offer(_ input: BlobReference) -> ImageOffer {
    ImageOffer(
        name: "image", input: input,
        admission: .accepted(ImageGeometry(width: 100, height: 100, channelCount: 1, bitsPerSample: 8)))
}

func blob(_ number: UInt8, byteCount: UInt64 = 9) -> BlobReference {
    guard let digest = BlobDigest([UInt8](repeating: number, count: 32)) else { preconditionFailure("32 bytes") }
    return BlobReference(digest: digest, byteCount: byteCount)
}

extension [ShellAction<Int>] {
    /// The leases that are granted.
    var grants: [LeaseID] { compactMap { if case .grant(let lease, _, _, _) = $0 { lease } else { nil } } }
    /// What the tasks that are granted need.
    var specs: [TaskSpec] { compactMap { if case .grant(_, let spec, _, _) = $0 { spec } else { nil } } }
    /// The blobs whose files are to be removed.
    var removals: [BlobDigest] { compactMap { if case .removeBlob(let digest) = $0 { digest } else { nil } } }
}
