import JobModel
import Protocol

// The JSON of docs/cli.md, with the names of the wire messages' fields. Members are only ever added.

extension WireJobSummary {
    var json: JSON {
        [
            "job": .integer(job), "state": .string(state), "pipeline": .string(pipeline),
            "submitter": .string(submitter), "priority": .integer(Int(priority)),
            "submitted_at": .integer(submittedAt), "finished_at": finishedAt > 0 ? .integer(finishedAt) : nil,
            "sealed": .bool(sealed), "image_count": .integer(imageCount), "images_done": .integer(imagesDone),
            "images_failed": .integer(imagesFailed), "images_from_cache": .integer(imagesFromCache),
            "tasks_total": .integer(tasksTotal), "tasks_done": .integer(tasksDone),
            "attempts_lost": .integer(attemptsLost),
            "attempts_failed": .integer(attemptsFailed), "pixels_total": .integer(pixelsTotal),
            "pixels_done": .integer(pixelsDone),
        ]
    }

    /// How long it took, or has been taking.
    func duration(now: UInt64) -> Duration {
        let end = finishedAt > 0 ? finishedAt : now
        return .milliseconds(Int64(clamping: end > submittedAt ? end - submittedAt : 0))
    }
}

extension WireImageStatus {
    func json(job: JobID, place: Fetching.Place? = nil) -> JSON {
        var output: JSON?
        if case .file(let path) = place { output = .string(path) }
        return [
            "job": .integer(job.rawValue), "image": .integer(index), "name": .string(name), "state": .string(state),
            "width": hasGeometry ? .integer(geometry.width) : nil,
            "height": hasGeometry ? .integer(geometry.height) : nil, "tasks_total": .integer(tasksTotal),
            "tasks_done": .integer(tasksDone), "from_cache": .bool(fromCache),
            "result_bytes": hasResult ? .integer(result.byteCount) : nil, "output": output,
            "failure": hasFailure ? failure.json : nil,
        ]
    }

    var size: String { hasGeometry ? "\(geometry.width) x \(geometry.height)" : "-" }
}

extension WireFailure {
    var json: JSON {
        [
            "code": .string(code), "reason": .string(reason),
            "output_tail": outputTail.isEmpty ? nil : .string(outputTail),
        ]
    }
}

extension WireWorkerStatus {
    var json: JSON {
        [
            "worker": .string("w\(worker)"), "name": .string(name), "state": .string(state),
            "address": .string(address), "slot_count": .integer(slotCount), "ranks_per_slot": .integer(ranksPerSlot),
            "leases_held": .integer(leasesHeld), "tasks_done": .integer(tasksDone),
            "attempts_lost": .integer(attemptsLost),
            "attempts_failed": .integer(attemptsFailed), "resident_bytes": .integer(residentBytes),
            "connected_milliseconds": .integer(connectedMilliseconds),
            "silent_milliseconds": .integer(silentMilliseconds),
        ]
    }
}

extension WireDeadImage {
    var json: JSON {
        [
            "job": .integer(job), "image": .integer(index), "name": .string(name), "failure": failure.json,
            "attempts": attempts.isEmpty
                ? nil
                : .array(
                    attempts.map { attempt in
                        [
                            "task": .string(attempt.task), "attempt": .integer(attempt.attempt),
                            "worker": .string(attempt.worker), "failure": attempt.failure.json,
                        ]
                    }),
        ]
    }
}

extension WireMasterStatus {
    var json: JSON {
        [
            "software": .string(software), "resident_bytes": .integer(residentBytes),
            "uptime_milliseconds": .integer(uptimeMilliseconds), "tasks_ready": .integer(tasksReady),
            "leases_running": .integer(leasesRunning), "jobs_open": .integer(jobsOpen),
            "late_results": .integer(lateResults), "blob_bytes": .integer(blobBytes),
            "queued_bytes": .integer(queuedBytes), "asked_to_wait": .integer(askedToWait),
            "dead_letters": .integer(deadLetters),
        ]
    }
}

/// The tables that people read.
enum Listing {
    static func jobs(_ jobs: [WireJobSummary], now: UInt64) -> String {
        var table = Table(
            .right("JOB"), .left("STATE"), .right("IMAGES"), .right("FAILED"), .right("PIXELS"), .left("SUBMITTED"),
            .right("TOOK"), .left("SUBMITTER"), .left("PIPELINE"))
        for job in jobs {
            table.add(
                String(job.job), job.state, "\(job.imagesDone)/\(job.imageCount)", String(job.imagesFailed),
                Units.count(job.pixelsTotal), Units.ago(job.submittedAt, now: now),
                Units.duration(job.duration(now: now)), job.submitter, shortened(job.pipeline, to: 60))
        }
        return table.text
    }

    static func job(_ job: WireJobSummary, now: UInt64) -> String {
        var facts = Facts()
        facts.add("job", "\(job.job), \(job.state)")
        facts.add("pipeline", job.pipeline)
        facts.add("submitter", job.submitter + (job.priority == 0 ? "" : ", priority \(job.priority)"))
        facts.add(
            "submitted",
            Units.ago(job.submittedAt, now: now)
                + (job.finishedAt > 0 ? ", took " : ", since ") + Units.duration(job.duration(now: now)))
        facts.add(
            "images",
            "\(job.imagesDone) of \(job.imageCount) done, \(job.imagesFailed) failed"
                + (job.imagesFromCache > 0 ? ", \(job.imagesFromCache) from the cache" : "")
                + (job.sealed ? "" : "; more are being sent"))
        facts.add("pixels", "\(Units.count(job.pixelsDone)) of \(Units.count(job.pixelsTotal))")
        facts.add("tasks", "\(job.tasksDone) of \(job.tasksTotal)")
        if job.attemptsLost + job.attemptsFailed > 0 {
            facts.add(
                "attempts", "\(job.attemptsLost) lost with a worker or rank, \(job.attemptsFailed) failed")
        }
        return facts.text
    }

    static func images(_ images: [WireImageStatus]) -> String {
        var table = Table(
            .right("IMAGE"), .left("STATE"), .right("SIZE"), .right("TASKS"), .right("RESULT"), .left("NAME"))
        for image in images {
            table.add(
                String(image.index), image.state + (image.fromCache ? " (cached)" : ""), image.size,
                "\(image.tasksDone)/\(image.tasksTotal)", image.hasResult ? Units.bytes(image.result.byteCount) : "-",
                image.name)
        }
        return table.text
    }

    static func workers(_ workers: [WireWorkerStatus]) -> String {
        var table = Table(
            .left("WORKER"), .left("NAME"), .left("STATE"), .right("SLOTS"), .right("RANKS"), .right("LEASES"),
            .right("DONE"), .right("LOST"), .right("FAILED"), .right("MEMORY"), .right("CONNECTED"), .right("SILENT"),
            .left("ADDRESS"))
        for worker in workers {
            table.add(
                "w\(worker.worker)", worker.name, worker.state, String(worker.slotCount), String(worker.ranksPerSlot),
                String(worker.leasesHeld), String(worker.tasksDone), String(worker.attemptsLost),
                String(worker.attemptsFailed), Units.bytes(worker.residentBytes),
                Units.duration(.milliseconds(Int64(clamping: worker.connectedMilliseconds))),
                Units.duration(.milliseconds(Int64(clamping: worker.silentMilliseconds))), worker.address)
        }
        return table.text
    }

    static func master(_ master: WireMasterStatus) -> String {
        var facts = Facts()
        facts.add("master", master.software)
        facts.add("up for", Units.duration(.milliseconds(Int64(clamping: master.uptimeMilliseconds))))
        facts.add("memory", Units.bytes(master.residentBytes))
        facts.add("jobs", "\(master.jobsOpen) not finished")
        facts.add("tasks", "\(master.tasksReady) ready, \(master.leasesRunning) leased")
        facts.add("blobs", Units.bytes(master.blobBytes))
        if master.queuedBytes > 0 { facts.add("inputs that wait", Units.bytes(master.queuedBytes)) }
        if master.askedToWait > 0 { facts.add("asked to wait", Units.counted(Int(master.askedToWait), "request")) }
        if master.deadLetters > 0 { facts.add("dead letters", "\(master.deadLetters)") }
        if master.lateResults > 0 { facts.add("late results", "\(master.lateResults), dropped") }
        return facts.text
    }

    static func dead(_ images: [WireDeadImage]) -> String {
        var table = Table(.left("IMAGE"), .left("CODE"), .left("NAME"), .left("REASON"))
        for image in images {
            table.add(
                "\(image.job).\(image.index)", image.failure.code, image.name, shortened(image.failure.reason, to: 80))
        }
        return table.text
    }

    /// One dead-lettered image with its attempts and what they wrote.
    static func dead(_ image: WireDeadImage) -> String {
        var facts = Facts()
        facts.add("image", "\(image.job).\(image.index) \(image.name)")
        facts.add("failure", "\(image.failure.code): \(image.failure.reason)")
        var text = facts.text
        for attempt in image.attempts {
            text += "\n" + Table.printable("\(attempt.task) attempt \(attempt.attempt) on \(attempt.worker): ")
            text += Table.printable("\(attempt.failure.code): \(attempt.failure.reason)") + "\n"
            for line in attempt.failure.outputTail.split(separator: "\n") {
                text += "  | \(Table.printable(String(line)))\n"
            }
        }
        return text
    }

    private static func shortened(_ text: String, to length: Int) -> String {
        text.count <= length ? text : text.prefix(length - 3) + "..."
    }
}

/// Names and values, the values under each other.
struct Facts: Sendable {
    private var rows: [(name: String, value: String)] = []

    mutating func add(_ name: String, _ value: String) { rows.append((name, Table.printable(value))) }

    var text: String {
        let width = rows.map(\.name.count).max() ?? 0
        return rows.map { name, value in
            name + String(repeating: " ", count: width - name.count + 2) + value + "\n"
        }.joined()
    }
}
