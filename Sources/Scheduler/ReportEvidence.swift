import JobModel
import SeededFaults

/// What the bytes of a report have to be, by the plan of its image: for a shell that can read them.
public enum ReportedContent: Hashable, Sendable {
    /// The file of a whole image of that geometry, in that format; see `ImageCoding.encoding`.
    case file(ImageGeometry, encoding: String = "")
    /// The document of a feature operation.
    case document
    /// The encoded segments of that many rows of an image of that geometry.
    case segments(rowCount: Int, of: ImageGeometry, encoding: String = "")
    /// The metadata that a decoder carries over to a file in that format.
    case metadata(encoding: String = "")

    public var isOfMetadata: Bool { if case .metadata = self { true } else { false } }
}

/// What the shell found when it looked at the blobs of a report, before anything of it is believed.
///
/// A report is the word of a peer. The scheduler compares each of its fields with the plan, and these facts with both.
public struct ReportEvidence: Hashable, Sendable {
    /// The size of each blob that has a file.
    public var byteCounts: [BlobDigest: UInt64]
    /// What the bytes were compared with; `nil` when there was nothing to compare them with.
    public var content: ReportedContent?
    /// Why they are not that.
    public var objection: String?

    public init(byteCounts: [BlobDigest: UInt64], content: ReportedContent? = nil, objection: String? = nil) {
        self.byteCounts = byteCounts
        self.content = content
        self.objection = objection
    }
}

extension Scheduler {
    /// What the shell has to compare the report's bytes with; `nil` when there is nothing, or the report will change nothing.
    public func expectedContent(of report: WorkerReport) -> ReportedContent? {
        guard case .finished(let lease, let output) = report, let key = taskInQuestion(lease) else { return nil }
        return ledger.jobs[key.job]?.progress[key.index]?.content(of: output, of: key.task)
    }

    /// The task on which a report changes something: one that is not done, or of which the lease is an audit.
    func taskInQuestion(_ lease: LeaseID) -> TaskKey? {
        if let audit = leases[lease], audit.isAudit { return seeded(.auditNotExamined) ? nil : audit.key }
        return wanted(lease)
    }

    /// Why the report cannot be true; `nil` when it can, or changes nothing in any case.
    func objection(to report: WorkerReport, _ evidence: ReportEvidence) -> String? {
        for blob in report.blobs {
            let found = seeded(.reportedSizeBelieved, blob.byteCount, else: evidence.byteCounts[blob.digest])
            guard found != blob.byteCount else { continue }
            return found.map { "the blob \(blob.digest) has \($0) bytes, not \(blob.byteCount)" }
                ?? "the blob \(blob.digest) has no file"
        }
        guard !seeded(.contentNotExamined) else { return nil }
        if let objection = evidence.objection { return objection }
        // A report that said too early what became wanted only since was not compared with what it has to be.
        let expected = expectedContent(of: report)
        return expected == evidence.content ? nil : "its bytes were not there to be examined"
    }
}

extension ImageProgress {
    /// What the bytes of `output` have to be.
    func content(of output: TaskOutput, of task: UInt32) -> ReportedContent? {
        switch plan.step(Int(task)) {
        case .whole: return plan.isDocument ? .document : .file(plan.output, encoding: plan.coding.encoding)
        case .decode: return output.metadata == nil ? nil : .metadata(encoding: plan.coding.encoding)
        case .chunk(let stage, let index):
            let stage = plan.stages[Int(stage)]
            guard stage.epilogue == .segments else { return nil }
            return .segments(
                rowCount: stage.chunks[Int(index)].count, of: plan.output, encoding: plan.coding.encoding)
        case .reduce(let stage): return plan.stages[Int(stage)].epilogue == .report ? .document : nil
        }
    }

    /// Why `output` cannot be the result of the task; `nil` when it can. Every field is compared with the plan: what the plan
    /// does not give is not to be there.
    func objection(to output: TaskOutput, of task: UInt32) -> String? {
        let step = plan.step(Int(task))
        if let objection = objectionToFields(of: output, step) { return objection }
        switch step {
        case .whole: return nil
        case .decode where plan.isInPieces:
            return objection(toValuesOf: output, count: plan.stages[0].chunks.count)
        case .decode:
            return plan.neededBands.first { bands[$0] == nil }.map { "band \($0) of \(bands.count) was not published" }
        case .chunk(let stage, let index):
            let stage = plan.stages[Int(stage)]
            switch stage.epilogue {
            case .rows, .columns, .aggregate:
                let expected = stage.outputByteCount(ofChunk: Int(index))
                let found = seeded(.chunkLengthNotCompared, expected, else: output.payload?.byteCount)
                return found == expected
                    ? nil : "the chunk has \(found ?? 0) bytes instead of the \(expected) of its rows"
            case .report, .segments: return nil
            }
        case .reduce(let stage):
            return objection(toValuesOf: output, count: plan.valueCount(reducing: Int(stage)))
        }
    }

    private func objection(toValuesOf output: TaskOutput, count: Int) -> String? {
        guard let payload = output.payload else { return "no values were named" }
        let offsets = output.valueOffsets
        guard offsets.count == count + 1, offsets.first == 0, offsets.last == payload.byteCount,
            zip(offsets, offsets.dropFirst()).allSatisfy({ $0 <= $1 })
        else { return "the offsets do not cut \(payload.byteCount) bytes into \(count) values" }
        return nil
    }

    private func objectionToFields(of output: TaskOutput, _ step: TaskStep) -> String? {
        let expected = OutputFields(step, in: plan)
        func compare(_ name: String, _ blob: BlobReference?, _ presence: OutputFields.Presence) -> String? {
            guard let blob else { return presence == .required ? "no \(name) was named" : nil }
            if presence == .forbidden { return seeded(.surplusFieldAccepted) ? nil : "it names a \(name)" }
            return blob.byteCount <= OutputFields.largestByteCount
                ? nil : "the \(name) has \(blob.byteCount) bytes; at most \(OutputFields.largestByteCount) are possible"
        }
        if let objection = compare("payload", output.payload, expected.payload)
            ?? compare("summary", output.summary, expected.summary)
            ?? compare("block of metadata", output.metadata, expected.metadata)
        {
            return objection
        }
        if (output.checksum != nil) != expected.hasChecksum, !seeded(.surplusFieldAccepted) || expected.hasChecksum {
            return expected.hasChecksum ? "the segment has no checksum" : "it has a checksum of segments"
        }
        if !expected.hasOffsets, !output.valueOffsets.isEmpty, !seeded(.surplusFieldAccepted) {
            return "it has \(output.valueOffsets.count) offsets of values"
        }
        if !expected.mayHaveRemarks, !output.remarks.isEmpty, !seeded(.surplusFieldAccepted) {
            return "it has remarks on the file, which only its decoder sees"
        }
        return nil
    }
}

/// Which fields the output of a task has.
struct OutputFields {
    enum Presence { case forbidden, optional, required }

    /// A blob of a task is held in the memory of one worker. The sizes of a million of them add up without overflow.
    static let largestByteCount: UInt64 = 1 << 44

    var payload = Presence.forbidden
    var summary = Presence.forbidden
    var metadata = Presence.forbidden
    var hasChecksum = false
    var hasOffsets = false
    var mayHaveRemarks = false

    init(_ step: TaskStep, in plan: ImagePlan) {
        switch step {
        case .whole:
            payload = .required
            mayHaveRemarks = true
        case .decode:
            metadata = .optional
            mayHaveRemarks = true
            if plan.isInPieces {
                payload = .required
                hasOffsets = true
            }
        case .reduce:
            payload = .required
            hasOffsets = true
        case .chunk(let stage, _):
            payload = .required
            switch plan.stages[Int(stage)].epilogue {
            case .rows, .columns, .report: break
            case .aggregate: summary = .required
            case .segments: hasChecksum = true
            }
        }
    }
}

extension ImagePlan.Stage {
    /// Bytes of the rows, or columns, that a chunk gives back raw.
    func outputByteCount(ofChunk index: Int) -> UInt64 { UInt64(chunks[index].count) * UInt64(outputBytesPerRow) }
}

extension FailureCause {
    /// Whether a worker can know of it. The others are what the master itself decides about attempts.
    var isWorkersWord: Bool {
        switch self {
        case .corruptInput, .overLimit, .unsuitable, .rankLost, .hung, .workerError, .returned: true
        case .workerLost, .cancelled, .movedToIdleWorker, .disputed, .workerQuarantined: false
        }
    }
}
