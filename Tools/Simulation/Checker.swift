/// The checkers, by the promise that each watches over.
public enum Checker: String, Sendable, CaseIterable {
    /// What was durable once stays, whole, and can be replayed.
    case durability
    /// Nothing is handed out before its attempt is durable.
    case order
    /// No task is committed twice, no image ends twice, no lease is two workers'.
    case commits
    /// A result is the one that an undisturbed run has.
    case results
    /// Attempts are counted: an image is dead-lettered when they are used up, neither earlier nor later.
    case attempts
    /// A worker that loses a lease is told; a worker's slot runs one task at a time; nothing is left at the end.
    case leases
    /// Nothing is granted whose result finds no place, and waiting for room costs no attempt.
    case room
    /// No image has a larger plan than it may have.
    case limits
    /// No blob that is needed is deleted.
    case blobs
    /// The scheduler and the master's table of connections agree.
    case connections
    /// No worker that is heard is declared dead.
    case falseDeaths = "false deaths"
    /// One token is one job; what was asked for is what happens.
    case clients
    /// No worker serves a master whose state was replaced, or tells one master of another's leases.
    case generations
    /// Both sides say only what the other expects.
    case conversation
    /// The replayed journal equals memory.
    case replay
    /// Each submitter gets its share, and what is urgent comes first.
    case fairness
    /// A worker that computes wrongly is found, no other is suspected, and wrong results do not stay.
    case audits
    /// All that was accepted ends, within a bound.
    case liveness
}

/// A promise that was broken.
public struct Violation: Sendable, CustomStringConvertible {
    public let checker: Checker
    public let text: String
    public var description: String { "\(checker.rawValue): \(text)" }
}

/// Takes down that a promise was broken.
typealias Report = (Checker, @autoclosure () -> String) -> Void
