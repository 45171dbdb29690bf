import HeapModule
import JobModel
import MasterMachine
import Scheduler

/// What is going to happen, in the order of time; at one instant, in the order in which it was arranged.
struct Timeline {
    private struct Entry: Comparable {
        let time: Instant
        let number: UInt64
        let event: Event

        static func < (left: Entry, right: Entry) -> Bool { (left.time, left.number) < (right.time, right.number) }
        static func == (left: Entry, right: Entry) -> Bool { left.number == right.number }
    }

    private var entries = Heap<Entry>()
    private var count: UInt64 = 0
    private(set) var now = Instant(nanoseconds: 1_000_000_000_000)

    mutating func arrange(_ event: Event, after delay: Duration) { arrange(event, at: now + delay) }

    mutating func arrange(_ event: Event, at time: Instant) {
        entries.insert(Entry(time: max(time, now), number: count, event: event))
        count += 1
    }

    /// Moves the time on to the next event, unless that is after `end`: then to `end`.
    mutating func next(until end: Instant) -> Event? {
        guard let first = entries.min, first.time <= end else {
            now = max(now, end)
            return nil
        }
        entries.removeMin()
        now = first.time
        return first.event
    }
}

/// Something that happens at one place of the cluster. `run` tells a process from the one before its restart.
enum Event {
    case masterStarts
    case masterTurns(run: Int)
    case masterCommitted(run: Int)
    indirect case masterAssembled(run: Int, Assembly)
    case storeWorks(run: Int)
    case masterHears(connection: Int, MasterMail)
    case workerHears(worker: Int, connection: Int, WorkerMail)
    case worker(Int, run: Int, WorkerEvent)
    case workerResumes(Int)
    case client(Int, ClientEvent)
    case clientHears(Int, connection: Int, ClientMail)
    case fault
    case disk(isFull: Bool)
    case masterLooks(run: Int)
    case backup
    case restore
    case formerTurns(run: Int)
    case viewerLooks
    indirect case viewerReads(ImageID, PartialResult)
}

enum WorkerEvent {
    case starts
    case connects
    case beats
    case becomesReady
    case fetched(LeaseID)
    case fetchFailed(LeaseID, Failure)
    case publishes(LeaseID, band: Int, ticket: Int)
    case computed(LeaseID, ticket: Int)
    case failed(LeaseID, ticket: Int, Failure)
    case uploads(LeaseID)
}

enum ClientEvent {
    case connects
    case cancels
}

/// What a master hears; `number` is the stream that its answer goes to.
enum MasterMail {
    indirect case register(WorkerRegistration)
    case heartbeat([HeldLease], residentBytes: UInt64 = 1 << 20, isReady: Bool = true)
    indirect case report(number: UInt32, WorkerReport)
    case draining(Bool)
    indirect case openJob(JobOpening)
    case upload(JobID, [BlobReference])
    case addImages(JobID, [ImageOffer])
    case sealJob(JobID, count: UInt32)
    case cancelJob(JobID)
    indirect case assembled(Assembly)
    case blobMissing(BlobDigest)
    case redriveDead
    case drainWorker(WorkerID, Bool)
    case forgetJob(JobID)
    case releaseWorker(String)
    case storageMeasured(UInt64)
    case closed
}

enum WorkerMail {
    case registered(WorkerID, dropped: [LeaseID])
    case refused
    case heartbeatReply(dropped: [LeaseID])
    case done(number: UInt32)
    indirect case grant(LeaseID, TaskSpec)
    case revoke(LeaseID)
    case drain(Bool)
    case closed
}

enum ClientMail {
    case opened(JobID)
    case uploaded
    case blobsMissing
    case added
    case sealed
    case cancelled
    case refused
    case retryLater(Duration)
    case closed
}
