import ImagingModel
import JobModel
import Pipelines

/// One image of a job, durably.
struct ImageEntry: Equatable, Sendable {
    /// Attempts without a result that are kept; beyond it, the oldest go.
    static let maximumReports = 256

    let description: ImageDescription
    /// Tasks of its plan; 0 when its header was refused.
    var taskCount: UInt32
    /// Raw bytes of a chunk, when they are fewer than the job's options say.
    var chunkByteCount: UInt64?
    var state: ImageState
    var isFromCache = false
    var result: BlobReference?
    /// The result revision under which `result` was made.
    var resultRevision: UInt32 = 0
    var failure: Failure?
    /// What was found while the file was decoded.
    var remarks: [ImageRemark] = []
    /// The latest attempt number of the runs before the present one.
    var attemptFloor: AttemptNumber = 0
    var restarts: UInt32 = 0
    /// Attempts that ended badly since the image was added or redriven, oldest first; none once it is done.
    var reports: [AttemptReport] = []

    var accepted: AcceptedImage? {
        switch description.admission {
        case .accepted(let image): image
        case .refused: nil
        }
    }

    var geometry: ImageGeometry? { accepted?.geometry }

    var pixelCount: UInt64 { geometry?.pixelCount ?? 0 }

    /// The share of the image's pixels that `doneCount` finished tasks stand for.
    func pixelsDone(_ doneCount: Int) -> UInt64 {
        guard taskCount > 0 else { return 0 }
        let (high, low) = pixelCount.multipliedFullWidth(by: UInt64(doneCount))
        return UInt64(taskCount).dividingFullWidth((high, low)).quotient
    }
}

/// One job, durably.
struct JobEntry: Equatable, Sendable {
    let description: JobDescription
    /// What the pipeline needs besides each image; as long as an image's input is kept, so are they.
    let attachments: [BlobReference]
    /// The revision of results that are computed from now on.
    var resultRevision: UInt32
    var state = JobState.open
    var finishedAt: UInt64?
    var isSealed = false
    var images: [ImageEntry] = []
    /// The running images, by index.
    var progress: [UInt32: ImageProgress] = [:]
    var counts = JobCounts()
    /// Results that can be withdrawn for a while, in the order in which they were done; some of them were since.
    var revocable: [RevocableResult] = []
    /// The images of those that were not withdrawn, with their numbers. Their inputs are kept.
    var revocableNumbers: [UInt32: UInt32] = [:]
    /// Results that could be withdrawn so far.
    var revocableCount: UInt32 = 0
    /// Results that were withdrawn, by image, until there is another one.
    var withdrawn: [UInt32: BlobReference] = [:]
    /// The latest result of an image that was withdrawn, where the next one was another.
    var replaced: [UInt32: BlobDigest] = [:]

    init(_ description: JobDescription) {
        self.description = description
        attachments = description.attachments
        resultRevision = description.options.resultRevision
    }

    /// All images are in, and each has ended.
    var isComplete: Bool { isSealed && Int(counts.imagesFinal) == images.count }

    /// The final state that the images add up to.
    var outcome: JobState {
        if counts.imagesDone == counts.images { return .done }
        return counts.imagesDone == 0 ? .failed : .partlyFailed
    }
}

extension JobDescription {
    /// The blobs that the pipeline attaches, each once.
    public var attachments: [BlobReference] { .attached(by: pipeline) }
}

extension JobOpening {
    /// The blobs that the pipeline attaches, each once.
    public var attachments: [BlobReference] { .attached(by: pipeline) }
}

extension [BlobReference] {
    /// What a pipeline with this text attaches. A pipeline that cannot be read is not planned either.
    fileprivate static func attached(by pipeline: String) -> [BlobReference] {
        (try? PipelineCache.shared.pipeline(pipeline))?.attachments.map { BlobReference($0) } ?? []
    }
}

// MARK: - The fold of records that are about one task

// In place: taking a job's entry out of its dictionary and putting it back would cost a copy of all its tasks.

extension JobEntry {
    mutating func begin(_ index: UInt32, _ plan: ImagePlan) {
        progress[index] = ImageProgress(plan: plan, after: images[Int(index)].attemptFloor)
        images[Int(index)].state = .running
    }

    /// - Returns: the tasks that miss nothing any more, and the image's work before and after; `nil` when the image is not running.
    mutating func complete(
        _ lease: LeaseID, _ output: TaskOutput, by worker: WorkerID?, isAudited: Bool
    ) throws(ReplayError) -> (ready: [UInt32], before: Backlog.Work, after: Backlog.Work)? {
        let index = lease.task.image.index
        let completed = try progress.change(index) { progress throws(ReplayError) in
            try progress.taskCompleted(
                lease.task.step, attempt: lease.attempt, output, by: worker, isAudited: isAudited)
        }
        guard let (ready, doneCount) = completed else { return nil }
        counts.tasksDone += 1
        let image = Int(index)
        counts.pixelsDone += images[image].pixelsDone(doneCount) - images[image].pixelsDone(doneCount - 1)
        return (ready, images[image].work(after: doneCount - 1), images[image].work(after: doneCount))
    }
}

extension Dictionary {
    /// Changes the value of `key` in place; `nil` when there is none. The subscript moves it out and back, which for large values
    /// is most of the cost.
    mutating func change<Result, Failure: Error>(
        _ key: Key, _ change: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result? {
        guard let position = index(forKey: key) else { return nil }
        return try change(&values[position])
    }
}
