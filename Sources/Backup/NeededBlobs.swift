import JobModel
import Journal
import Scheduler

/// The blobs that the records of a journal need, as a master that starts on it would find.
struct NeededBlobs {
    let all: [BlobDigest]
    /// Those that can be computed again: they are never synced, and no backup has them.
    let intermediate: Set<BlobDigest>

    init(of journal: JournalFile) throws {
        var scheduler = try Scheduler(configuration: SchedulerConfiguration())
        scheduler.expect(recordCount: journal.recordCount)
        try journal.replay { try scheduler.replay($0) }
        all = scheduler.neededBlobs()
        intermediate = Set(scheduler.intermediateBlobs().flatMap(\.blobs).map(\.digest))
    }
}
