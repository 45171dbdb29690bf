import Scheduler

/// The worker that a person names by its number, such as `w3`, or by its name.
///
/// A number names its worker alone: machines are called w1, w2 ... as well, and a worker that could be named by neither its
/// number nor its name could not be drained at all.
struct WorkerChoice {
    let worker: WorkerStatus

    /// - Throws: `SchedulerRefusal.invalidArgument` unless exactly one connected worker is meant.
    init(of word: String, among workers: [WorkerStatus]) throws(SchedulerRefusal) {
        let named = workers.filter { $0.state != .gone && $0.name == word }
        let numbers = named.map { "\($0.id)" }.joined(separator: ", ")
        if let numbered = workers.first(where: { "\($0.id)" == word }) {
            guard numbered.state != .gone else {
                throw .invalidArgument(
                    "worker \(word) is gone"
                        + (named.isEmpty ? "" : "; the worker with this name has the number \(numbers)"))
            }
            worker = numbered
            return
        }
        guard let first = named.first else {
            throw .invalidArgument(
                "no connected worker is called '\(word)'; `tessera workers` lists their numbers and names")
        }
        guard named.count == 1 else {
            throw .invalidArgument("\(named.count) workers are called '\(word)'; name one by its number: \(numbers)")
        }
        worker = first
    }
}
