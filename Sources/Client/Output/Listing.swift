import ClientKit
import JobModel

/// The tables that people read.
enum Listing {
    static func jobs(_ jobs: [JobSummary], now: UInt64, isColored: Bool = false) -> String {
        var table = Table(
            .right("JOB"), .state(), .right("IMAGES"), .right("FAILED"), .right("PIXELS"), .left("SUBMITTED"),
            .right("TOOK"), .left("SUBMITTER"), .left("PIPELINE"))
        for job in jobs {
            table.add(
                "\(job.id)", job.state.name, "\(job.imagesDone)/\(job.imageCount)", String(job.imagesFailed),
                Units.count(job.pixelsTotal), Units.ago(job.submittedAt, now: now),
                Units.duration(job.duration(now: now)), job.submitter, shortened(job.pipeline, to: 60))
        }
        return table.text(isColored: isColored)
    }

    static func job(_ job: JobSummary, now: UInt64) -> String {
        var facts = Facts()
        facts.add("job", "\(job.id), \(job.state)")
        facts.add("pipeline", job.pipeline)
        facts.add("submitter", job.submitter + (job.priority == 0 ? "" : ", priority \(job.priority)"))
        facts.add(
            "submitted",
            Units.ago(job.submittedAt, now: now)
                + (job.finishedAt != nil ? ", took " : ", running for ") + Units.duration(job.duration(now: now)))
        facts.add(
            "images",
            "\(job.imagesDone) of \(job.imageCount) done, \(job.imagesFailed) failed"
                + (job.imagesFromCache > 0 ? ", \(job.imagesFromCache) from the cache" : "")
                + (job.isSealed ? "" : "; more are being sent"))
        facts.add("pixels", "\(Units.count(job.pixelsDone)) of \(Units.count(job.pixelsTotal))")
        facts.add("tasks", "\(job.tasksDone) of \(job.tasksTotal)")
        if job.attemptsLost + job.attemptsFailed > 0 {
            facts.add(
                "attempts", "\(job.attemptsLost) lost with a worker or rank, \(job.attemptsFailed) failed")
        }
        if job.tasksAudited + job.auditsSkipped > 0 {
            facts.add(
                "audited",
                Units.counted(Int(job.tasksAudited), "task")
                    + (job.auditsSkipped > 0
                        ? "; \(job.auditsSkipped) not, for lack of another worker that could" : ""))
        }
        if job.resultsWithdrawn > 0 {
            facts.add(
                "withdrawn",
                Units.counted(Int(job.resultsWithdrawn), "result")
                    + ", because a worker that took part computes wrong results")
        }
        if job.resultsReplaced > 0 {
            facts.add(
                "replaced",
                Units.counted(Int(job.resultsReplaced), "wrong result")
                    + ": fetch again what you fetched before ('tessera status \(job.id) --images' lists them)")
        }
        if let obstacle = job.obstacle { facts.add("waits", obstacle) }
        return facts.text
    }

    /// One image of a job.
    static func image(_ image: ImageStatus, id: ImageID) -> String {
        var facts = Facts()
        facts.add("image", "\(id) \(image.name), \(image.state)\(image.isFromCache ? " (from a kept result)" : "")")
        facts.add("size", size(of: image))
        facts.add("tasks", "\(image.tasksDone) of \(image.tasksTotal)")
        facts.add("result", image.result.map { Units.bytes($0.byteCount) } ?? "-")
        if let failure = image.failure { facts.add("failure", "\(failure.code): \(failure.reason)") }
        return facts.text
    }

    static func images(_ images: [ImageStatus], isColored: Bool = false) -> String {
        var table = Table(
            .right("IMAGE"), .state(), .right("SIZE"), .right("TASKS"), .right("RESULT"), .left("NAME"))
        for image in images {
            table.add(
                String(image.index), state(of: image), size(of: image),
                "\(image.tasksDone)/\(image.tasksTotal)", image.result.map { Units.bytes($0.byteCount) } ?? "-",
                image.name)
        }
        return table.text(isColored: isColored)
    }

    private static func state(of image: ImageStatus) -> String {
        if image.withdrawn != nil { return image.state.name + " (withdrawn)" }
        if image.replaced != nil { return image.state.name + " (replaced)" }
        return image.state.name + (image.isFromCache ? " (cached)" : "")
    }

    private static func size(of image: ImageStatus) -> String {
        image.geometry.map { "\($0.width) x \($0.height)" } ?? "-"
    }

    static func workers(_ workers: [WorkerStatus], isColored: Bool = false) -> String {
        var table = Table(
            .left("WORKER"), .left("NAME"), .state(), .right("SLOTS"), .right("RANKS"), .right("LEASES"),
            .right("DONE"), .right("LOST"), .right("FAILED"), .right("MEMORY"), .right("CONNECTED"), .right("SILENT"),
            .left("ADDRESS"))
        for worker in workers {
            table.add(
                "\(worker.id)", worker.name, worker.state.name, String(worker.slotCount), String(worker.ranksPerSlot),
                String(worker.leasesHeld), String(worker.tasksDone), String(worker.attemptsLost),
                String(worker.attemptsFailed), Units.bytes(worker.residentBytes),
                Units.duration(worker.connectedTime),
                Units.duration(worker.silentTime), worker.address)
        }
        let quarantined = workers.filter { !$0.quarantinedBy.isEmpty }.map { worker in
            Table.printable(
                "\(worker.id) is quarantined: task \(worker.quarantinedBy) showed that it computes wrong results; "
                    + "'tessera release \(worker.id)' gives it work again") + "\n"
        }
        let reasons = workers.filter { $0.state != .gone }.compactMap { worker in
            worker.unreadyReason.map { Table.printable("\(worker.id) cannot run tasks: \($0)") + "\n" }
        }
        return table.text(isColored: isColored) + (quarantined + reasons).joined()
    }

    static func master(_ master: MasterStatus) -> String {
        var facts = Facts()
        facts.add("master", master.software)
        facts.add("up for", Units.duration(master.uptime))
        facts.add("memory", Units.bytes(master.residentBytes))
        if let workers = master.workers { facts.add("workers", text(workers)) }
        facts.add("jobs", "\(master.jobsOpen) not finished")
        facts.add("tasks", "\(master.tasksReady) ready, \(master.leasesRunning) leased")
        if let backlog = master.backlog, backlog.tasks > 0 { facts.add("open work", text(backlog)) }
        if master.queuedBytes > 0 { facts.add("inputs that wait", Units.bytes(master.queuedBytes)) }
        if master.askedToWait > 0 { facts.add("asked to wait", Units.counted(Int(master.askedToWait), "request")) }
        if master.deadLetters > 0 { facts.add("dead letters", "\(master.deadLetters)") }
        for (name, value) in audits(of: master) { facts.add(name, value) }
        if master.lateResults > 0 { facts.add("late results", "\(master.lateResults), dropped") }
        if let storage = master.storage { facts.add("disk", disk(storage)) }
        if let records = master.records { facts.add("records", self.records(records)) }
        return facts.text
    }

    private static func audits(of master: MasterStatus) -> [(String, String)] {
        let audits = master.audits
        var lines: [(String, String)] = []
        if audits.agreed + audits.differed + audits.skipped > 0 {
            lines.append(
                (
                    "audits",
                    "\(audits.agreed) agreed, \(audits.differed) differed"
                        + (audits.skipped > 0 ? ", \(audits.skipped) skipped for lack of another worker" : "")
                ))
        }
        if audits.waiting > 0 {
            let lack =
                switch (audits.disputed, master.workers?.taking ?? 3) {
                case (1..., ...2): ": two workers disagree, and there is no third to decide"
                case (_, ...1): ": it takes a second worker"
                default: ""
                }
            lines.append(("audits that wait", "\(audits.waiting)\(lack)"))
        }
        if audits.workersQuarantined > 0 {
            lines.append(
                (
                    "quarantined",
                    Units.counted(Int(audits.workersQuarantined), "worker")
                        + " that computed wrong results; 'tessera workers' lists them"
                ))
        }
        if audits.resultsWithdrawn > 0 {
            lines.append(
                (
                    "withdrawn",
                    Units.counted(Int(audits.resultsWithdrawn), "result")
                        + ", of which \(audits.resultsReplaced) turned out to be wrong"
                ))
        }
        return lines
    }

    /// `240 tasks, about 1 h 20 min of one slot: 20 min with the 4 slots that are there`.
    private static func text(_ backlog: MasterStatus.Backlog) -> String {
        let slots = Int(backlog.slotsBusy) + Int(backlog.slotsIdle)
        let text =
            Units.counted(backlog.tasks, "task") + ", about \(Units.duration(backlog.slotTime)) of one slot"
        guard slots > 1 else { return text }
        return text + ": \(Units.duration(backlog.slotTime / slots)) with the \(slots) slots that are there"
    }

    /// `2 take work, 1 draining`; of nobody, what to do.
    private static func text(_ workers: WorkerCounts) -> String {
        var parts: [String] = []
        if workers.taking > 0 { parts.append(workers.taking == 1 ? "1 takes work" : "\(workers.taking) take work") }
        if workers.draining > 0 { parts.append("\(workers.draining) draining") }
        if workers.silent > 0 { parts.append("\(workers.silent) silent") }
        if workers.unready > 0 { parts.append("\(workers.unready) not ready") }
        if parts.isEmpty { return "none: start tessera-worker, or jobs will wait" }
        return parts.joined(separator: ", ") + (workers.taking == 0 ? ": none takes work, so jobs wait" : "")
    }

    /// The free space, and what waits for more.
    private static func disk(_ storage: MasterStatus.Storage) -> String {
        let free = "\(Units.bytes(storage.freeBytes)) free"
        if let shortage = storage.shortage {
            return "FULL, \(free): jobs wait, their results need \(Units.bytes(shortage.needBytes)) and have "
                + "\(Units.bytes(shortage.haveBytes)) (min-free-bytes is \(Units.bytes(storage.minFreeBytes)), a quarter of it "
                + "is kept for the journal)"
        }
        guard storage.uploadsWait else { return free }
        return "NEARLY FULL, \(free): uploads wait for more than \(Units.bytes(storage.minFreeBytes)) (min-free-bytes)"
    }

    private static func records(_ records: MasterStatus.Records) -> String {
        let isNearlyFull = records.percent >= 80
        return (isNearlyFull ? "NEARLY FULL, " : "")
            + "\(records.jobs) of \(records.maxJobs) jobs, \(records.images) of \(records.maxImages) images"
            + (isNearlyFull ? ": finished jobs give way to new ones, see 'tessera forget'" : "")
            + (records.jobsYielded > 0 ? "; \(records.jobsYielded) gave way" : "")
    }

    static func deadLetters(_ letters: [DeadLetter]) -> String {
        var table = Table(.left("IMAGE"), .left("CODE"), .left("NAME"), .left("REASON"))
        for letter in letters {
            table.add(
                "\(letter.image)", letter.failure.code, letter.name, shortened(letter.failure.reason, to: 80))
        }
        return table.text
    }

    /// One dead letter with its attempts and what they wrote.
    static func deadLetter(_ letter: DeadLetter) -> String {
        var facts = Facts()
        facts.add("image", "\(letter.image) \(letter.name)")
        facts.add("failure", "\(letter.failure.code): \(letter.failure.reason)")
        var text = facts.text
        for attempt in letter.attempts {
            text += "\n" + Table.printable("\(attempt.task) attempt \(attempt.number) on \(attempt.worker): ")
            text += Table.printable("\(attempt.failure.code): \(attempt.failure.reason)") + "\n"
            for line in attempt.failure.outputTail.split(whereSeparator: \.isNewline) {
                text += "  | \(Table.printable(String(line)))\n"
            }
        }
        return text
    }

    private static func shortened(_ text: String, to length: Int) -> String {
        text.count <= length ? text : text.prefix(length - 3) + "..."
    }
}
