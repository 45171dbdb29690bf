import MasterMachine
import Protocol
import Scheduler
import Synchronization
import Transport

/// What the master counts, as of one turn of its decision loop.
///
/// The loop takes it after each commit and before any reply of that turn is given, so that a client which asks sees at least
/// everything that it was told. The status that `tessera status` shows is made from it, and so are tests; metrics belong here.
struct MasterCounters: Hashable, Sendable {
    /// Jobs, tasks, leases, workers, and the requests that were refused for lack of room.
    var scheduler = SchedulerCounters()
    /// Blobs, pins, kept results and unsealed jobs.
    var machine = MachineCounters()
    /// Uploaded bytes that wait, and uploads that were refused for lack of room.
    var uploads = UploadCounters()
    /// Blobs that were transferred on data connections.
    var transfers = TransferCounters()
    /// The disk's free space, and what waits for it.
    var storage = StorageCounters()
    /// Room in the records.
    var records = RecordCounters()
    /// Connections to the listening socket.
    var connections = ConnectionCounters()
    /// Transactions of the journal since the start, and records in them.
    var commits: UInt64 = 0
    var recordsCommitted: UInt64 = 0
    /// Since the start.
    var uptime = Duration.zero

    /// Requests and uploads that were refused with a time to come back.
    var askedToWait: UInt64 { scheduler.askedToWait + uploads.askedToWait }
}

/// The disk as it was looked at last.
struct StorageCounters: Hashable, Sendable {
    var availableByteCount: UInt64 = 0
    /// Whether uploads find less than `min-free-bytes`.
    var uploadsWait = false
    /// What the work of jobs waits for; `nil` while it does not.
    var shortage: StorageShortage?
}

/// The records of jobs that have ended.
struct RecordCounters: Hashable, Sendable {
    /// Jobs that were forgotten before their time, to make room, since the start.
    var yieldedCount: UInt64 = 0
}

/// Uploads as `UploadBudget` counts them.
struct UploadCounters: Hashable, Sendable {
    /// Bytes of the inputs of images that have not ended, of uploads to which no image refers, and of uploads under way.
    var waitingByteCount: UInt64 = 0
    /// The part that is under way.
    var byteCountUnderWay: UInt64 = 0
    /// Uploads that were refused with a time to come back.
    var askedToWait: UInt64 = 0
}

/// Transfers as data connections count them.
struct TransferCounters: Hashable, Sendable {
    var blobsPut: UInt64 = 0
    var bytesPut: UInt64 = 0
    var blobsGot: UInt64 = 0
    var bytesGot: UInt64 = 0
    /// Puts and gets that were refused, for any reason.
    var refused: UInt64 = 0
}

/// Counts that are made outside of the decision loop, and read by it once per turn.
struct SessionCounts: Sendable {
    let transfers = TransferCount()
    let connections = ConnectionCount()
    let refusals = RefusalCount()
}

/// Requests, transfers and workers that were refused, by code.
final class RefusalCount: Sendable {
    private let counts = Mutex<[RefusalCode: UInt64]>([:])

    /// Every code of this release is there.
    var values: [(code: String, count: UInt64)] {
        let counts = counts.withLock { $0 }
        return RefusalCode.known.map { ($0.rawValue, counts[$0, default: 0]) }
    }

    /// Counts a refusal of ours, whose code is one of this release's.
    func refused(_ code: RefusalCode) { counts.withLock { $0[code, default: 0] += 1 } }
}

/// Counts that sessions make on threads of their own.
final class TransferCount: Sendable {
    private let counters = Mutex(TransferCounters())

    var values: TransferCounters { counters.withLock { $0 } }

    func put(byteCount: UInt64) {
        counters.withLock { counters in
            counters.blobsPut += 1
            counters.bytesPut += byteCount
        }
    }

    func got(byteCount: UInt64) {
        counters.withLock { counters in
            counters.blobsGot += 1
            counters.bytesGot += byteCount
        }
    }

    func refused() { counters.withLock { $0.refused += 1 } }
}
