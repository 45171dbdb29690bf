import JobModel

/// The work of all images that have not ended, as the time that one slot would take for it.
///
/// Each image has a *nominal* time, by its size only: that part is exact, and follows every image as it is added, advances, starts
/// over and ends. What a nominal second really takes depends on the pipeline and on the machines, and is measured: by the tasks
/// that ended, for jobs of one pipeline and encoding together. Where none of these has ended yet, all tasks that ended tell;
/// before the first one, a nominal second counts as a second. Every change costs the same, whatever is in the queue.
struct Backlog: Sendable {
    /// A part of the work.
    struct Work: Hashable, Sendable {
        static let none = Work(taskCount: 0, nominal: 0)

        var taskCount: Int
        /// Microseconds.
        var nominal: UInt64
    }

    /// Jobs whose tasks take about equally long for their size.
    private struct Kind: Hashable, Sendable {
        let pipeline: String
        let encoding: String
        let decoding: String

        init(_ job: JobDescription) {
            pipeline = job.pipeline
            encoding = "\(job.options.encoding)"
            decoding = "\(job.options.decoding)"
        }
    }

    private struct Group: Sendable {
        let kind: Kind
        var jobCount = 0
        /// Nominal microseconds.
        var open: UInt64 = 0
        var pace = Pace()
        /// The microseconds that `open` counts for by the group's own pace; 0 before that is known.
        var estimate: UInt64 = 0
    }

    /// What a nominal second takes. The latest tasks count most: their machines are those that are there.
    struct Pace: Sendable {
        /// Nominal microseconds after which what came before counts half.
        private static let memory = 600e6

        private var nominal = 0.0
        private var taken = 0.0
        private var count = 0.0

        mutating func add(_ duration: Duration, nominal: UInt64) {
            self.nominal += Double(nominal)
            taken += max(0, duration / .microseconds(1))
            count += 1
            guard self.nominal > Self.memory else { return }
            self.nominal /= 2
            taken /= 2
            count /= 2
        }

        /// `nil` before the first task has ended.
        var factor: Double? { nominal > 0 ? taken / nominal : nil }
        /// Microseconds of a task; `nil` before the first has ended.
        var mean: Double? { count > 0 ? taken / count : nil }
    }

    /// Tasks of images that have not ended and are not done: ready ones, leased ones, and those that wait for others.
    private(set) var taskCount = 0
    private var groups: [Int: Group] = [:]
    private var groupOfKind: [Kind: Int] = [:]
    private var groupOfJob: [JobID: Int] = [:]
    private var nextGroup = 0
    /// Nominal microseconds of groups without a pace of their own.
    private var unmeasured: UInt64 = 0
    /// Microseconds of the others.
    private var measured: UInt64 = 0
    private var pace = Pace()

    // MARK: Jobs and their work, as the records say

    mutating func jobOpened(_ job: JobDescription) {
        let kind = Kind(job)
        let group = groupOfKind[kind] ?? nextGroup
        if groups[group] == nil {
            nextGroup += 1
            groupOfKind[kind] = group
            groups[group] = Group(kind: kind)
        }
        groups[group]?.jobCount += 1
        groupOfJob[job.id] = group
    }

    /// - Precondition: the job has no work any more.
    mutating func jobForgotten(_ job: JobID) {
        guard let group = groupOfJob.removeValue(forKey: job), let kind = groups[group]?.kind else { return }
        groups[group]?.jobCount -= 1
        guard groups[group]?.jobCount == 0 else { return }
        groups[group] = nil
        groupOfKind[kind] = nil
    }

    /// Work of the job is now that much where it was `old`.
    mutating func changed(_ job: JobID, from old: Work, to new: Work) {
        guard old != new, let group = groupOfJob[job] else { return }
        taskCount += new.taskCount - old.taskCount
        change(group) { $0.open = $0.open + new.nominal - old.nominal }
    }

    /// What is left in all.
    var work: Work { Work(taskCount: taskCount, nominal: groups.values.reduce(0) { $0 + $1.open }) }

    // MARK: How long tasks take

    /// A task of the job took that long in its slot.
    mutating func took(_ duration: Duration, nominal: UInt64, of job: JobID) {
        pace.add(duration, nominal: nominal)
        guard let group = groupOfJob[job] else { return }
        change(group) { $0.pace.add(duration, nominal: nominal) }
    }

    private mutating func change(_ group: Int, _ change: (inout Group) -> Void) {
        guard let position = groups.index(forKey: group) else { return }
        if groups.values[position].pace.factor == nil { unmeasured -= groups.values[position].open }
        measured -= groups.values[position].estimate
        change(&groups.values[position])
        let open = groups.values[position].open
        if let factor = groups.values[position].pace.factor {
            groups.values[position].estimate = UInt64(min(Double(open) * factor, Self.longest))
        } else {
            unmeasured += open
        }
        measured += groups.values[position].estimate
    }

    /// Microseconds for which one group can count at most: a century.
    private static let longest = 3.2e15

    /// The time that one slot would take.
    ///
    /// - Parameter extraCount: tasks that are to be computed besides, whose like has been before: audits.
    func slotTime(extraCount: Int = 0) -> Duration {
        let estimate =
            Double(measured) + Double(unmeasured) * (pace.factor ?? 1) + Double(extraCount) * (pace.mean ?? 0)
        return .microseconds(Int64(min(estimate, 1e18)))
    }
}

// MARK: - Nominal times

extension Backlog {
    /// Microseconds of a task, whatever it reads.
    private static let perTask: UInt64 = 10_000
    /// Pixels of an image for which a microsecond is counted: a photograph of 25 megapixels is a second, blurred by one core.
    private static let pixelsPerMicrosecond: UInt64 = 25
    /// No image counts for more: 12 days. So the sum over all images cannot overflow.
    private static let longestImage: UInt64 = 1 << 40

    /// Microseconds of an image.
    static func nominal(taskCount: UInt32, pixelCount: UInt64) -> UInt64 {
        min(longestImage, UInt64(taskCount) * perTask + pixelCount / pixelsPerMicrosecond)
    }
}

extension ImageEntry {
    private var nominalTime: UInt64 { Backlog.nominal(taskCount: taskCount, pixelCount: pixelCount) }

    /// The part of the image that `doneCount` finished tasks stand for.
    func nominalTime(of doneCount: Int) -> UInt64 {
        // At most 2 to the power of 72: the tasks of an image are 32 bits.
        let (high, low) = nominalTime.multipliedFullWidth(by: UInt64(doneCount))
        return taskCount == 0 ? 0 : UInt64(taskCount).dividingFullWidth((high, low)).quotient
    }

    /// The image's whole work, until it ends.
    var work: Backlog.Work {
        state.isFinal ? .none : Backlog.Work(taskCount: Int(taskCount), nominal: nominalTime)
    }

    /// What is left of it when that many tasks are done.
    func work(after doneCount: Int) -> Backlog.Work {
        Backlog.Work(taskCount: Int(taskCount) - doneCount, nominal: nominalTime - nominalTime(of: doneCount))
    }
}
