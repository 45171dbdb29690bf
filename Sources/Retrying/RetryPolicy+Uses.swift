extension RetryPolicy {
    /// A worker's connection to its master. A worker that was never connected does not wait for somebody to mend its settings:
    /// its operator is there to read the error.
    public static func workerLink(wasConnected: Bool) -> RetryPolicy {
        let all = Set(Persistence.allCases)
        return RetryPolicy(retried: wasConnected ? all : all.subtracting([.untilChanged]))
    }

    /// A worker's connection by a new secret, which the master may not have yet; the one by the former secret stays as long.
    public static let newSecret = RetryPolicy(
        retried: Set(Persistence.allCases), backoff: Backoff(base: .milliseconds(250), maximum: .seconds(1)))

    /// A blob that a worker's task needs, or made: longer than a master's restart takes, shorter than a person waits.
    public static let taskBlob = RetryPolicy(
        retried: [.absent, .passing], patience: .seconds(120), patienceWhenAsked: .seconds(120))

    /// A client's connection to its master, away for at most `patience`. A client that never had a connection gives up at once
    /// when there is no answer. It waits as long as the master asks it to.
    public static func session(patience: Duration?, wasConnected: Bool) -> RetryPolicy {
        RetryPolicy(
            retried: wasConnected ? [.absent, .passing] : [.passing],
            backoff: Backoff(base: .milliseconds(100), maximum: .seconds(3)), patience: patience)
    }

    /// A new connection while the master has too many of this address.
    public static func admission(patience: Duration) -> RetryPolicy {
        RetryPolicy(
            retried: [.passing], backoff: Backoff(base: .milliseconds(20), maximum: .milliseconds(500)),
            patience: patience)
    }
}
