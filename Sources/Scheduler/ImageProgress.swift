import JobModel
import SeededFaults

/// One attempt that has not ended.
struct OpenAttempt: Hashable, Sendable {
    let number: AttemptNumber
    let worker: WorkerID
}

/// The running attempts at a task: at most one and a backup.
enum OpenAttempts: Hashable, Sendable {
    case one(OpenAttempt)
    case two(OpenAttempt, OpenAttempt)

    var all: [OpenAttempt] {
        switch self {
        case .one(let only): [only]
        case .two(let first, let second): [first, second]
        }
    }
}

/// The durable state of a task.
struct TaskProgress: Hashable, Sendable {
    /// The latest attempt; 0 before the first.
    var attempt: AttemptNumber
    /// Products that it still waits for.
    var missing: UInt32
    /// Attempts that count to the job's maximum.
    var failedAttempts: UInt32 = 0
    /// Attempts whose worker was lost.
    var workerLosses: UInt32 = 0
    var isDone = false
    /// The position of what it gave back among the image's outputs; none for a small image that is not audited.
    var output: UInt32?
    /// The worker that computed it, once it is done; 0 where the records do not say.
    var author = WorkerID(0)
    /// Another worker computed the same.
    var isConfirmed = false
}

/// The tasks of one running image. Exists from its first attempt until the image is final or starts over.
struct ImageProgress: Equatable, Sendable {
    let plan: ImagePlan
    private(set) var tasks: [TaskProgress]
    private(set) var bands: [BlobReference?]
    /// What the finished tasks gave back, in the order in which they ended.
    private var outputs: [TaskOutput] = []
    /// The attempts that have not ended, by task.
    private(set) var open: [UInt32: OpenAttempts] = [:]
    /// The worker whose loss ended a task's latest attempt. When it comes back, it may reclaim the lease.
    private(set) var reclaimableBy: [UInt32: WorkerID] = [:]
    private(set) var doneCount = 0
    /// Chunks that are not done, by stage.
    private var chunksToDo: [Int]
    /// The worker that published each band.
    private(set) var bandAuthors: [WorkerID]
    /// The finished tasks that another worker is to compute again. Until there are none, the image is not complete.
    private(set) var audits: [UInt32: Audit] = [:]

    /// - Parameter attempt: the latest that an earlier run of the image used; no attempt number is used twice.
    init(plan: ImagePlan, after attempt: AttemptNumber) {
        self.plan = plan
        tasks = plan.missingCounts.map { TaskProgress(attempt: attempt, missing: $0) }
        chunksToDo = plan.stages.map(\.chunks.count)
        bands = plan.isWhole ? [] : Array(repeating: nil, count: plan.bands.count)
        bandAuthors = bands.map { _ in WorkerID(0) }
    }

    /// Whether every task is done; some of them may still be audited.
    var isComputed: Bool { doneCount == tasks.count }
    var isComplete: Bool { isComputed && audits.isEmpty }
    var latestAttempt: AttemptNumber { tasks.reduce(0) { max($0, $1.attempt) } }

    /// Whether the task could be handed out: nothing is missing, it is not done, and nobody works on it.
    func isReady(_ task: UInt32) -> Bool {
        let progress = tasks[Int(task)]
        return !progress.isDone && progress.missing == 0 && open[task] == nil
    }

    func attempt(_ number: AttemptNumber, of task: UInt32) -> OpenAttempt? {
        open[task]?.all.first { $0.number == number }
    }

    /// What the finished task gave back.
    func output(of task: Int) -> TaskOutput? { tasks[task].output.map { outputs[Int($0)] } }

    /// Blobs that exist only for this image's sake.
    var intermediates: [BlobReference] { bands.compactMap { $0 } + outputs.flatMap(\.blobs) }

    // MARK: Changes, each the effect of one record

    private func taskNumber(_ step: TaskStep) throws(ReplayError) -> UInt32 {
        guard let number = plan.task(at: step) else {
            throw ReplayError(description: "\(step) is not a task of the image")
        }
        return UInt32(number)
    }

    mutating func attemptStarted(_ number: AttemptNumber, of step: TaskStep, by worker: WorkerID) throws(ReplayError) {
        let task = try taskNumber(step)
        let attempt = OpenAttempt(number: number, worker: worker)
        switch open.updateValue(.one(attempt), forKey: task) {
        case nil: break
        case .one(let first): open[task] = .two(first, attempt)
        case .two: throw ReplayError(description: "a third attempt at once, \(number), of task \(task)")
        }
        let known = tasks[Int(task)]
        if !reclaimableBy.isEmpty, reclaimableBy.removeValue(forKey: task) != nil, number == known.attempt {
            tasks[Int(task)].workerLosses -= 1
        } else if number != known.attempt + 1 {
            throw ReplayError(description: "attempt \(number) of task \(task) follows attempt \(known.attempt)")
        }
        tasks[Int(task)].attempt = number
    }

    mutating func attemptEnded(_ number: AttemptNumber, of step: TaskStep, because cause: FailureCause)
        throws(ReplayError)
    {
        let task = try taskNumber(step)
        let worker = attempt(number, of: task)?.worker
        if audits[task] != nil, cause.charge != .free { audits[task]?.failedAttempts += 1 }
        switch open[task] {
        case .one(let only) where only.number == number: open[task] = nil
        case .two(let first, let second) where first.number == number: open[task] = .one(second)
        case .two(let first, let second) where second.number == number: open[task] = .one(first)
        case nil, .one, .two: throw ReplayError(description: "attempt \(number) of task \(task) ended but was not open")
        }
        // The task of an audit is done: nothing counts against it any more.
        guard !tasks[Int(task)].isDone else { return }
        let lossCharge = seeded(.lossCountsAsFailure, FailureCause.Charge.failure, else: .loss)
        switch cause.charge == .loss ? lossCharge : cause.charge {
        case .loss:
            tasks[Int(task)].workerLosses += 1
            reclaimableBy[task] = tasks[Int(task)].attempt == number ? worker : nil
        case .failure, .final: tasks[Int(task)].failedAttempts += 1
        case .free: if seeded(.failureRefunded) { tasks[Int(task)].failedAttempts = 0 }
        }
    }

    /// - Returns: the tasks that miss nothing any more.
    mutating func bandPublished(
        _ band: Int, _ blob: BlobReference, by worker: WorkerID?
    ) throws(ReplayError) -> [UInt32] {
        guard bands.indices.contains(band) else { throw ReplayError(description: "band \(band) of \(bands.count)") }
        guard bands[band] == nil else { throw ReplayError(description: "band \(band) was published twice") }
        bands[band] = blob
        bandAuthors[band] = worker ?? soleHolder(of: 0) ?? WorkerID(0)
        return productFinished(for: plan.dependents(ofBand: band))
    }

    /// - Parameters:
    ///   - worker: its author; `nil` for the holder of the attempt.
    ///   - isAudited: whether another worker is to compute it again.
    /// - Returns: the tasks that miss nothing any more, and how many are done now.
    mutating func taskCompleted(
        _ step: TaskStep, attempt number: AttemptNumber, _ output: TaskOutput, by worker: WorkerID?, isAudited: Bool
    ) throws(ReplayError) -> (ready: [UInt32], doneCount: Int) {
        let task = try taskNumber(step)
        guard !tasks[Int(task)].isDone else { throw ReplayError(description: "task \(task) was completed twice") }
        tasks[Int(task)].isDone = true
        tasks[Int(task)].author = worker ?? attempt(number, of: task)?.worker ?? WorkerID(0)
        if isAudited { audits[task] = Audit() }
        if !reclaimableBy.isEmpty { reclaimableBy[task] = nil }
        doneCount += 1
        open[task] = nil
        if !plan.isWhole || isAudited {
            tasks[Int(task)].output = UInt32(outputs.count)
            outputs.append(output)
        }
        var ready = productFinished(for: plan.dependents(ofTask: Int(task)))
        if case .chunk(let stage, _) = plan.step(Int(task)) {
            chunksToDo[Int(stage)] -= 1
            if chunksToDo[Int(stage)] == 0 { ready += productFinished(for: plan.dependents(ofStage: Int(stage))) }
        }
        return (ready, doneCount)
    }

    // MARK: Audits

    /// Another worker computed a finished task again.
    mutating func taskAudited(
        _ step: TaskStep, attempt number: AttemptNumber, _ opinion: UInt64, _ salt: AuditSalt
    ) throws(ReplayError) {
        let task = try taskNumber(step)
        guard audits[task] != nil, let worker = attempt(number, of: task)?.worker else {
            throw ReplayError(description: "attempt \(number) of task \(task) is not an audit")
        }
        open[task] = nil
        if opinion == fingerprint(of: task, salt) {
            settle(task, isConfirmed: true)
        } else {
            audits[task]?.dissent.append(Opinion(worker: worker, fingerprint: opinion))
        }
    }

    /// The task stays as it is without a second opinion.
    mutating func auditEnded(_ step: TaskStep) throws(ReplayError) {
        let task = try taskNumber(step)
        guard audits[task] != nil, open[task] == nil else {
            throw ReplayError(description: "task \(task) is not audited, or an audit of it runs")
        }
        settle(task, isConfirmed: false)
    }

    private mutating func settle(_ task: UInt32, isConfirmed: Bool) {
        audits[task] = nil
        tasks[Int(task)].isConfirmed = isConfirmed
    }

    /// The worker was found faulty: what it computed and nobody confirmed is to be computed again, and its opinions count no more.
    ///
    /// - Returns: the tasks that are to be audited for that reason.
    mutating func distrust(_ worker: WorkerID) -> [UInt32] {
        for task in audits.keys { audits[task]?.dissent.removeAll { $0.worker == worker } }
        guard !plan.isWhole else { return [] }
        let suspects = UInt32(0)..<UInt32(tasks.count)
        let added = suspects.filter { task in
            tasks[Int(task)].isDone && !tasks[Int(task)].isConfirmed && audits[task] == nil
                && authors(of: task).contains(worker)
        }
        for task in added { audits[task] = Audit() }
        return added
    }

    /// What the task's result is compared by.
    func fingerprint(of task: UInt32, _ salt: AuditSalt) -> UInt64 {
        salt.fingerprint(output(of: Int(task)) ?? TaskOutput(), bands: task == 0 ? bands[neededBands] : [])
    }

    /// The bands that have to be published; none for a small image.
    var neededBands: Range<Int> { plan.isWhole ? 0..<0 : plan.neededBands }

    /// The workers that computed the finished task.
    func authors(of task: UInt32) -> Set<WorkerID> {
        var authors: Set = [tasks[Int(task)].author]
        if task == 0 { authors.formUnion(bandAuthors[neededBands]) }
        return authors
    }

    /// The authors of what another worker computed otherwise.
    func authors(of task: UInt32, otherThan output: TaskOutput, bands others: [Int: BlobReference]) -> Set<WorkerID> {
        var authors: Set<WorkerID> = []
        if self.output(of: Int(task)) != output { authors.insert(tasks[Int(task)].author) }
        if task == 0 {
            for band in neededBands where bands[band] != others[band] { authors.insert(bandAuthors[band]) }
        }
        authors.remove(WorkerID(0))
        return authors
    }

    /// The workers that computed something of the image which nobody confirmed.
    var unconfirmedAuthors: Set<WorkerID> {
        var authors: Set<WorkerID> = []
        for task in tasks.indices where tasks[task].isDone && !tasks[task].isConfirmed {
            authors.insert(tasks[task].author)
        }
        if !tasks[0].isConfirmed { authors.formUnion(bandAuthors[neededBands]) }
        authors.remove(WorkerID(0))
        return authors
    }

    private func soleHolder(of task: UInt32) -> WorkerID? {
        if case .one(let only)? = open[task] { only.worker } else { nil }
    }

    private mutating func productFinished(for dependents: some Sequence<UInt32>) -> [UInt32] {
        dependents.filter { dependent in
            tasks[Int(dependent)].missing -= 1
            return tasks[Int(dependent)].missing == 0 && !tasks[Int(dependent)].isDone
        }
    }
}
