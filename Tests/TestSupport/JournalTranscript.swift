import JobModel

/// A history that a journal can be compared with at any point: each transaction follows from its number.
public enum JournalTranscript {
    /// Jobs that are kept.
    private static let keptCount: UInt64 = 30

    /// Opens job `number` with a few records, and forgets one that was opened before.
    public static func transaction(_ number: UInt64) -> [Record] {
        number > keptCount ? job(number) + [.jobForgotten(JobID(number - keptCount))] : job(number)
    }

    /// What is kept after the first `number` transactions.
    public static func records(after number: UInt64) -> [Record] {
        guard number > 0 else { return [] }
        return (max(1, number &- min(number, keptCount) + 1)...number).flatMap(job)
    }

    private static func job(_ number: UInt64) -> [Record] {
        let id = JobID(number)
        let description = JobDescription(
            id: id, token: "token-\(number)", submitter: "power", priority: 0,
            pipeline: String(repeating: "invert | ", count: Int(number % 40)) + "invert", options: JobOptions(),
            submittedAt: 1_800_000_000_000)
        let images = number % 5
        return [.jobOpened(description)]
            + (0..<UInt32(images)).map { index in
                let lease = LeaseID(task: TaskID(image: ImageID(job: id, index: index), step: .whole), attempt: 1)
                return .attemptStarted(lease, worker: WorkerID(number % 7 + 1))
            }
    }
}
