import JobModel

@testable import Journal

/// Records of a small job, as a master would write them.
enum Transcript {
    static func digest(_ seed: UInt8) -> BlobDigest {
        guard let digest = BlobDigest([UInt8](repeating: seed, count: 32)) else {
            preconditionFailure("a digest has 32 bytes")
        }
        return digest
    }

    static func opened(_ job: UInt64, pipeline: String = "gaussian-blur sigma=3") -> Record {
        .jobOpened(
            JobDescription(
                id: JobID(job), token: "token-\(job)", submitter: "ada@lovelace", priority: 0, pipeline: pipeline,
                options: JobOptions(), submittedAt: 1_800_000_000_000))
    }

    static func started(_ job: UInt64, image: UInt32, attempt: AttemptNumber = 1, worker: UInt64 = 1) -> Record {
        .attemptStarted(lease(job, image, attempt), worker: WorkerID(worker))
    }

    static func completed(_ job: UInt64, image: UInt32, attempt: AttemptNumber = 1) -> Record {
        .taskCompleted(
            lease(job, image, attempt),
            output: TaskOutput(
                payload: BlobReference(digest: digest(UInt8(truncatingIfNeeded: image)), byteCount: 1000)))
    }

    static func sealed(_ job: UInt64, imageCount: UInt32) -> Record { .jobSealed(JobID(job), imageCount: imageCount) }

    static func job(_ job: UInt64, imageCount: UInt32) -> [Record] {
        [opened(job), sealed(job, imageCount: imageCount)]
            + (0..<imageCount).flatMap { [started(job, image: $0), completed(job, image: $0)] }
    }

    private static func lease(_ job: UInt64, _ image: UInt32, _ attempt: AttemptNumber) -> LeaseID {
        LeaseID(task: TaskID(image: ImageID(job: JobID(job), index: image), step: .whole), attempt: attempt)
    }
}

extension Journal {
    /// All records, replayed.
    func records() throws -> [Record] {
        var records: [Record] = []
        try replay { records.append($0) }
        return records
    }
}
