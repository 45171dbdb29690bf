public import JobModel

// The JSON of docs/cli.md, with the names of the wire messages' fields. Members are only ever added. What is not known is
// left out.

extension JobSummary {
    /// The job object of docs/cli.md.
    public var json: JSON {
        [
            "job": .integer(id.rawValue), "state": .string(state.name), "pipeline": .string(pipeline),
            "submitter": .string(submitter), "priority": .integer(Int(priority)),
            "submitted_at": .integer(submittedAt), "finished_at": finishedAt.map { .integer($0) },
            "sealed": .bool(isSealed), "image_count": .integer(imageCount), "images_done": .integer(imagesDone),
            "images_failed": .integer(imagesFailed), "images_from_cache": .integer(imagesFromCache),
            "tasks_total": .integer(tasksTotal), "tasks_done": .integer(tasksDone),
            "attempts_lost": .integer(attemptsLost), "attempts_failed": .integer(attemptsFailed),
            "pixels_total": .integer(pixelsTotal), "pixels_done": .integer(pixelsDone),
            "audit_share": .integer(auditShare.millionths), "tasks_audited": .integer(tasksAudited),
            "audits_skipped": .integer(auditsSkipped), "results_withdrawn": .integer(resultsWithdrawn),
            "results_replaced": .integer(resultsReplaced),
            "obstacle": obstacle.map { .string($0) },
        ]
    }
}

extension ImageStatus {
    /// The image object of docs/cli.md.
    /// - Parameters:
    ///   - job: the job that the image belongs to.
    ///   - place: the place of the fetched result; only a file is told.
    public func json(job: JobID, place: ResultPlace? = nil) -> JSON {
        let output = place?.path?.text
        return [
            "job": .integer(job.rawValue), "image": .integer(index), "name": .name(name),
            "state": .string(state.name), "width": geometry.map { .integer($0.width) },
            "height": geometry.map { .integer($0.height) }, "tasks_total": .integer(tasksTotal),
            "tasks_done": .integer(tasksDone), "from_cache": .bool(isFromCache),
            "result_bytes": result.map { .integer($0.byteCount) }, "output": output.map { .name($0) },
            "failure": failure?.json, "name_base64": .base64(ofName: name),
            "output_base64": output.flatMap { .base64(ofName: $0) },
            "withdrawn": withdrawn.map { .string("\($0)") }, "replaced": replaced.map { .string("\($0)") },
            "encoding": encoding.isEmpty ? nil : .string(encoding),
            "remarks": remarks.isEmpty ? nil : .array(remarks.map(\.json)),
        ]
    }
}

extension ImageStatus.Remark {
    /// A remark of docs/cli.md.
    public var json: JSON {
        [
            "code": .string(code), "message": .string(sentence), "count": .integer(count),
            "bytes": .integer(byteCount),
        ]
    }
}

extension FailureReport {
    /// The `failure` member of docs/cli.md.
    public var json: JSON {
        [
            "code": .string(code), "reason": .string(reason),
            "output_tail": outputTail.isEmpty ? nil : .string(outputTail),
        ]
    }
}

extension WorkerStatus {
    /// The worker object of docs/cli.md.
    public var json: JSON {
        [
            "worker": .string("\(id)"), "name": .string(name), "state": .string(state.name),
            "address": .string(address), "slot_count": .integer(slotCount), "ranks_per_slot": .integer(ranksPerSlot),
            "leases_held": .integer(leasesHeld), "tasks_done": .integer(tasksDone),
            "attempts_lost": .integer(attemptsLost), "attempts_failed": .integer(attemptsFailed),
            "resident_bytes": .integer(residentBytes), "connected_milliseconds": .milliseconds(connectedTime),
            "silent_milliseconds": .milliseconds(silentTime),
            "quarantined_by": quarantinedBy.isEmpty ? nil : .string(quarantinedBy),
            "unready": unreadyReason.map { .string($0) },
        ]
    }
}

extension DeadLetter {
    /// An image object with its `failure` and, where they are known, its `attempts`.
    public var json: JSON {
        [
            "job": .integer(image.job.rawValue), "image": .integer(image.index), "name": .name(name),
            "failure": failure.json, "attempts": attempts.isEmpty ? nil : .array(attempts.map(\.json)),
            "name_base64": .base64(ofName: name),
        ]
    }
}

extension DeadLetter.Attempt {
    fileprivate var json: JSON {
        [
            "task": .string(task), "attempt": .integer(number), "worker": .string(worker), "failure": failure.json,
        ]
    }
}

extension MasterStatus {
    /// The master object of docs/cli.md.
    public var json: JSON {
        [
            "software": .string(software), "resident_bytes": .integer(residentBytes),
            "uptime_milliseconds": .milliseconds(uptime), "tasks_ready": .integer(tasksReady),
            "leases_running": .integer(leasesRunning), "jobs_open": .integer(jobsOpen),
            "late_results": .integer(lateResults), "blob_bytes": blobBytes > 0 ? .integer(blobBytes) : nil,
            "queued_bytes": .integer(queuedBytes), "asked_to_wait": .integer(askedToWait),
            "storage": storage?.json, "records": records?.json, "backlog": backlog?.json,
            "dead_letters": .integer(deadLetters), "audits_waiting": .integer(audits.waiting),
            "audits_disputed": .integer(audits.disputed), "audits_agreed": .integer(audits.agreed),
            "audits_differed": .integer(audits.differed), "audits_skipped": .integer(audits.skipped),
            "workers_quarantined": .integer(audits.workersQuarantined),
            "results_withdrawn": .integer(audits.resultsWithdrawn),
            "results_replaced": .integer(audits.resultsReplaced),
            "workers_taking": workers.map { .integer($0.taking) },
            "workers_draining": workers.map { .integer($0.draining) },
            "workers_silent": workers.map { .integer($0.silent) },
            "workers_not_ready": workers.map { .integer($0.unready) },
        ]
    }
}

extension MasterStatus.Storage {
    fileprivate var json: JSON {
        [
            "free_bytes": .integer(freeBytes), "min_free_bytes": .integer(minFreeBytes),
            "uploads_wait": .bool(uploadsWait), "work_waits": .bool(shortage != nil),
            "need_bytes": shortage.map { .integer($0.needBytes) },
            "have_bytes": shortage.map { .integer($0.haveBytes) },
        ]
    }
}

extension MasterStatus.Backlog {
    fileprivate var json: JSON {
        [
            "tasks": .integer(tasks), "slot_milliseconds": .milliseconds(slotTime), "slots_busy": .integer(slotsBusy),
            "slots_idle": .integer(slotsIdle),
        ]
    }
}

extension MasterStatus.Records {
    fileprivate var json: JSON {
        [
            "jobs": .integer(jobs), "max_jobs": .integer(maxJobs), "images": .integer(images),
            "max_images": .integer(maxImages), "jobs_yielded": .integer(jobsYielded),
        ]
    }
}

extension JSON {
    /// The whole milliseconds of a duration that was given in milliseconds.
    fileprivate static func milliseconds(_ duration: Duration) -> JSON {
        let (seconds, attoseconds) = duration.components
        return .integer(Int(seconds * 1000 + attoseconds / 1_000_000_000_000_000))
    }
}

extension SecretStatus {
    /// The answer of `tessera secret status --json`.
    public var json: JSON {
        [
            "secrets": .integer(isChanging ? 2 : 1), "newest_connections": .integer(newestConnections),
            "former_connections": .integer(formerConnections), "former_peer_count": .integer(formerPeerCount),
            "former_peers": .array(
                formerPeers.map { peer in
                    [
                        "role": .string("\(peer.role)"), "name": .string(peer.name), "address": .string(peer.address),
                        "software": .string(peer.software), "connections": .integer(peer.connectionCount),
                    ] as JSON
                }),
            "visitors": .array(
                visitors.map { visitor in
                    [
                        "host": .string(visitor.host), "software": .string(visitor.software),
                        "left_ms_ago": .integer(UInt64(max(0, visitor.leftAgo / .milliseconds(1)))),
                    ] as JSON
                }),
        ]
    }
}
