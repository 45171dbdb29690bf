import JobModel

extension WireGrantLease {
    /// Inputs that one message names: 500 of at most 80 bytes each leave a control frame room for a long pipeline.
    public static let inputsPerMessage = 500

    /// The grant as messages: most tasks need one; a reduction of thousands of chunks names its inputs in several.
    public static func messages(lease: LeaseID, spec: TaskSpec) -> [WireControl.OneOf_Body] {
        var grant = WireGrantLease(lease: lease, spec: spec)
        let rest = grant.inputs.dropFirst(inputsPerMessage)
        grant.inputs = Array(grant.inputs.prefix(inputsPerMessage))
        return [.grantLease(grant)]
            + stride(from: rest.startIndex, to: rest.endIndex, by: inputsPerMessage).map { start in
                .grantInputs(
                    .with {
                        $0.lease = lease.wire
                        $0.inputs = Array(rest[start..<min(start + inputsPerMessage, rest.endIndex)])
                    })
            }
    }
}

/// Puts grants together whose inputs come in several messages. One a connection: a new connection begins with none.
public struct GrantAssembly: Sendable {
    /// A grant whose messages have all arrived.
    public enum Grant: Sendable {
        case usable(LeaseID, TaskSpec)
        /// The lease can be named, and what came with it cannot be used. That ends the lease, not the connection: what is wrong
        /// may be another worker's word, passed on.
        case unusable(LeaseID, ProtocolViolation)
    }

    /// Inputs that one grant may have: as many as an image can have chunks.
    public static let maximumInputCount = 1_000_000
    /// Grants that may be incomplete at a time: the master sends one after the other.
    static let maximumIncompleteCount = 4

    private var incomplete: [LeaseID: WireGrantLease] = [:]

    public init() {}

    /// - Returns: the grant when it is complete; `nil` when more inputs are to follow.
    /// - Throws: when the lease cannot be read: there is nothing that could be ended instead.
    public mutating func received(_ grant: WireGrantLease) throws(ProtocolViolation) -> Grant? {
        let lease = try LeaseID(wire: grant.lease, field: "GrantLease.lease")
        guard grant.inputCount <= Self.maximumInputCount else {
            return .unusable(
                lease,
                ProtocolViolation(
                    field: "GrantLease.input_count", value: "\(grant.inputCount)",
                    allowed: "at most \(Self.maximumInputCount)"))
        }
        if grant.inputs.count >= grant.inputCount { return Self.validated(grant, lease) }
        guard incomplete.count < Self.maximumIncompleteCount else {
            return .unusable(
                lease,
                ProtocolViolation(
                    field: "GrantLease", value: "a grant of \(lease) while \(incomplete.count) others are incomplete",
                    allowed: "the inputs of one grant before the next"))
        }
        incomplete[lease] = grant
        return nil
    }

    /// - Returns: the grant when these were its last inputs, or are too many of them. Inputs of a lease that waits for none belong
    ///   to a grant that was unusable before they came: they are of no use.
    public mutating func received(_ more: WireGrantInputs) throws(ProtocolViolation) -> Grant? {
        let lease = try LeaseID(wire: more.lease, field: "GrantInputs.lease")
        guard var grant = incomplete.removeValue(forKey: lease) else { return nil }
        guard !more.inputs.isEmpty, grant.inputs.count + more.inputs.count <= grant.inputCount else {
            return .unusable(
                lease,
                ProtocolViolation(
                    field: "GrantInputs", value: "\(more.inputs.count) inputs of lease \(lease)",
                    allowed: "the inputs that its GrantLease still lacks"))
        }
        grant.inputs += more.inputs
        if grant.inputs.count == grant.inputCount { return Self.validated(grant, lease) }
        incomplete[lease] = grant
        return nil
    }

    private static func validated(_ grant: WireGrantLease, _ lease: LeaseID) -> Grant {
        do {
            return .usable(lease, try grant.validated().spec)
        } catch {
            return .unusable(lease, error)
        }
    }
}
