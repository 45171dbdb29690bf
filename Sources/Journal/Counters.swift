import Checksums
import JobModel

/// What the journal knows of all its records together: one row, rewritten in every transaction.
///
/// The two identifiers never go back, even when the job or the worker they name is forgotten. The record count and the
/// exclusive-or of all record checksums tell at replay that no row has vanished and none was added: what a damaged page of
/// the database can do without touching any row.
struct Counters: Equatable {
    /// Of the last record written; sequences are never reused.
    var lastSequence: Int64 = 0
    var recordCount: Int64 = 0
    var combinedChecksum: Int64 = 0
    var highestJob: UInt64 = 0
    var highestWorker: UInt64 = 0

    /// Of the other fields, so that a damaged counter is told from damaged records.
    var checksum: Int64 {
        var checksum = CRC64()
        checksum.update(UInt64(bitPattern: lastSequence))
        checksum.update(UInt64(bitPattern: recordCount))
        checksum.update(UInt64(bitPattern: combinedChecksum))
        checksum.update(highestJob)
        checksum.update(highestWorker)
        return Int64(bitPattern: checksum.value)
    }

    mutating func added(_ rowChecksum: Int64) {
        recordCount += 1
        combinedChecksum ^= rowChecksum
    }

    mutating func removed(_ rowChecksum: Int64) {
        recordCount -= 1
        combinedChecksum ^= rowChecksum
    }

    /// Notes the identifiers that `record` bears.
    mutating func noted(_ record: Record) {
        highestJob = max(highestJob, record.job.rawValue)
        switch record {
        case .attemptStarted(_, let worker), .attemptEnded(_, let worker, _):
            highestWorker = max(highestWorker, worker.rawValue)
        case .jobOpened, .imagesAdded, .jobSealed, .bandPublished, .taskCompleted, .imageCompleted, .imageFailed,
            .imageRedriven, .imageRestarted, .imageReplanned, .jobRevised, .jobFinished, .jobCancelled,
            .jobForgotten:
            break
        }
    }
}
