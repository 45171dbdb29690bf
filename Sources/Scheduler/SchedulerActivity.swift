import JobModel
import Metrics

/// What the scheduler did since its process began, for those who watch it. Nothing is decided by it.
package struct SchedulerActivity: Sendable {
    /// Tasks that have their result.
    package private(set) var tasksDone: UInt64 = 0
    /// Pixels of these, as submitters pay for them.
    package internal(set) var pixelsDone: UInt64 = 0
    private var ends: [FailureCause: UInt64] = [:]
    private var durations = [DurationHistogram](repeating: .ofTasks, count: TaskKind.allCases.count)

    /// Attempts that ended without a result, by their cause; every cause is there.
    package var attemptsEnded: [(cause: FailureCause, count: UInt64)] {
        FailureCause.allCases.map { ($0, ends[$0, default: 0]) }
    }

    /// From the moment at which an attempt had a slot, as far as known, to its result; by kind of task.
    package var taskDurations: [(kind: String, durations: DurationHistogram)] {
        TaskKind.allCases.map { ($0.name, durations[$0.rawValue]) }
    }

    mutating func took(_ duration: Duration, _ kind: TaskKind) { durations[kind.rawValue].add(duration) }

    mutating func decided(_ record: Record) {
        switch record {
        case .taskCompleted: tasksDone += 1
        case .attemptEnded(_, _, let failure): ends[failure.cause, default: 0] += 1
        default: break
        }
    }
}

extension TaskKind {
    /// The value of a label.
    fileprivate var name: String {
        switch self {
        case .whole: "whole"
        case .decode: "decode"
        case .chunk: "chunk"
        case .reduce: "reduce"
        }
    }
}
