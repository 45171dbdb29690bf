/// Why an attempt ended without a result. The stable code of a failure: it goes on the wire and into metric labels.
public enum FailureCause: UInt8, Sendable, Hashable, CaseIterable {
    /// The input is not an image that we can read: corrupt, truncated, of an unknown format. Never retried.
    case corruptInput = 1
    /// The input is above a limit (pixels, side, metadata). Never retried.
    case overLimit = 2
    /// The pipeline cannot be applied to this image (a pixel format an operation refuses). Never retried.
    case unsuitable = 3
    /// A rank exited, was killed or broke its protocol. Retried elsewhere.
    case rankLost = 4
    /// The worker's connection closed or its heartbeat lapsed. Retried elsewhere.
    case workerLost = 5
    /// The world made no progress before its deadline. Retried elsewhere.
    case hung = 6
    /// The worker could not do it for a reason of its own (no memory, no space, a blob that did not arrive). Retried.
    case workerError = 7
    /// The worker gave the lease back unstarted or unfinished, while draining. Retried, not counted against the task.
    case returned = 8
    /// The job was cancelled. Not retried.
    case cancelled = 9
    /// The master moved the task, which waited in a busy worker and had not started, to an idle one. Not counted.
    case movedToIdleWorker = 10
    /// Two workers gave different results for a task of the image, and there was no third to decide. A redrive may help.
    case disputed = 11
    /// The worker was found to compute wrong results, and gets no more work. Not counted against the task.
    case workerQuarantined = 12

    /// The code as people and programs read it.
    public var code: String {
        switch self {
        case .corruptInput: "corrupt-input"
        case .overLimit: "over-limit"
        case .unsuitable: "unsuitable"
        case .rankLost: "rank-lost"
        case .workerLost: "worker-lost"
        case .hung: "hung"
        case .workerError: "worker-error"
        case .returned: "returned"
        case .cancelled: "cancelled"
        case .movedToIdleWorker: "moved-to-idle-worker"
        case .disputed: "disputed"
        case .workerQuarantined: "worker-quarantined"
        }
    }

    /// What an attempt with this end is charged to, and so whether the task is tried again.
    public enum Charge: Hashable, Sendable {
        /// The worker: counts to the losses that a task may have. Tried again.
        case loss
        /// The task: counts to the failed attempts that it may have. Tried again.
        case failure
        /// Nothing: tried again as if the attempt had not been made.
        case free
        /// The image: no attempt can succeed. Not tried again.
        case final
    }

    public var charge: Charge {
        switch self {
        case .workerLost: .loss
        case .rankLost, .hung, .workerError, .disputed: .failure
        case .returned, .movedToIdleWorker, .workerQuarantined: .free
        case .corruptInput, .overLimit, .unsuitable, .cancelled: .final
        }
    }

    /// What an attempt with this end is counted as in listings, for people.
    public enum Tally: Hashable, Sendable {
        /// It ended with its worker or its rank.
        case lost
        case failed
    }

    /// `nil` for an end that is not listed.
    public var tally: Tally? {
        switch self {
        case .workerLost, .rankLost: .lost
        case .hung, .workerError, .corruptInput, .overLimit, .unsuitable, .disputed: .failed
        case .returned, .cancelled, .movedToIdleWorker, .workerQuarantined: nil
        }
    }
}

/// A failure as it is shown: its code, one sentence for a person, and the last lines the rank wrote.
public struct Failure: Hashable, Sendable {
    public let cause: FailureCause
    /// One sentence: what happened, with which value, what was allowed, what to do. At most 2 KiB.
    public let reason: String
    /// The end of the rank's output, at most 4 KiB; empty when it wrote none.
    public let outputTail: String

    public init(_ cause: FailureCause, _ reason: String, outputTail: String = "") {
        self.cause = cause
        self.reason = reason.prefix(maximumByteCount: 2048)
        self.outputTail = outputTail.suffix(maximumByteCount: 4096)
    }
}
