import Checksums
import JobModel

/// Facts about all records together: one row, rewritten in every transaction.
///
/// The two identifiers never decrease, even when the job or the worker they name is forgotten. The record count and the
/// exclusive-or of all record checksums show at replay that no row is missing and no row was added: a damaged page of the
/// database can do both without changing any other row.
struct Counters: Equatable {
    /// The sequence of the last record written; sequences are never reused.
    var lastSequence: Int64 = 0
    var recordCount: Int64 = 0
    var combinedChecksum: Int64 = 0
    var highestJob: UInt64 = 0
    var highestWorker: UInt64 = 0

    /// The checksum of the other fields, which tells a damaged counter from damaged records.
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

    /// Notes the identifiers in `record`.
    mutating func noted(_ record: Record) {
        if let job = record.job { highestJob = max(highestJob, job.rawValue) }
        switch record {
        case .attemptStarted(_, let worker), .attemptEnded(_, let worker, _), .workerQuarantined(let worker, _, _, _):
            highestWorker = max(highestWorker, worker.rawValue)
        case .workersReserved(let last): highestWorker = max(highestWorker, last.rawValue)
        case .jobOpened, .imagesAdded, .jobSealed, .bandPublished, .taskCompleted, .imageCompleted, .imageFailed,
            .imageRedriven, .imageRestarted, .imageReplanned, .jobRevised, .jobFinished, .jobCancelled,
            .jobForgotten, .auditsSalted, .taskAudited, .auditEnded, .imageWithdrawn, .resultsSettled, .workerReleased:
            break
        }
    }
}
