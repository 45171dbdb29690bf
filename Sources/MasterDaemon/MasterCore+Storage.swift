import JobModel
import MasterMachine
import Scheduler

// The room on the master's disk, and in its records: looked at, decided on, and said.

extension MasterCore {
    /// The free space was looked at: once a second, and when a blob was rejected for lack of room.
    func storageMeasured(available: UInt64) {
        let reserve = StorageReserve(byteCount: settings.minimumFreeByteCount)
        let news = storageWatch.measured(available: available, reserve: reserve)
        decide { $0.storageMeasured(available - min(available, reserve.journalByteCount), at: $1) }
        switch news {
        case .uploadsWait:
            logger.warning(
                "the disk is nearly full: uploads wait until there is room",
                metadata: [
                    "free": "\(available)", "min-free-bytes": "\(reserve.byteCount)",
                    "state-dir": "\(settings.stateDirectory)",
                ])
        case .uploadsContinue: logger.notice("the disk has room for uploads again", metadata: ["free": "\(available)"])
        case nil: break
        }
    }

    /// Says once when the work of jobs waits for room, and once when it continues; and each time when an image starts over so
    /// that others find room.
    func noteShortage() {
        let putOff = master.scheduler.counters.imagesPutOff
        if putOff > storageWatch.imagesPutOff {
            storageWatch.imagesPutOff = putOff
            logger.warning(
                "large images filled the disk together: the last one begun starts over, after the others",
                metadata: ["times": "\(putOff)", "state-dir": "\(settings.stateDirectory)"])
        }
        let shortage = master.scheduler.storageShortage
        guard (shortage != nil) != storageWatch.isShort else { return }
        storageWatch.isShort = shortage != nil
        if let shortage {
            logger.warning(
                "the disk is full: the work of jobs waits until there is room for its results",
                metadata: [
                    "need": "\(shortage.need)", "have": "\(shortage.have)",
                    "reserved": "\(StorageReserve(byteCount: settings.minimumFreeByteCount).journalByteCount)",
                    "min-free-bytes": "\(settings.minimumFreeByteCount)", "state-dir": "\(settings.stateDirectory)",
                ])
        } else {
            logger.notice("the disk has room again: the work of jobs continues")
        }
    }

    /// Why the work of jobs waits, for a person; `nil` while there is room for its results.
    var storageObstacle: String? {
        guard let shortage = master.scheduler.storageShortage else { return nil }
        let reserved = StorageReserve(byteCount: settings.minimumFreeByteCount).journalByteCount
        return "no space: the master's disk has \(shortage.have) bytes for results and needs \(shortage.need) "
            + "(\(reserved) more are kept for its journal, a quarter of --min-free-bytes); the job continues when there is "
            + "room: free some on the master, or forget finished jobs"
    }

    // MARK: The records

    /// Says when the records are nearly full, and when jobs were forgotten before their time to make room.
    func noteRecords() {
        let yielded = decide { master, _ in master.takeYielded() }
        counters.records.yieldedCount += UInt64(yielded.count)
        let news = recordsWatch.turned(
            jobs: counters.scheduler.jobsKept, images: counters.scheduler.imagesKept, yielded: yielded.count,
            limits: settings.scheduler, at: Self.currentInstant)
        if let nearlyFull = news.nearlyFull {
            logger.warning(
                "the records are nearly full: then the oldest finished jobs give way to new ones",
                metadata: [
                    "records": "\(nearlyFull)", "keep-at-least": "\(settings.keepAtLeast)",
                    "max-kept-jobs": "\(settings.scheduler.maximumJobs)",
                    "max-kept-images": "\(settings.scheduler.maximumImages)",
                ])
        }
        if let count = news.yielded {
            logger.warning(
                "finished jobs were forgotten to make room for new ones",
                metadata: [
                    "jobs": "\(count)", "latest": "\(yielded.latest.map { "\($0)" } ?? "")",
                    "keep-at-least": "\(settings.keepAtLeast)", "max-kept-jobs": "\(settings.scheduler.maximumJobs)",
                ])
        }
    }
}

/// What was said about the disk, so that it is said once.
struct StorageWatch {
    enum News: Hashable {
        case uploadsWait
        case uploadsContinue
    }

    /// Free bytes, as looked at last.
    private(set) var availableByteCount: UInt64 = 0
    /// Whether uploads find less than the reserve.
    private(set) var uploadsWait = false
    /// Whether it was said that the work of jobs waits.
    var isShort = false
    /// Images that were put off so that others find room, as far as the log says.
    var imagesPutOff: UInt64 = 0

    /// Uploads continue with a sixteenth more than the reserve: on a disk that is just about full, the state would change with
    /// every blob.
    mutating func measured(available: UInt64, reserve: StorageReserve) -> News? {
        availableByteCount = available
        let isLow =
            uploadsWait ? available < reserve.byteCount + reserve.byteCount / 16 : available < reserve.byteCount
        guard isLow != uploadsWait else { return nil }
        uploadsWait = isLow
        return isLow ? .uploadsWait : .uploadsContinue
    }
}

/// What was said about the records, so that a state is said once and what repeats once a minute.
struct RecordsWatch {
    /// The share of the limits from which on the records are nearly full; below the second one they no longer are.
    static let nearlyFullPercent = 80
    static let noLongerPercent = 70
    static let interval = Duration.seconds(60)

    private(set) var isNearlyFull = false
    private var yieldedCount = 0
    private var latestWord: Instant?

    /// - Returns: the share of the records that are used, when that becomes worth a word; and how many jobs gave way since the
    ///   last word on that.
    mutating func turned(
        jobs: Int, images: Int, yielded: Int, limits: SchedulerConfiguration, at now: Instant
    ) -> (nearlyFull: String?, yielded: Int?) {
        let percent = max(jobs * 100 / limits.maximumJobs, images * 100 / limits.maximumImages)
        var nearlyFull: String?
        if !isNearlyFull, percent >= Self.nearlyFullPercent {
            isNearlyFull = true
            nearlyFull = "\(percent) %"
        } else if percent < Self.noLongerPercent {
            isNearlyFull = false
        }
        yieldedCount += yielded
        guard yieldedCount > 0, latestWord.map({ now - $0 >= Self.interval }) ?? true else { return (nearlyFull, nil) }
        latestWord = now
        defer { yieldedCount = 0 }
        return (nearlyFull, yieldedCount)
    }
}
