import JobModel

extension TaskStep {
    public init(wire: WireTaskStep, field: String = "TaskStep") throws(ProtocolViolation) {
        switch wire.kind {
        case .whole(true): self = .whole
        case .decode(true): self = .decode
        case .chunk(let chunk):
            self = .chunk(stage: try Self.stage(chunk.stage, field: field + ".chunk.stage"), index: chunk.index)
        case .reduce(let stage): self = .reduce(stage: try Self.stage(stage, field: field + ".reduce"))
        case .whole(false), .decode(false):
            throw ProtocolViolation(field: field, value: "false", allowed: "true, or another kind of step")
        case nil:
            throw ProtocolViolation(field: field, value: "nothing", allowed: "whole, decode, chunk or reduce")
        }
    }

    private static func stage(_ value: UInt32, field: String) throws(ProtocolViolation) -> UInt16 {
        guard let stage = UInt16(exactly: value) else {
            throw ProtocolViolation(field, value, allowed: "0 to \(UInt16.max)")
        }
        return stage
    }

    public var wire: WireTaskStep {
        var wire = WireTaskStep()
        switch self {
        case .whole: wire.whole = true
        case .decode: wire.decode = true
        case .chunk(let stage, let index):
            wire.chunk.stage = UInt32(stage)
            wire.chunk.index = index
        case .reduce(let stage): wire.reduce = UInt32(stage)
        }
        return wire
    }
}

extension JobID {
    /// - Throws: `ProtocolViolation` for 0, which names no job.
    public init(wire: UInt64, field: String = "job") throws(ProtocolViolation) {
        guard wire > 0 else { throw ProtocolViolation(field, wire, allowed: "a job's number, from 1") }
        self.init(wire)
    }
}

extension WorkerID {
    /// - Throws: `ProtocolViolation` for 0, which names no worker.
    public init(wire: UInt64, field: String = "worker") throws(ProtocolViolation) {
        guard wire > 0 else { throw ProtocolViolation(field, wire, allowed: "a worker's number, from 1") }
        self.init(wire)
    }
}

extension LeaseID {
    public init(wire: WireLease, field: String = "Lease") throws(ProtocolViolation) {
        let job = try JobID(wire: wire.job, field: field + ".job")
        let step = try TaskStep(wire: wire.step, field: field + ".step")
        guard wire.attempt > 0 else { throw ProtocolViolation(field + ".attempt", wire.attempt, allowed: "from 1") }
        self.init(task: TaskID(image: ImageID(job: job, index: wire.image), step: step), attempt: wire.attempt)
    }

    public var wire: WireLease {
        var wire = WireLease()
        wire.job = task.image.job.rawValue
        wire.image = task.image.index
        wire.step = task.step.wire
        wire.attempt = attempt
        return wire
    }
}

extension Failure {
    /// A code that this version does not know is the worker's own error: it is retried.
    public init(wire: WireFailure) {
        let cause = FailureCause.allCases.first { $0.code == wire.code }
        let reason = cause == nil ? "\(wire.code): \(wire.reason)" : wire.reason
        self.init(cause ?? .workerError, reason, outputTail: wire.outputTail)
    }

    public var wire: WireFailure {
        var wire = WireFailure()
        wire.code = cause.code
        wire.reason = reason
        wire.outputTail = outputTail
        return wire
    }
}
