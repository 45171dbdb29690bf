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
    /// The position of what it gave back among the image's outputs; none for a small image.
    var output: UInt32?
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

    /// - Parameter attempt: the latest that an earlier run of the image used; no attempt number is used twice.
    init(plan: ImagePlan, after attempt: AttemptNumber) {
        self.plan = plan
        tasks = plan.missingCounts.map { TaskProgress(attempt: attempt, missing: $0) }
        chunksToDo = plan.stages.map(\.chunks.count)
        bands = plan.isWhole ? [] : Array(repeating: nil, count: plan.bands.count)
    }

    var isComplete: Bool { doneCount == tasks.count }
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
        switch open[task] {
        case .one(let only) where only.number == number: open[task] = nil
        case .two(let first, let second) where first.number == number: open[task] = .one(second)
        case .two(let first, let second) where second.number == number: open[task] = .one(first)
        case nil, .one, .two: throw ReplayError(description: "attempt \(number) of task \(task) ended but was not open")
        }
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
    mutating func bandPublished(_ band: Int, _ blob: BlobReference) throws(ReplayError) -> [UInt32] {
        guard bands.indices.contains(band) else { throw ReplayError(description: "band \(band) of \(bands.count)") }
        guard bands[band] == nil else { throw ReplayError(description: "band \(band) was published twice") }
        bands[band] = blob
        return productFinished(for: plan.dependents(ofBand: band))
    }

    /// - Returns: the tasks that miss nothing any more, and how many are done now.
    mutating func taskCompleted(
        _ step: TaskStep, _ output: TaskOutput
    ) throws(ReplayError) -> (ready: [UInt32], doneCount: Int) {
        let task = try taskNumber(step)
        guard !tasks[Int(task)].isDone else { throw ReplayError(description: "task \(task) was completed twice") }
        tasks[Int(task)].isDone = true
        if !reclaimableBy.isEmpty { reclaimableBy[task] = nil }
        doneCount += 1
        open[task] = nil
        if !plan.isWhole {
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

    private mutating func productFinished(for dependents: some Sequence<UInt32>) -> [UInt32] {
        dependents.filter { dependent in
            tasks[Int(dependent)].missing -= 1
            return tasks[Int(dependent)].missing == 0 && !tasks[Int(dependent)].isDone
        }
    }
}
