import JobModel

/// Why a world could not carry out an order. Every case but `stopped` leaves the `World` usable: the next order gets a
/// fresh world.
enum WorldError: Error, Hashable {
    /// The world did not come up.
    case notStarted(_ reason: String, outputTail: String)
    /// A rank or mpirun ended, or broke the protocol, before it had answered.
    case lost(_ reason: String, outputTail: String)
    /// No answer and no progress within the time allowed.
    case hung(_ reason: String, outputTail: String)
    /// `stop()` was called.
    case stopped

    /// The failure to report for the attempt.
    var failure: Failure {
        switch self {
        case .notStarted(let reason, let tail): Failure(.workerError, reason, outputTail: tail)
        case .lost(let reason, let tail): Failure(.rankLost, reason, outputTail: tail)
        case .hung(let reason, let tail): Failure(.hung, reason, outputTail: tail)
        case .stopped: Failure(.returned, "the worker is stopping")
        }
    }
}

/// What a worker says that cannot start: the reason in one line, then what mpirun and the ranks wrote, if anything.
extension WorldError: CustomStringConvertible {
    var description: String {
        let failure = failure
        let tail = failure.outputTail.split(separator: "\n").map { "\n  | \($0)" }.joined()
        return failure.reason + tail
    }
}
