public import JobModel

/// How far a job is, from what its submission and its summaries tell.
public struct JobProgress: Sendable, Hashable {
    /// `nil` until the job is opened.
    public var job: JobID?
    /// The images that the job will have; the master may know fewer while they are being sent.
    public var imageCount = 0
    public var imagesSent = 0
    public var imagesDone = 0
    public var imagesFailed = 0
    /// Pixels of the images that the master knows.
    public var pixelsTotal: UInt64 = 0
    public var pixelsDone: UInt64 = 0
    /// Tasks of the images that the master knows.
    public var tasksTotal: UInt64 = 0
    public var tasksDone: UInt64 = 0
    /// Attempts that ended with their worker or rank; each was given to another one.
    public var attemptsLost: UInt64 = 0
    public var attemptsFailed: UInt64 = 0

    public init() {}

    public var imagesFinished: Int { imagesDone + imagesFailed }
    /// Whether every image has ended, with a result or without.
    public var hasEnded: Bool { imageCount > 0 && imagesFinished == imageCount }
    public var isUploading: Bool { imagesSent < imageCount }

    /// From 0 to 1: by pixels once all images are known, by tasks for a single image, else by images.
    public var fraction: Double {
        guard imageCount > 0 else { return 0 }
        let byImages = Double(imagesFinished) / Double(imageCount)
        if hasEnded { return 1 }
        guard !isUploading else { return byImages }
        let byPixels = pixelsTotal > 0 ? Double(pixelsDone) / Double(pixelsTotal) : byImages
        let byTasks = imageCount == 1 && tasksTotal > 0 ? Double(tasksDone) / Double(tasksTotal) : 0
        return min(1, max(byPixels, byTasks))
    }

    /// Takes over a step of the submission.
    public mutating func update(with event: SubmissionEvent) {
        switch event {
        case .opened(let job, let imageCount):
            self.job = job
            self.imageCount = imageCount
        case .added(let sent, let imageCount):
            imagesSent = sent
            self.imageCount = imageCount
        case .begun: break
        }
    }

    /// Takes over the counts of a summary.
    /// - Parameter keepingImageCount: whether the submission knows better than the master how many images there will be.
    public mutating func update(with summary: JobSummary, keepingImageCount: Bool = false) {
        job = summary.id
        if !keepingImageCount {
            imageCount = summary.imageCount
            imagesSent = imageCount
        }
        imagesDone = summary.imagesDone
        imagesFailed = summary.imagesFailed
        pixelsTotal = summary.pixelsTotal
        pixelsDone = summary.pixelsDone
        tasksTotal = summary.tasksTotal
        tasksDone = summary.tasksDone
        attemptsLost = summary.attemptsLost
        attemptsFailed = summary.attemptsFailed
    }
}
