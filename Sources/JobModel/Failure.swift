/// Why an attempt ended without a result. The stable code of a failure: it goes on the wire and into metric labels.
public enum FailureCause: UInt8, Sendable, Hashable, CaseIterable {
    /// The input is not an image that we can read: corrupt, truncated, of an unknown format. Never retried.
    case corruptInput = 1
    /// The input is above a limit (pixels, side, metadata). Never retried.
    case overLimit = 2
    /// The pipeline can not be applied to this image (a pixel format an operation refuses). Never retried.
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
        }
    }

    /// Whether another attempt could end differently.
    public var isRetried: Bool {
        switch self {
        case .corruptInput, .overLimit, .unsuitable, .cancelled: false
        case .rankLost, .workerLost, .hung, .workerError, .returned: true
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
        self.reason = String(reason.prefix(2048))
        self.outputTail = String(outputTail.suffix(4096))
    }
}
