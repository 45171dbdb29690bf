public import JobModel

/// A worker as the master reports it.
public struct WorkerStatus: Hashable, Sendable {
    public var id: WorkerID
    /// A label for listings.
    public var name: String
    public var state: State
    /// The worker's end of its connection, as `host:port`; empty while it is not connected.
    public var address: String
    public var slotCount: Int
    public var ranksPerSlot: Int
    public var leasesHeld: Int
    public var tasksDone: UInt64
    public var attemptsLost: UInt64
    public var attemptsFailed: UInt64
    public var residentBytes: UInt64
    /// Memory for the task of one slot, in bytes; `nil` when the worker does not say.
    public var slotMemoryBytes: UInt64?
    public var connectedTime: Duration
    /// The time since the last heartbeat.
    public var silentTime: Duration
    /// The attempt that showed it to compute wrong results, such as `17.3/chunk-0-4#2`; empty for a worker that is trusted.
    public var quarantinedBy: String
    /// Why the worker cannot run tasks, in its own words; `nil` when it can.
    public var unreadyReason: String?

    /// How far the master relies on a worker.
    public enum State: Hashable, Sendable {
        case alive
        /// Silent for longer than usual.
        case suspect
        /// Gets no new work.
        case draining
        /// Gets no new work, because it computed wrong results.
        case quarantined
        /// Cannot run tasks at present, and gets none: `unreadyReason` says why.
        case notReady
        case gone
        /// A state that this release does not know, by its name.
        case other(String)
    }

    public init(
        id: WorkerID, name: String, state: State, address: String = "", slotCount: Int = 0, ranksPerSlot: Int = 0,
        leasesHeld: Int = 0, tasksDone: UInt64 = 0, attemptsLost: UInt64 = 0, attemptsFailed: UInt64 = 0,
        residentBytes: UInt64 = 0, slotMemoryBytes: UInt64? = nil, connectedTime: Duration = .zero,
        silentTime: Duration = .zero, quarantinedBy: String = "", unreadyReason: String? = nil
    ) {
        self.id = id
        self.name = name
        self.state = state
        self.address = address
        self.slotCount = slotCount
        self.ranksPerSlot = ranksPerSlot
        self.leasesHeld = leasesHeld
        self.tasksDone = tasksDone
        self.attemptsLost = attemptsLost
        self.attemptsFailed = attemptsFailed
        self.residentBytes = residentBytes
        self.slotMemoryBytes = slotMemoryBytes
        self.connectedTime = connectedTime
        self.silentTime = silentTime
        self.quarantinedBy = quarantinedBy
        self.unreadyReason = unreadyReason
    }
}

extension WorkerStatus.State: CustomStringConvertible {
    /// The state with this name, `other` for one that this release does not know.
    public init(name: String) {
        self = Self.known.first { $0.name == name } ?? .other(name)
    }

    /// The name on the wire and in the JSON of docs/cli.md.
    public var name: String {
        switch self {
        case .alive: "alive"
        case .suspect: "suspect"
        case .draining: "draining"
        case .quarantined: "quarantined"
        case .notReady: "not-ready"
        case .gone: "gone"
        case .other(let name): name
        }
    }

    public var description: String { name }

    static let known: [Self] = [.alive, .suspect, .draining, .quarantined, .notReady, .gone]
}

/// An image that was given up because a task of it used up its attempts.
public struct DeadLetter: Hashable, Sendable {
    public var image: ImageID
    /// The submitter's label.
    public var name: String
    /// The failure of the last attempt.
    public var failure: FailureReport
    /// Every attempt that failed, oldest first; empty in listings.
    public var attempts: [Attempt]

    /// One failed attempt of a task of the image.
    public struct Attempt: Hashable, Sendable {
        /// The task's name, such as `17.3/chunk-0-4`.
        public var task: String
        /// Counted from 1 for each task.
        public var number: UInt32
        /// The worker's number, such as `w3`.
        public var worker: String
        public var failure: FailureReport

        public init(task: String, number: UInt32, worker: String, failure: FailureReport) {
            self.task = task
            self.number = number
            self.worker = worker
            self.failure = failure
        }
    }

    public init(image: ImageID, name: String, failure: FailureReport, attempts: [Attempt] = []) {
        self.image = image
        self.name = name
        self.failure = failure
        self.attempts = attempts
    }
}

/// The dead letters that a request is about.
public enum DeadLetterSelection: Hashable, Sendable {
    case all
    case job(JobID)
    case image(ImageID)
}

/// How many workers a master has, by what they do for it.
public struct WorkerCounts: Hashable, Sendable {
    /// Workers that are given new work.
    public var taking: UInt32
    /// Connected workers that were told to take no more.
    public var draining: UInt32
    /// Connected workers that have been silent for too long to be given work.
    public var silent: UInt32
    /// Connected workers that cannot run tasks at present; `WorkerStatus.unreadyReason` says why.
    public var unready: UInt32

    public init(taking: UInt32 = 0, draining: UInt32 = 0, silent: UInt32 = 0, unready: UInt32 = 0) {
        self.taking = taking
        self.draining = draining
        self.silent = silent
        self.unready = unready
    }
}

/// The master as it reports itself.
public struct MasterStatus: Hashable, Sendable {
    /// Name and version, such as `tessera-master 0.1.0`.
    public var software: String
    public var residentBytes: UInt64
    public var uptime: Duration
    public var tasksReady: UInt64
    public var leasesRunning: UInt64
    public var jobsOpen: UInt64
    /// Results that arrived after their task was done, and changed nothing.
    public var lateResults: UInt64
    public var blobBytes: UInt64
    /// Bytes of the inputs of images that have not ended, and of uploads that no job refers to yet.
    public var queuedBytes: UInt64
    /// Requests that were refused with a retry time, since the master's start.
    public var askedToWait: UInt64
    public var deadLetters: UInt64
    public var audits: AuditStatus
    /// `nil` from a master that does not say.
    public var workers: WorkerCounts?
    /// The room on the master's disk; `nil` when the master does not say.
    public var storage: Storage?
    /// The room in the master's records; `nil` when the master does not say.
    public var records: Records?
    /// The work that is left; `nil` when the master does not say.
    public var backlog: Backlog?

    /// The room on the master's disk.
    public struct Storage: Hashable, Sendable {
        public var freeBytes: UInt64
        /// Uploads wait when there is less, the work of jobs when there is less than a quarter of it.
        public var minFreeBytes: UInt64
        public var uploadsWait: Bool
        /// The room that the work of jobs waits for, and what there is for it; `nil` while it does not wait.
        public var shortage: Shortage?

        public struct Shortage: Hashable, Sendable {
            public var needBytes: UInt64
            public var haveBytes: UInt64

            public init(needBytes: UInt64, haveBytes: UInt64) {
                self.needBytes = needBytes
                self.haveBytes = haveBytes
            }
        }

        public init(freeBytes: UInt64, minFreeBytes: UInt64, uploadsWait: Bool = false, shortage: Shortage? = nil) {
            self.freeBytes = freeBytes
            self.minFreeBytes = minFreeBytes
            self.uploadsWait = uploadsWait
            self.shortage = shortage
        }
    }

    /// The work of images that have not ended, and the slots for it.
    public struct Backlog: Hashable, Sendable {
        /// Tasks that are not done.
        public var tasks: UInt64
        /// The time that one slot would take for them: measured where tasks have ended, else a guess by their size.
        public var slotTime: Duration
        /// Slots of connected workers that have a task.
        public var slotsBusy: UInt32
        /// Slots that could be given one.
        public var slotsIdle: UInt32

        public init(tasks: UInt64, slotTime: Duration, slotsBusy: UInt32 = 0, slotsIdle: UInt32 = 0) {
            self.tasks = tasks
            self.slotTime = slotTime
            self.slotsBusy = slotsBusy
            self.slotsIdle = slotsIdle
        }

        /// The slots with which the work would end in the time `target`: at most one per task, and one while there is any.
        public func slotsWanted(for target: Duration) -> Int {
            guard tasks > 0 else { return 0 }
            let slots = (slotTime / max(target, .milliseconds(1))).rounded(.up)
            return Int(min(Double(tasks), max(1, slots), 1e9))
        }
    }

    /// Jobs that are kept, ended ones included, and their images; with the limits at which the oldest ended ones give way.
    public struct Records: Hashable, Sendable {
        public var jobs: UInt64
        public var maxJobs: UInt64
        public var images: UInt64
        public var maxImages: UInt64
        /// Jobs that were forgotten before their time to make room, since the master's start.
        public var jobsYielded: UInt64

        public init(jobs: UInt64, maxJobs: UInt64, images: UInt64, maxImages: UInt64, jobsYielded: UInt64 = 0) {
            self.jobs = jobs
            self.maxJobs = maxJobs
            self.images = images
            self.maxImages = maxImages
            self.jobsYielded = jobsYielded
        }

        /// The share of the limit that is nearer, in percent.
        public var percent: Int {
            Int(max(jobs * 100 / max(1, maxJobs), images * 100 / max(1, maxImages)))
        }
    }

    public init(
        software: String, residentBytes: UInt64 = 0, uptime: Duration = .zero, tasksReady: UInt64 = 0,
        leasesRunning: UInt64 = 0, jobsOpen: UInt64 = 0, lateResults: UInt64 = 0, blobBytes: UInt64 = 0,
        queuedBytes: UInt64 = 0, askedToWait: UInt64 = 0, deadLetters: UInt64 = 0,
        workers: WorkerCounts? = nil,
        audits: AuditStatus = AuditStatus(),
        storage: Storage? = nil, records: Records? = nil, backlog: Backlog? = nil
    ) {
        self.software = software
        self.residentBytes = residentBytes
        self.uptime = uptime
        self.tasksReady = tasksReady
        self.leasesRunning = leasesRunning
        self.jobsOpen = jobsOpen
        self.lateResults = lateResults
        self.blobBytes = blobBytes
        self.queuedBytes = queuedBytes
        self.askedToWait = askedToWait
        self.deadLetters = deadLetters
        self.audits = audits
        self.workers = workers
        self.storage = storage
        self.records = records
        self.backlog = backlog
    }
}

/// What became of the tasks that another worker was to compute again. Totals count from the master's start.
public struct AuditStatus: Hashable, Sendable {
    /// Finished tasks that wait for another worker.
    public var waiting: UInt64 = 0
    /// Those of them of which two workers gave different results, so that a third has to decide.
    public var disputed: UInt64 = 0
    public var agreed: UInt64 = 0
    public var differed: UInt64 = 0
    /// Not made, for lack of another worker.
    public var skipped: UInt64 = 0
    /// Workers that get no work at present, because they computed wrong results.
    public var workersQuarantined: UInt64 = 0
    public var resultsWithdrawn: UInt64 = 0
    public var resultsReplaced: UInt64 = 0

    public init() {}
}
