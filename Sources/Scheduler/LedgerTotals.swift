import JobModel

/// What all jobs add up to: the measure of the limits on new work.
struct LedgerTotals: Equatable, Sendable {
    /// Jobs that have not ended.
    private(set) var openJobs = 0
    /// Jobs that have not ended, by submitter; submitters without any are not listed.
    private(set) var openJobsBySubmitter: [String: Int] = [:]
    /// Images of all jobs that are kept.
    var images = 0
    /// Dead-lettered ones.
    var deadLetters = 0
    /// Tasks of the images that were begun and have not ended: what their plans take memory for.
    var begunTasks = 0
    /// Encoded bytes of the inputs of images that have not ended. An input that several images share counts for each.
    private(set) var queuedByteCount: UInt64 = 0

    mutating func jobOpened(_ job: JobDescription) {
        openJobs += 1
        openJobsBySubmitter[job.submitter, default: 0] += 1
    }

    mutating func jobEnded(_ job: JobDescription) {
        openJobs -= 1
        let rest = openJobsBySubmitter[job.submitter, default: 1] - 1
        openJobsBySubmitter[job.submitter] = rest == 0 ? nil : rest
    }

    mutating func imageQueued(_ input: BlobReference) { queuedByteCount += input.byteCount }
    mutating func imageLeft(_ input: BlobReference) { queuedByteCount -= input.byteCount }
}
