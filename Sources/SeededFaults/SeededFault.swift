/// A mistake that somebody could make; the checkers of the simulated cluster must find each.
///
/// A fault is written where the mistake would be made, with `seeded`. Only the targets whose names end in `WithFaults`, the
/// same sources compiled a second time with `SEEDED_FAULTS`, contain it: in the programs `seeded(.itsName)` is `false`.
/// Tests/WithFaults/README.md explains how faults are compiled, run and added.
public enum SeededFault: Sendable {
    // The scheduler: leases, attempts and results.

    /// A result is accepted for an attempt that was never made.
    case attemptNotChecked
    /// A result is accepted though its task is done.
    case secondResultAccepted
    /// The attempt numbers of an image that starts over are used again.
    case attemptNumbersReused
    /// The leases of a worker that is gone stay with it.
    case lostWorkerKeepsLeases
    /// A heartbeat renews leases that it does not list.
    case unlistedLeasesRenewed
    /// A worker is not told which of the leases that it lists are not its own.
    case droppedLeasesNotNamed
    /// A lease is given to another worker, and its holder is not told.
    case reassignedWithoutRevoking
    /// A worker that comes back may continue an attempt that another one lost.
    case anyLeaseReclaimed
    /// What a worker says wrongly of another's attempt ends that attempt.
    case nonsenseEndsOthersAttempt
    /// When one of the two attempts at a straggler is finished, the other one continues.
    case backupNotRevoked

    /// A task that is done stays in the work that is left, for which somebody starts workers.
    case doneWorkStaysOpen

    // The scheduler: what workers report.

    /// The size that a report gives for a blob is not compared with the blob's.
    case reportedSizeBelieved
    /// The bytes of a result are not compared with what they have to be.
    case contentNotExamined
    /// The length of a chunk's rows is not compared with the plan.
    case chunkLengthNotCompared
    /// A report may name what its task does not give.
    case surplusFieldAccepted
    /// A worker may report ends of attempts that only the master decides.
    case masterCauseBelieved
    /// A worker may give itself the number of another.
    case workerNumberStolen
    /// However little an attempt gets on, it is progress.
    case creepingProgressCounts

    // The scheduler: retries.

    /// A task that is given back is handed out again at once, as often as that happens.
    case returnNotPaced

    /// An image is dead-lettered one attempt late.
    case deadLetteredLate
    /// An attempt that was handed back makes good for one that failed.
    case failureRefunded
    /// A worker that was lost counts as a failed attempt.
    case lossCountsAsFailure
    /// What can never succeed is tried again.
    case corruptInputRetried
    /// The task is not queued when its pause is over.
    case backoffNeverEnds

    // The scheduler: membership and time.

    /// A worker may have another release's kernels.
    case otherReleaseAdmitted
    /// A heartbeat does not show that its worker is alive.
    case heartbeatNotHeard
    /// A suspect worker is never looked at again.
    case suspectNeverDead
    /// A worker that says that it cannot run tasks is given some.
    case unreadyWorkerGranted
    /// The time for which the master was stalled counts as the workers' silence.
    case stallIgnored

    // The scheduler: recovery.

    /// An image that another release has begun is finished by this one.
    case oldWorkKept
    /// After a restart nothing is queued again.
    case recoveryForgotten
    /// After a restart the attempts that were running belong to nobody.
    case runningAttemptsForgotten
    /// After a restart the master waits without end for a worker that does not come back.
    case missingWorkerAwaited
    /// After a restart a complete image is not put together.
    case assemblyNotResumed

    // The scheduler: jobs, fairness, blobs.

    /// The client's token is not compared.
    case tokenIgnored
    /// A job is known by its client's token alone; the submitter is not compared.
    case submitterIgnored
    /// The end of a job's submission is acknowledged and not kept.
    case sealNotKept
    /// The tasks of a cancelled job still wait to be handed out.
    case cancelledTasksWait
    /// Submitters share by tasks, however large these are.
    case pixelsNotCharged
    /// A submitter that had nothing to do is served first until it has caught up.
    case idleTimeCredited
    /// Jobs are taken though there is no room for them.
    case roomNotLimited
    /// An image is taken however large its plan is.
    case planSizeNotLimited
    /// A job is taken in place of one whose results must still be kept.
    case keptJobsGiveWay
    /// A job's tasks are handed out in spite of a more urgent one.
    case priorityIgnored
    /// An input that two images share goes when the first of them ends.
    case blobUsesNotCounted
    /// A dead-lettered image does not keep its input.
    case deadLetterLosesInput

    // The scheduler: audits.

    /// One worker that differs is enough to call the task's author faulty.
    case auditDecidedByOne
    /// A worker may give a second opinion on what it computed itself.
    case auditedByItself
    /// What an auditor reports is not compared with the plan and the store.
    case auditNotExamined
    /// Each run of a worker on one machine has an opinion of its own.
    case machineHasManyVoices
    /// The holder of the lease is taken for the author of a result that another worker reported.
    case auditBlamesHolder
    /// An image is done though an audit of its tasks has not ended.
    case auditNotAwaited
    /// Two workers that differ, without a third, count as if they agreed.
    case disputeIgnored
    /// A worker that computed wrong results continues to work.
    case quarantineForgotten
    /// Another run of a quarantined worker gets work.
    case namesakeTrusted
    /// What a quarantined worker reports counts.
    case quarantinedHeard
    /// Results to which a faulty worker contributed stay, once they are done.
    case doneResultsKept
    /// A file that was put together of what an image had before it started over becomes its result.
    case staleAssemblyAccepted

    // The scheduler: room for results.

    /// Tasks are handed out though their results find no place.
    case fullDiskIgnored
    /// An attempt whose worker waits for room at the master has hung.
    case hungWhileDiskIsFull
    /// A task that waited for room is not queued when there is room again.
    case roomReturnsUnnoticed
    /// A job whose tasks found no room is never looked at again.
    case jobStaysAside
    /// Images that hold each other up for want of room are left so.
    case imageNotPutOff

    // The scheduler: parts of results.

    /// The rows of a chunk that is finished are told as if every chunk above it were.
    case finishedRowsMisplaced

    // The scheduler: formats.

    /// A task's worker is not told how the file is read and the result written.
    case formatNotGranted

    // The scheduler: attachments.

    /// What a pipeline attaches is kept for the first image of a job, and not for the others.
    case attachmentKeptForOneImage

    // The scheduler: pieces of files.

    /// A chunk is told the pieces of the one before it.
    case piecesOfAnotherChunk

    // The worker's lease board.

    /// What the master may not have heard is not said again.
    case reportNotRepeated
    /// After a reconnection the reports are said in another order.
    case reportsReordered
    /// A slot is given to the next task while its world still runs the last one.
    case slotFreedEarly
    /// A slot whose task failed is not used again.
    case slotNotFreed
    /// A worker that cannot run tasks starts those that wait in it.
    case unreadyKeepsLeases

    // The worker's link to its master.

    /// A worker serves a master whose state was replaced by a restored one.
    case replacedMasterServed
    /// A worker holds on to its leases when it comes to a master of another state.
    case leasesOutliveTheirMaster
    /// A worker that starts again has forgotten which masters were replaced.
    case generationsForgotten

    // The master's shell.

    /// A kept result answers whatever release it is of.
    case keptResultOfOtherRelease
    /// A kept result answers whatever format is asked for.
    case keptResultOfOtherFormat
    /// Replies and grants leave before the records behind them are durable.
    case acknowledgeBeforeCommit
    /// Only the grants leave early: an attempt is counted after it was handed out.
    case grantBeforeCommit
    /// A closed connection does not end the worker's registration.
    case disconnectForgotten
    /// The end of an old connection counts for the worker's new one.
    case oldConnectionEndsNewOne
    /// The scheduler is not woken when it asked to be.
    case lostWakeUp
    /// A restarted master gives out worker identifiers that are in use.
    case workerIdentifiersReused
    /// A blob is deleted without asking whether it is needed again.
    case deletesWithoutAsking
    /// A blob that was put again after its removal was decided goes all the same.
    case removalIgnoresPut
    /// A client that stays connected may leave its job incomplete without end.
    case idleJobsStay
    /// Deadlines are kept by the wall clock.
    case wallClockLeases
    /// The assembled file of an image is not reported.
    case assemblyNotReported
    /// After a restart only the wall clock says how long results were kept.
    case wallClockEndsKeeping
    /// The results of a job that was redriven are kept from its first ending on.
    case firstEndingCounts

    /// The input of a job stays as its uploader put it: not synced.
    case inputLeftRecomputable
    /// The file of a small image stays as its worker put it: not synced.
    case resultLeftRecomputable

    // The journal.

    /// The journal calls a transaction durable without syncing it.
    case journalDoesNotSync
    /// Recovery keeps the part of a torn transaction that reached the disk.
    case tornTransactionKept
    /// A transaction that was slow is written again.
    case transactionWrittenTwice
}

#if SEEDED_FAULTS
    extension SeededFault: CaseIterable {
        /// The fault that is active in the present task and what it calls.
        @TaskLocal public static var active: SeededFault?

        /// The name on a command line: `attempt-not-checked`.
        public var name: String {
            "\(self)".reduce(into: "") { name, letter in
                name += letter.isUppercase ? "-" + letter.lowercased() : String(letter)
            }
        }

        /// How much it takes to find it: so the tests of the gate hunt what a few seeds find, and no fault is forgotten.
        public enum Hunt: Sendable {
            /// A checker finds it within 200 seeds.
            case fewSeeds
            /// It takes up to 1,000.
            case manySeeds
            /// A precondition of the product may end the process before a checker finds it.
            case endsTheProcess
        }

        public var hunt: Hunt {
            switch self {
            case .reassignedWithoutRevoking, .deadLetteredLate, .lossCountsAsFailure, .corruptInputRetried,
                .heartbeatNotHeard, .tokenIgnored, .slotFreedEarly, .acknowledgeBeforeCommit, .grantBeforeCommit,
                .disconnectForgotten, .oldConnectionEndsNewOne, .workerIdentifiersReused, .deletesWithoutAsking,
                .journalDoesNotSync, .transactionWrittenTwice, .pixelsNotCharged, .priorityIgnored, .backoffNeverEnds,
                .recoveryForgotten, .lostWakeUp, .roomNotLimited, .wallClockEndsKeeping, .doneWorkStaysOpen,
                .replacedMasterServed, .finishedRowsMisplaced:
                .fewSeeds
            case .attemptNotChecked, .secondResultAccepted, .attemptNumbersReused, .lostWorkerKeepsLeases,
                .unlistedLeasesRenewed, .droppedLeasesNotNamed, .anyLeaseReclaimed, .nonsenseEndsOthersAttempt,
                .backupNotRevoked, .reportedSizeBelieved, .contentNotExamined, .chunkLengthNotCompared,
                .surplusFieldAccepted, .masterCauseBelieved, .workerNumberStolen, .creepingProgressCounts,
                .returnNotPaced, .failureRefunded, .otherReleaseAdmitted, .suspectNeverDead, .stallIgnored,
                .oldWorkKept, .runningAttemptsForgotten, .missingWorkerAwaited, .assemblyNotResumed, .submitterIgnored,
                .sealNotKept, .cancelledTasksWait, .idleTimeCredited, .blobUsesNotCounted, .deadLetterLosesInput,
                .reportNotRepeated, .reportsReordered, .slotNotFreed, .keptResultOfOtherRelease,
                .keptResultOfOtherFormat, .formatNotGranted, .attachmentKeptForOneImage, .piecesOfAnotherChunk,
                .removalIgnoresPut,
                .wallClockLeases, .assemblyNotReported, .firstEndingCounts, .inputLeftRecomputable,
                .resultLeftRecomputable, .tornTransactionKept, .planSizeNotLimited, .keptJobsGiveWay, .fullDiskIgnored,
                .hungWhileDiskIsFull, .roomReturnsUnnoticed, .jobStaysAside, .imageNotPutOff, .idleJobsStay,
                .auditDecidedByOne,
                .auditedByItself,
                .auditNotExamined, .machineHasManyVoices, .auditBlamesHolder, .auditNotAwaited, .disputeIgnored,
                .quarantineForgotten, .namesakeTrusted, .quarantinedHeard, .doneResultsKept, .staleAssemblyAccepted,
                .unreadyWorkerGranted, .unreadyKeepsLeases, .leasesOutliveTheirMaster, .generationsForgotten:
                .manySeeds
            }
        }

        /// The promise that it breaks first, by its row in docs/guarantees.md.
        public var brokenPromise: String {
            switch self {
            case .acknowledgeBeforeCommit, .journalDoesNotSync, .tornTransactionKept, .transactionWrittenTwice,
                .sealNotKept, .deletesWithoutAsking, .removalIgnoresPut, .blobUsesNotCounted, .deadLetterLosesInput,
                .tokenIgnored, .submitterIgnored, .firstEndingCounts, .inputLeftRecomputable,
                .resultLeftRecomputable, .keptJobsGiveWay, .attachmentKeptForOneImage:
                "1 acknowledged jobs survive"
            case .attemptNotChecked, .secondResultAccepted, .attemptNumbersReused, .anyLeaseReclaimed,
                .backupNotRevoked,
                .workerIdentifiersReused, .workerNumberStolen, .grantBeforeCommit, .cancelledTasksWait,
                .slotFreedEarly:
                "2 one commit per task"
            case .reportedSizeBelieved, .contentNotExamined, .chunkLengthNotCompared, .surplusFieldAccepted:
                "12 no silent corruption"
            case .lostWorkerKeepsLeases, .unlistedLeasesRenewed, .droppedLeasesNotNamed, .reassignedWithoutRevoking,
                .suspectNeverDead, .missingWorkerAwaited, .disconnectForgotten:
                "4 bounded reassignment"
            case .heartbeatNotHeard, .stallIgnored, .oldConnectionEndsNewOne:
                "5 few false deaths"
            case .backoffNeverEnds, .recoveryForgotten, .runningAttemptsForgotten, .assemblyNotResumed,
                .reportNotRepeated, .slotNotFreed, .lostWakeUp, .assemblyNotReported, .creepingProgressCounts,
                .returnNotPaced, .roomReturnsUnnoticed, .jobStaysAside, .imageNotPutOff, .idleJobsStay,
                .doneWorkStaysOpen:
                "6 progress after healing"
            case .otherReleaseAdmitted, .oldWorkKept, .keptResultOfOtherRelease, .keptResultOfOtherFormat,
                .formatNotGranted, .piecesOfAnotherChunk, .finishedRowsMisplaced:
                "3 bytes do not depend on workers"
            case .deadLetteredLate, .failureRefunded, .lossCountsAsFailure, .corruptInputRetried, .reportsReordered,
                .nonsenseEndsOthersAttempt, .masterCauseBelieved, .fullDiskIgnored, .hungWhileDiskIsFull,
                .unreadyWorkerGranted, .unreadyKeepsLeases:
                "7 poison is contained"
            case .roomNotLimited: "8 back-pressure"
            case .planSizeNotLimited: "10 bounded memory"
            case .pixelsNotCharged, .idleTimeCredited, .priorityIgnored: "9 no starvation"
            case .wallClockLeases, .wallClockEndsKeeping: "13 clocks do not matter"
            case .auditDecidedByOne, .auditedByItself, .auditNotExamined, .machineHasManyVoices, .auditBlamesHolder,
                .auditNotAwaited, .disputeIgnored, .quarantineForgotten, .namesakeTrusted, .quarantinedHeard,
                .doneResultsKept, .staleAssemblyAccepted:
                "19 wrong results are found"
            case .replacedMasterServed, .leasesOutliveTheirMaster, .generationsForgotten:
                "21 one master of a state"
            }
        }
    }

    /// Whether the fault is active.
    public func seeded(_ fault: SeededFault) -> Bool { SeededFault.active == fault }

    /// `faulty` when the fault is active, else `sound`.
    public func seeded<Value>(
        _ fault: SeededFault, _ faulty: @autoclosure () -> Value, else sound: @autoclosure () -> Value
    ) -> Value {
        SeededFault.active == fault ? faulty() : sound()
    }
#else
    /// `false`: the programs do not contain what it guards.
    @inlinable @inline(__always)
    public func seeded(_ fault: SeededFault) -> Bool { false }

    /// `sound`: the programs do not contain the other value.
    @inlinable @inline(__always)
    public func seeded<Value>(
        _ fault: SeededFault, _ faulty: @autoclosure () -> Value, else sound: @autoclosure () -> Value
    ) -> Value {
        sound()
    }
#endif
