/// Names one submission. Made by the master, counted up from 1, never reused within a state directory.
public struct JobID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let rawValue: UInt64

    public init(_ rawValue: UInt64) { self.rawValue = rawValue }

    /// Reads the decimal form that `description` prints; `nil` for anything else.
    public init?(text: some StringProtocol) {
        guard let value = UInt64(text), value > 0 else { return nil }
        rawValue = value
    }

    public static func < (left: JobID, right: JobID) -> Bool { left.rawValue < right.rawValue }
    public var description: String { String(rawValue) }
}

/// Names one image of a job by its position in the submission, counted from 0.
public struct ImageID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let job: JobID
    public let index: UInt32

    public init(job: JobID, index: UInt32) {
        self.job = job
        self.index = index
    }

    public static func < (left: ImageID, right: ImageID) -> Bool {
        (left.job, left.index) < (right.job, right.index)
    }
    public var description: String { "\(job).\(index)" }
}

/// The place of a task in its image's plan.
public enum TaskStep: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// A small image from encoded input to encoded output, in one task.
    case whole
    /// A large image's rows, decoded and published band by band.
    case decode
    /// The `index`-th chunk of the plan's `stage`-th stage.
    case chunk(stage: UInt16, index: UInt32)
    /// The partial results of a stage, merged over the whole image.
    case reduce(stage: UInt16)

    public var description: String {
        switch self {
        case .whole: "whole"
        case .decode: "decode"
        case .chunk(let stage, let index): "chunk-\(stage)-\(index)"
        case .reduce(let stage): "reduce-\(stage)"
        }
    }
}

/// Names one task. It follows from the image and its plan, so the same task has the same name after a restart.
public struct TaskID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let image: ImageID
    public let step: TaskStep

    public init(image: ImageID, step: TaskStep) {
        self.image = image
        self.step = step
    }

    public static func < (left: TaskID, right: TaskID) -> Bool {
        (left.image, left.step) < (right.image, right.step)
    }
    public var description: String { "\(image)/\(step)" }
}

/// Names one run of a worker daemon. Made by the master at registration; a worker that reconnects presents it again.
public struct WorkerID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let rawValue: UInt64

    public init(_ rawValue: UInt64) { self.rawValue = rawValue }

    public static func < (left: WorkerID, right: WorkerID) -> Bool { left.rawValue < right.rawValue }
    public var description: String { "w\(rawValue)" }
}

/// The number of an attempt at one task, from 1: the fencing token of its lease.
public typealias AttemptNumber = UInt32

/// One worker's right to run one task: the task and the attempt it was granted for.
public struct LeaseID: Hashable, Sendable, CustomStringConvertible {
    public let task: TaskID
    public let attempt: AttemptNumber

    public init(task: TaskID, attempt: AttemptNumber) {
        self.task = task
        self.attempt = attempt
    }

    public var description: String { "\(task)#\(attempt)" }
}
