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

    // The scheduler: retries.

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
    /// A job's tasks are handed out in spite of a more urgent one.
    case priorityIgnored
    /// An input that two images share goes when the first of them ends.
    case blobUsesNotCounted
    /// A dead-lettered image does not keep its input.
    case deadLetterLosesInput

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

    // The master's shell.

    /// A kept result answers whatever release it is of.
    case keptResultOfOtherRelease
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
    /// Deadlines are kept by the wall clock.
    case wallClockLeases
    /// The assembled file of an image is not reported.
    case assemblyNotReported
    /// After a restart only the wall clock says how long results were kept.
    case wallClockEndsKeeping
    /// The results of a job that was redriven are kept from its first ending on.
    case firstEndingCounts

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

        /// The promise that it breaks first, by its row in docs/guarantees.md.
        public var brokenPromise: String {
            switch self {
            case .acknowledgeBeforeCommit, .journalDoesNotSync, .tornTransactionKept, .transactionWrittenTwice,
                .sealNotKept, .deletesWithoutAsking, .removalIgnoresPut, .blobUsesNotCounted, .deadLetterLosesInput,
                .tokenIgnored,
                .firstEndingCounts:
                "1 acknowledged jobs survive"
            case .attemptNotChecked, .secondResultAccepted, .attemptNumbersReused, .anyLeaseReclaimed,
                .backupNotRevoked,
                .workerIdentifiersReused, .grantBeforeCommit, .cancelledTasksWait, .slotFreedEarly:
                "2 one commit per task"
            case .lostWorkerKeepsLeases, .unlistedLeasesRenewed, .droppedLeasesNotNamed, .reassignedWithoutRevoking,
                .suspectNeverDead, .missingWorkerAwaited, .disconnectForgotten:
                "4 bounded reassignment"
            case .heartbeatNotHeard, .stallIgnored, .oldConnectionEndsNewOne:
                "5 few false deaths"
            case .backoffNeverEnds, .recoveryForgotten, .runningAttemptsForgotten, .assemblyNotResumed,
                .reportNotRepeated, .slotNotFreed, .lostWakeUp, .assemblyNotReported:
                "6 progress after healing"
            case .otherReleaseAdmitted, .oldWorkKept, .keptResultOfOtherRelease:
                "3 bytes do not depend on workers"
            case .deadLetteredLate, .failureRefunded, .lossCountsAsFailure, .corruptInputRetried, .reportsReordered,
                .nonsenseEndsOthersAttempt, .unreadyWorkerGranted, .unreadyKeepsLeases:
                "7 poison is contained"
            case .roomNotLimited: "8 back-pressure"
            case .pixelsNotCharged, .idleTimeCredited, .priorityIgnored: "9 no starvation"
            case .wallClockLeases, .wallClockEndsKeeping: "13 clocks do not matter"
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
