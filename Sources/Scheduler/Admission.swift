import JobModel
import SeededFaults

/// Why a request has to wait: something bounded is used up for now.
public struct Overload: Hashable, Sendable, CustomStringConvertible {
    /// What is used up, in the plural: "jobs that have not ended".
    public let what: String
    public let need: Int
    public let have: Int
    public let limit: Int
    /// The master's setting that raises the limit.
    public let setting: String
    /// When to ask again.
    public private(set) var retryAfter: Duration
    /// Whether the records are full: only jobs that are forgotten make room.
    public let isOfRecords: Bool
    /// In how long the first job that has ended may be forgotten to make room; `nil` when that is not known.
    public var roomAt: Duration? {
        didSet { if let roomAt { retryAfter = min(max(retryAfter, roomAt), Self.longestWaitForRoom) } }
    }

    /// An operator may make room earlier, so that nobody is sent away for hours.
    public static let longestWaitForRoom = Duration.seconds(60)

    public init(
        what: String, need: Int, have: Int, limit: Int, setting: String, retryAfter: Duration, isOfRecords: Bool = false
    ) {
        self.what = what
        self.need = need
        self.have = have
        self.limit = limit
        self.setting = setting
        self.retryAfter = retryAfter
        self.isOfRecords = isOfRecords
    }

    public var description: String {
        "the master is full: it has \(have) \(what) of at most \(limit), and \(need) more are asked for; " + way
    }

    private var way: String {
        guard isOfRecords else { return "ask again in \(retryAfter), or raise the master's --\(setting)" }
        let time =
            roomAt.map { "jobs that have ended make room in \($0.components.seconds) s (--keep-at-least)" }
            ?? "none of them has ended"
        return "\(time): forget some (tessera forget), or raise the master's --\(setting)"
    }
}

/// Gives each refused client a retry time of its own.
///
/// A fixed delay is wrong at both ends: with few waiting clients, room that has become free stays unused; with many, the master
/// does nothing but refuse. Here each client gets the next place in a line of arrivals, so that they ask at a steady pace,
/// however many they are. The pace is above the rate at which work is completed, so free room is soon used.
public struct RetryPacer: Sendable {
    /// Arrivals per second that cost nothing to speak of.
    static let leastPace = 100
    /// Arrivals for each completion.
    static let arrivalsPerCompletion = 2
    static let shortestDelay = Duration.milliseconds(250)
    static let longestDelay = Duration.seconds(60)

    /// The last place in the line.
    private var latestArrival = Instant.zero
    /// The second, on the clock of the events, whose completions are being counted.
    private var countedSecond: UInt64 = 0
    private var completionsThisSecond = 0
    private var completionsLastSecond = 0

    public init() {}

    /// Work has been completed, so that there is room.
    public mutating func completed(at now: Instant) {
        turn(to: now)
        completionsThisSecond += 1
    }

    /// - Returns: how long a client that is refused now should wait.
    public mutating func delay(at now: Instant) -> Duration {
        turn(to: now)
        let pace = max(
            Self.leastPace, Self.arrivalsPerCompletion * max(completionsThisSecond, completionsLastSecond))
        let place = max(latestArrival + .seconds(1) / pace, now + Self.shortestDelay)
        latestArrival = min(place, now + Self.longestDelay)
        return latestArrival - now
    }

    private mutating func turn(to now: Instant) {
        let second = now.nanoseconds / 1_000_000_000
        guard second != countedSecond else { return }
        completionsLastSecond = second == countedSecond + 1 ? completionsThisSecond : 0
        completionsThisSecond = 0
        countedSecond = second
    }
}

extension Scheduler {
    /// Whether there is room for `need` more; an amount that never fits is refused permanently.
    mutating func admit(
        _ what: String, need: Int = 1, have: Int, limit: Int, _ setting: String, isOfRecords: Bool = false,
        at now: Moment
    ) throws(SchedulerRefusal) {
        let hasRoom = seeded(.roomNotLimited, true, else: have + need <= limit)
        guard !hasRoom else { return }
        guard need <= limit else {
            throw .overLimit(what: what, need: need, have: 0, limit: limit, setting: setting)
        }
        totals.askedToWait += 1
        throw .overloaded(
            Overload(
                what: what, need: need, have: have, limit: limit, setting: setting,
                retryAfter: pacer.delay(at: now.instant), isOfRecords: isOfRecords))
    }

    /// Room was made after a refusal, which the client does not hear of.
    public mutating func refusalTakenBack() { totals.askedToWait -= 1 }

    /// Whether another job of the submitter can be taken.
    mutating func admitJob(of submitter: String, at now: Moment) throws(SchedulerRefusal) {
        let present = ledger.totals
        try admit(
            "jobs that have not ended", have: present.openJobs, limit: configuration.maximumOpenJobs, "max-jobs",
            at: now)
        try admit(
            "jobs of '\(submitter)' that have not ended", have: present.openJobsBySubmitter[submitter] ?? 0,
            limit: configuration.maximumOpenJobsPerSubmitter, "max-jobs-per-submitter", at: now)
        try admit(
            "jobs in its records", have: ledger.jobs.count, limit: configuration.maximumJobs, "max-kept-jobs",
            isOfRecords: true, at: now)
    }

    /// Whether `count` more images can be taken by a job that has `present`.
    mutating func admitImages(_ count: Int, present: Int, at now: Moment) throws(SchedulerRefusal) {
        guard present + count <= configuration.maximumImagesPerJob else {
            throw .overLimit(
                what: "images of the job", need: count, have: present, limit: configuration.maximumImagesPerJob,
                setting: "max-images-per-job")
        }
        try admit(
            "images in its records", need: count, have: ledger.totals.images, limit: configuration.maximumImages,
            "max-kept-images", isOfRecords: true, at: now)
        try admit(
            "tasks that wait", need: count, have: queue.count, limit: configuration.maximumTasksReady, "max-tasks",
            at: now)
    }
}
