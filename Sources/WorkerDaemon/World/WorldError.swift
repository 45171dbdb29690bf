import JobModel

/// The reason why a world could not carry out an order. After every case but `stopped` the `World` is usable: the next order
/// gets a new world.
enum WorldError: Error, Hashable {
    /// The world did not start.
    case notStarted(_ reason: String, outputTail: String)
    /// The world did not start, and what was named as Open MPI's launcher is not one.
    case notLauncher(_ reason: String)
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
        case .notLauncher(let reason): Failure(.workerError, reason)
        case .lost(let reason, let tail): Failure(.rankLost, reason, outputTail: tail)
        case .hung(let reason, let tail): Failure(.hung, reason, outputTail: tail)
        case .stopped: Failure(.returned, "the worker is stopping")
        }
    }
}

/// The message of a worker that cannot start: the reason in one line, then the output of mpirun and the ranks, if there is any.
extension WorldError: CustomStringConvertible {
    var description: String {
        let failure = failure
        let tail = failure.outputTail.split(separator: "\n").map { "\n  | \($0)" }.joined()
        return failure.reason + tail
    }
}
