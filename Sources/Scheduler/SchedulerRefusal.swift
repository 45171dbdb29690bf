import JobModel

/// Why the scheduler refuses an event; nothing has changed.
public enum SchedulerRefusal: Error, Hashable, Sendable {
    /// There is no room now; there will be when other work has ended.
    case overloaded(Overload)
    /// It would never fit. `setting` raises the limit.
    case overLimit(what: String, need: Int, have: Int, limit: Int, setting: String)
    case invalidPipeline(String)
    /// An argument is outside its range.
    case invalidArgument(String)
    /// The worker's release computes results of another revision than the master's.
    case releaseDiffers(worker: UInt32, master: UInt32)
    case unknownJob(JobID)
    case unknownImage(ImageID)
    /// The image at that position was added with another input.
    case imageDiffers(ImageID, present: BlobDigest, offered: BlobDigest)
    /// Images come in order: the next position is `expected`.
    case imageGap(JobID, expected: UInt32, offered: UInt32)
    /// The client's count of images is not the number that arrived.
    case imageCountDiffers(JobID, present: UInt32, stated: UInt32)
    /// The job takes no more images.
    case jobSealed(JobID)
    /// The job is in a state that does not allow it.
    case jobNotInState(JobID, is: JobState, needed: String)
    /// The job has ended, so that nothing of it can be cancelled.
    case jobEnded(JobID, is: JobState)
    /// The image is in a state that does not allow it.
    case imageNotInState(ImageID, is: ImageState, needed: String)
    /// None of the job's images is dead-lettered.
    case nothingDead(JobID)

    /// When the same request may succeed, without any change of settings; `nil` when it will not.
    public var retryAfter: Duration? {
        switch self {
        case .overloaded(let overload): overload.retryAfter
        case .overLimit, .invalidPipeline, .invalidArgument, .releaseDiffers, .unknownJob, .unknownImage, .imageDiffers,
            .imageGap, .imageCountDiffers, .jobSealed, .jobNotInState, .jobEnded, .imageNotInState, .nothingDead:
            nil
        }
    }
}

extension SchedulerRefusal: CustomStringConvertible {
    /// For a person: what, with which value, what is allowed, what to do.
    public var description: String {
        switch self {
        case .overloaded(let overload): overload.description
        case .overLimit(let what, let need, let have, let limit, let setting):
            have == 0
                ? "\(need) \(what) are above the limit of \(limit); ask for less, or raise the master's --\(setting)"
                : "\(need) more \(what) do not fit: there are \(have) of at most \(limit); "
                    + "ask for less, or raise the master's --\(setting)"
        case .invalidPipeline(let reason): "the pipeline cannot be used: \(reason)"
        case .invalidArgument(let reason): reason
        case .releaseDiffers(let worker, let master):
            "the worker's release gives results of revision \(worker), the master's of revision \(master), and an image must not "
                + "be of both; install the same release on both machines"
        case .unknownJob(let job):
            "there is no job \(job): finished jobs are forgotten after a while; `tessera jobs` lists those that are kept"
        case .unknownImage(let image): "job \(image.job) has no image \(image.index)"
        case .imageDiffers(let image, let present, let offered):
            "image \(image.index) of job \(image.job) was added with input \(present), not \(offered); "
                + "submit other images as another job, with another token"
        case .imageGap(let job, let expected, let offered):
            "job \(job) expects image \(expected) next, not \(offered); add images in order"
        case .imageCountDiffers(let job, let present, let stated):
            "job \(job) has \(present) images, not \(stated); add the missing ones before sealing it"
        case .jobSealed(let job): "job \(job) is sealed and takes no more images; submit them as another job"
        case .jobNotInState(let job, let state, let needed): "job \(job) is \(state.name), but must be \(needed)"
        case .jobEnded(let job, let state):
            "job \(job) has already finished (it is \(state.name)): there is nothing to cancel"
        case .imageNotInState(let image, let state, let needed):
            "image \(image) \(state == .failed ? "has" : "is") \(state.name), not \(needed)"
        case .nothingDead(let job):
            "job \(job) has no dead-lettered images; `tessera dead list` shows those of all jobs"
        }
    }
}
