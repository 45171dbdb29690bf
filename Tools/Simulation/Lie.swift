import JobModel

/// What a worker can say wrongly, field by field.
///
/// Every field of every message of a worker is falsified here, or is in `unseen` with the reason: a test compares both with the
/// fields of the protocol.
enum Lie {
    /// About what a task gave back.
    enum OfOutput: CaseIterable {
        case noPayload, absentPayload, anotherPayload, spoiltPayload, longerPayload, shorterPayload
        case noSummary, absentSummary, longerSummary, surplusSummary
        case absentMetadata, spoiltMetadata, longerMetadata, surplusMetadata
        case noChecksum, checksumOfOtherBytes, malformedChecksum, surplusChecksum
        case noOffsets, surplusOffsets, missingOffset, shiftedOffset, fallingOffsets, offsetBeyondTheEnd
        case inventedRemarks

        var fields: [String] {
            switch self {
            case .noPayload: ["TaskFinished.payload"]
            case .absentPayload, .anotherPayload, .spoiltPayload: ["TaskFinished.payload", "BlobReference.digest"]
            case .longerPayload, .shorterPayload: ["TaskFinished.payload", "BlobReference.byte_count"]
            case .noSummary, .surplusSummary: ["TaskFinished.summary"]
            case .absentSummary: ["TaskFinished.summary", "BlobReference.digest"]
            case .longerSummary: ["TaskFinished.summary", "BlobReference.byte_count"]
            case .absentMetadata, .spoiltMetadata: ["TaskFinished.metadata", "BlobReference.digest"]
            case .longerMetadata: ["TaskFinished.metadata", "BlobReference.byte_count"]
            case .surplusMetadata: ["TaskFinished.metadata"]
            case .noChecksum, .surplusChecksum: ["TaskFinished.checksum"]
            case .checksumOfOtherBytes: ["TaskFinished.checksum", "SegmentChecksum.byte_count"]
            case .malformedChecksum: ["TaskFinished.checksum", "SegmentChecksum.form"]
            case .noOffsets, .surplusOffsets, .missingOffset, .shiftedOffset, .fallingOffsets, .offsetBeyondTheEnd:
                ["TaskFinished.value_offsets"]
            case .inventedRemarks:
                ["TaskFinished.remarks", "ImageRemark.code", "ImageRemark.count", "ImageRemark.byte_count"]
            }
        }
    }

    /// About a band.
    enum OfBand: CaseIterable {
        case anotherIndex, indexBeyondTheEnd, absentBlob, longerBlob, shorterBlob

        var fields: [String] {
            switch self {
            case .anotherIndex, .indexBeyondTheEnd: ["BandPublished.band"]
            case .absentBlob: ["BandPublished.blob", "BlobReference.digest"]
            case .longerBlob, .shorterBlob: ["BandPublished.blob", "BlobReference.byte_count"]
            }
        }
    }

    /// About which lease it is.
    enum OfLease: CaseIterable {
        case others, anotherJob, anotherImage, anotherStage, anotherChunk, anotherKind, laterAttempt, attemptZero

        var fields: [String] {
            let messages = ["BandPublished.lease", "TaskFinished.lease", "TaskFailed.lease"]
            switch self {
            case .others: return messages
            case .anotherJob: return messages + ["Lease.job"]
            case .anotherImage: return messages + ["Lease.image"]
            case .anotherStage:
                return messages + ["Lease.step", "TaskStep.chunk", "TaskStep.reduce", "ChunkStep.stage"]
            case .anotherChunk: return messages + ["Lease.step", "TaskStep.chunk", "ChunkStep.index"]
            case .anotherKind: return messages + ["Lease.step", "TaskStep.whole", "TaskStep.decode"]
            case .laterAttempt, .attemptZero: return messages + ["Lease.attempt"]
            }
        }

        /// The lease that is named in place of `lease`; `nil` where that cannot be said.
        func named(insteadOf lease: LeaseID) -> LeaseID? {
            func lying(_ image: ImageID? = nil, _ step: TaskStep? = nil, attempt: AttemptNumber? = nil) -> LeaseID {
                LeaseID(
                    task: TaskID(image: image ?? lease.task.image, step: step ?? lease.task.step),
                    attempt: attempt ?? lease.attempt)
            }
            let image = lease.task.image
            switch (self, lease.task.step) {
            case (.others, _): return lease
            case (.anotherJob, _): return lying(ImageID(job: JobID(image.job.rawValue + 1), index: image.index))
            case (.anotherImage, _): return lying(ImageID(job: image.job, index: image.index &+ 1))
            case (.anotherStage, .chunk(let stage, let index)):
                return lying(nil, .chunk(stage: stage ^ 1, index: index))
            case (.anotherStage, .reduce(let stage)): return lying(nil, .reduce(stage: stage + 1))
            case (.anotherChunk, .chunk(let stage, let index)):
                return lying(nil, .chunk(stage: stage, index: index &+ 1))
            case (.anotherKind, .whole): return lying(nil, .decode)
            case (.anotherKind, .decode): return lying(nil, .whole)
            case (.anotherKind, .chunk(let stage, _)): return lying(nil, .reduce(stage: stage))
            case (.anotherKind, .reduce(let stage)): return lying(nil, .chunk(stage: stage, index: 0))
            case (.anotherStage, _), (.anotherChunk, _): return nil
            case (.laterAttempt, _): return lying(attempt: lease.attempt &+ 3)
            case (.attemptZero, _): return lying(attempt: 0)
            }
        }
    }

    /// About why an attempt ended: any cause, and texts of any length.
    static let text = "a lie "
    static let fieldsOfFailure = ["TaskFailed.failure", "Failure.code", "Failure.reason", "Failure.output_tail"]

    /// About what it holds, and how it is.
    enum OfHeartbeat: CaseIterable {
        case othersLeases, nothingHeld, notStarted, progressBackAndForth, immenseMemory, unready

        var fields: [String] {
            switch self {
            case .othersLeases, .nothingHeld: ["Heartbeat.held", "HeldLease.lease"]
            case .notStarted: ["HeldLease.started"]
            case .progressBackAndForth: ["HeldLease.progress"]
            case .immenseMemory: ["Heartbeat.resident_bytes"]
            case .unready: ["Heartbeat.unready"]
            }
        }
    }

    /// About itself.
    enum OfRegistration: CaseIterable {
        case anothersNumber, inventedNumber, longName, noSlots, manySlots, noRanks, manyRanks, hardlyMemory,
            immenseMemory, anotherRelease, othersLeases, draining, unready

        var fields: [String] {
            switch self {
            case .anothersNumber, .inventedNumber: ["Register.worker"]
            case .longName: ["Register.name"]
            case .noSlots, .manySlots: ["Register.slot_count"]
            case .noRanks, .manyRanks: ["Register.ranks_per_slot"]
            case .hardlyMemory, .immenseMemory: ["Register.slot_memory_bytes"]
            case .anotherRelease: ["Register.result_revision"]
            case .othersLeases: ["Register.held", "HeldLease.lease"]
            case .draining: ["Register.draining"]
            case .unready: ["Register.unready"]
            }
        }
    }

    /// A worker that drains, and does not.
    static let fieldsOfDrain = ["Drain.resume"]

    /// The fields that are falsified.
    static var fields: Set<String> {
        Set(
            OfOutput.allCases.flatMap(\.fields) + OfBand.allCases.flatMap(\.fields) + OfLease.allCases.flatMap(\.fields)
                + OfHeartbeat.allCases.flatMap(\.fields) + OfRegistration.allCases.flatMap(\.fields) + fieldsOfFailure
                + fieldsOfDrain)
    }

    /// The fields whose falsification shows only when a second worker computes the same, and why.
    static let unseen = [
        "SegmentChecksum.adler32": "it is of the pixels, which the master does not read"
    ]
}
