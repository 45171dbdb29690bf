import JobModel
import Metrics
import Scheduler

/// The master at the end of one turn of its decision loop, as metrics show it.
struct MasterSnapshot: Sendable {
    let takenAt: Instant
    let counters: MasterCounters
    let activity: SchedulerActivity
    let steps: StepTimes
    /// How long tasks have been ready without any being granted.
    let queueStall: Duration
    let minimumFreeByteCount: UInt64

    /// How long the master's own steps take.
    struct StepTimes: Sendable {
        /// From the first event of a turn to its last action.
        var turns = DurationHistogram.ofSteps
        /// The part of it in which records are made durable.
        var commits = DurationHistogram.ofSteps
    }

    var metrics: [MetricFamily] { work + workers + journal + network + audits }

    private var work: [MetricFamily] {
        let (scheduler, machine) = (counters.scheduler, counters.machine)
        let sealed = max(0, scheduler.jobsOpen - machine.jobsUnsealed)
        return [
            .labelled(
                "tessera_jobs", .gauge, "Jobs in the records: not complete yet, not ended, ended.", by: "state",
                ["unsealed": count(machine.jobsUnsealed), "open": count(sealed), "ended": count(machine.jobsKept)]),
            .gauge("tessera_images", "Images of all jobs in the records.", count(scheduler.imagesKept)),
            .gauge("tessera_dead_letters", "Images that wait for a redrive.", count(scheduler.deadLetters)),
            .labelled(
                "tessera_tasks", .gauge,
                "Tasks that wait for a worker, and leases that were granted and have not ended.",
                by: "state", ["ready": count(scheduler.tasksReady), "leased": count(scheduler.leasesRunning)]),
            .gauge(
                "tessera_tasks_open",
                "Tasks of images that have not ended: ready, leased, and those that wait for others.",
                count(scheduler.tasksOpen)),
            .number(
                "tessera_backlog_slot_seconds", .gauge,
                "Time that one slot would take for the open tasks: measured where tasks have ended, else a guess by size.",
                scheduler.backlog.inSeconds),
            .number(
                "tessera_queue_stall_seconds", .gauge,
                "How long tasks have been ready without any being granted; 0 without ready tasks.", queueStall.inSeconds
            ),
            .labelled(
                "tessera_attempts_total", .counter,
                "Attempts that ended, by outcome: done, or the cause of their end.", by: "outcome",
                [("done", activity.tasksDone)] + activity.attemptsEnded.map { ($0.cause.code, $0.count) }),
            .gauge(
                "tessera_queued_bytes", "Uploaded bytes of images that have not ended.",
                counters.uploads.waitingByteCount),
            .counter("tessera_leases_granted_total", "Leases that were granted.", scheduler.leasesGranted),
            .labelled(
                "tessera_reassignments_total", .counter,
                "Leases granted though the task had one: moved to an idle worker, or a speculative copy.", by: "cause",
                ["moved": scheduler.leasesMoved, "speculative": scheduler.backupsGranted]),
            .counter("tessera_pixels_total", "Pixels that finished tasks have read.", activity.pixelsDone),
            .histograms(
                "tessera_task_seconds", "From getting a slot to the result, for leases that ended with their result.",
                by: "kind",
                activity.taskDurations.map { ($0.kind, $0.durations) }),
            .counter(
                "tessera_late_results_total", "Results that came after their task was done.", scheduler.lateResults),
            .counter("tessera_stale_reports_total", "Reports on leases that had ended.", scheduler.staleReports),
            .counter(
                "tessera_reports_refused_total", "Reports of workers that could not be true.", scheduler.reportsRefused),
            .labelled(
                "tessera_images_restarted_total", .counter,
                "Images that started over, for want of memory in workers or of room on the disk.", by: "cause",
                ["memory": scheduler.imagesReplanned, "disk": scheduler.imagesPutOff]),
            .counter(
                "tessera_asked_to_wait_total", "Requests and uploads that were refused with a time to come back.",
                counters.askedToWait),
            .counter(
                "tessera_jobs_yielded_total", "Ended jobs that were forgotten early, to make room for new ones.",
                counters.records.yieldedCount),
        ]
    }

    private var workers: [MetricFamily] {
        let scheduler = counters.scheduler
        let heard =
            scheduler.workersTaking + scheduler.workersDraining + scheduler.workersUnready
            + scheduler.workersConnectedInQuarantine
        return [
            .labelled(
                "tessera_workers", .gauge, "Connected workers.", by: "state",
                [
                    "taking": count(scheduler.workersTaking), "draining": count(scheduler.workersDraining),
                    "not-ready": count(scheduler.workersUnready),
                    "quarantined": count(scheduler.workersConnectedInQuarantine),
                    "silent": count(scheduler.workersConnected - heard),
                ]),
            .labelled(
                "tessera_slots", .gauge, "Slots of connected workers: with a lease, and free for one.", by: "state",
                ["busy": count(scheduler.slotsBusy), "idle": count(scheduler.slotsIdle)]),
            .counter(
                "tessera_workers_declared_dead_total", "Workers that were silent for too long.",
                scheduler.workersDeclaredDead),
            .gauge(
                "tessera_workers_quarantined", "Workers that computed wrong results, connected or not.",
                count(scheduler.workersQuarantined)),
        ]
    }

    private var journal: [MetricFamily] {
        [
            .counter("tessera_journal_records_total", "Records that were made durable.", counters.recordsCommitted),
            .histogram(
                "tessera_journal_commit_seconds", "Time in which the records of a turn are made durable.", steps.commits
            ),
            .histogram(
                "tessera_loop_turn_seconds", "Time of a turn of the decision loop that had something to do.",
                steps.turns),
            .counter(
                "tessera_own_stalls_total", "Times in which the master did not run, as it noticed.",
                counters.scheduler.ownStalls),
            .gauge("tessera_blobs", "Blobs in the store.", count(counters.machine.blobsPresent)),
            .gauge(
                "tessera_results_kept", "Results that answer identical requests.", count(counters.machine.resultsKept)),
            .gauge(
                "tessera_disk_free_bytes", "Free bytes on the disk of the state directory.",
                counters.storage.availableByteCount),
            .gauge(
                "tessera_disk_reserve_bytes", "Free bytes below which uploads wait (min-free-bytes).",
                minimumFreeByteCount),
            .gauge(
                "tessera_disk_full", "Whether jobs wait because their results find no room: 1 or 0.",
                counters.storage.shortage == nil ? 0 : 1),
        ]
    }

    private var network: [MetricFamily] {
        [
            .gauge("tessera_connections", "Connections that are authenticated and open.", counters.connections.open),
            .labelled(
                "tessera_handshakes_total", .counter, "Connections that were authenticated, and that were not.",
                by: "result",
                ["accepted": counters.connections.accepted, "refused": counters.connections.refused]),
            .labelled(
                "tessera_bulk_bytes_total", .counter, "Bytes of blobs that were received and sent.", by: "direction",
                ["received": counters.transfers.bytesPut, "sent": counters.transfers.bytesGot]),
            .labelled(
                "tessera_bulk_blobs_total", .counter,
                "Blobs that were received, and blobs or parts of them that were sent.",
                by: "direction",
                ["received": counters.transfers.blobsPut, "sent": counters.transfers.blobsGot]),
        ]
    }

    private var audits: [MetricFamily] {
        let scheduler = counters.scheduler
        return [
            .gauge(
                "tessera_audits_waiting", "Finished tasks that wait for a second opinion.",
                count(scheduler.auditsWaiting)),
            .labelled(
                "tessera_audits_total", .counter, "Audits of finished tasks, by outcome.", by: "outcome",
                [
                    "agreed": scheduler.auditsAgreed, "differed": scheduler.auditsDiffered,
                    "skipped": scheduler.auditsSkipped,
                ]),
            .counter(
                "tessera_results_withdrawn_total", "Results to which a faulty worker contributed.",
                scheduler.resultsWithdrawn),
            .counter(
                "tessera_results_replaced_total", "Withdrawn results that were computed again with another outcome.",
                scheduler.resultsReplaced),
        ]
    }

    private func count(_ value: Int) -> UInt64 { UInt64(max(0, value)) }
}

/// Finds out how long the queue has been stalled: there are ready tasks, and no grant.
struct QueueStall: Sendable {
    private var granted: UInt64 = 0
    private var since: Instant?

    /// - Returns: the time for which tasks have been ready without a grant.
    mutating func seen(ready: Int, granted: UInt64, at now: Instant) -> Duration {
        defer { self.granted = granted }
        guard ready > 0 else {
            since = nil
            return .zero
        }
        if granted != self.granted || since == nil { since = now }
        return since.map { now - $0 } ?? .zero
    }
}
