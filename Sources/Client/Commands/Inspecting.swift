import ArgumentParser
import ClientKit
import JobModel

struct Status: ClientCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show one job or image, or the master, its workers and its newest jobs.",
        usage: "tessera status [JOB | JOB.N] [--images] [--failed] [options]",
        discussion: """
            Examples:
              tessera status                    the master, its workers, the newest jobs
              tessera status 17 --failed        why images of job 17 failed
              tessera status 17.3               one image of it
            """)

    @Argument(
        help: JobArgument.help("A job, such as 17, or an image of it, such as 17.3."), transform: JobArgument.init)
    var job: JobArgument?

    @Flag(help: "List the job's images, too.")
    var images = false

    @Flag(help: "List the job's failed images with their reasons.")
    var failed = false

    @OptionGroup var common: CommonOptions

    var isJSON: Bool { common.json }

    func validate() throws {
        if job == nil, images || failed { throw ValidationError("--images and --failed need the number of a job") }
        if let image = job?.image, images || failed {
            throw ValidationError("\(image) is one image: --images and --failed are for a job, such as \(image.job)")
        }
    }

    func execute(_ context: CommandContext) async throws -> ExitStatus {
        let settings = try await context.settings(common.flags)
        let command = self
        return try await context.withMaster(settings) { session in
            switch command.job {
            case .job(let job)?: try await command.show(job, session: session, context: context)
            case .image(let image)?:
                let status = try await session.image(image)
                try context.console.write(
                    command.isJSON
                        ? status.json(job: image.job).text + "\n" : Listing.image(status, id: image))
            case nil: try await command.showMaster(session: session, context: context)
            }
            return .done
        }
    }

    private func showMaster(session: MasterSession, context: CommandContext) async throws {
        async let master = session.perform { try await $0.masterStatus() }
        async let jobs = session.perform { try await $0.jobs(limit: 10, before: nil) }
        if common.json {
            try context.console.write(try await master.json)
        } else {
            let listing = try await jobs
            try context.console.write(
                table: Listing.master(try await master)
                    + (listing.isEmpty
                        ? "" : "\n" + Listing.jobs(listing, now: context.now, isColored: context.console.isColored)))
        }
    }

    private func show(_ job: JobID, session: MasterSession, context: CommandContext) async throws {
        let summary = try await session.perform { try await $0.job(job) }
        try context.console.write(common.json ? summary.json.text + "\n" : Listing.job(summary, now: context.now))
        guard images || failed else { return }
        var shownCount = 0
        try await session.forEachImagePage(of: job) { page in
            let shown = failed ? page.filter(\.hasFailed) : page
            guard !shown.isEmpty else { return }
            if !common.json, shownCount == 0 { try context.console.write("\n") }
            shownCount += shown.count
            if common.json {
                for image in shown { try context.console.write(image.json(job: job)) }
            } else if failed {
                for image in shown {
                    let failure = image.failure.map { "\($0.code): \($0.reason)" } ?? image.state.name
                    try context.console.write(
                        Table.printable("\(job).\(image.index)  \(image.name)  \(failure)") + "\n")
                }
            } else {
                try context.console.write(table: Listing.images(shown, isColored: context.console.isColored))
            }
        }
        if shownCount == 0 {
            context.console.note("job \(job) has no \(failed ? "failed " : "")images", code: "no-images")
        }
    }
}

struct Jobs: ClientCommand {
    static let configuration = CommandConfiguration(
        abstract: "List jobs, the newest first.",
        usage: "tessera jobs [--state STATE] [--submitter NAME] [--since TIME] [options]",
        discussion: """
            Examples:
              tessera jobs --state running
              tessera jobs --state failed --state partly-failed --since 24h
              tessera jobs --submitter ada@atlas --limit 100
            """)

    @Option(help: ArgumentHelp("How many, from 1 to \(JobFilter.limits.upperBound).", valueName: "n"))
    var limit = 20

    @Option(help: JobArgument.help("Only jobs before this one."), transform: JobArgument.init)
    var before: JobArgument?

    @Option(
        help: ArgumentHelp(
            "Only jobs in this state: \(JobFilter.stateNames). May be given several times.", valueName: "state"),
        completion: .list(JobFilter.states.map(\.name)), transform: JobFilter.state)
    var state: [JobSummary.State] = []

    @Option(help: ArgumentHelp("Only jobs of this submitter.", valueName: "name"))
    var submitter: String?

    @Option(help: ArgumentHelp("Only jobs that are at most this old, such as 30m, 24h or 7d.", valueName: "time"))
    var since: String?

    @OptionGroup var common: CommonOptions

    var isJSON: Bool { common.json }

    func validate() throws {
        guard JobFilter.limits.contains(limit) else {
            throw ValidationError(
                "--limit \(limit): must be from \(JobFilter.limits.lowerBound) to \(JobFilter.limits.upperBound)")
        }
        if submitter?.isEmpty == true { throw ValidationError("--submitter needs a name") }
        if let since, JobFilter.age(since) == nil {
            throw ValidationError("--since '\(since)': must be a length of time such as 30m, 24h or 7d")
        }
    }

    func execute(_ context: CommandContext) async throws -> ExitStatus {
        let settings = try await context.settings(common.flags)
        let filter = JobFilter(
            states: state, submitter: submitter,
            since: since.flatMap(JobFilter.age).map { context.now - min($0, context.now) })
        let (limit, before) = (limit, before?.job)
        let jobs = try await context.withMaster(settings) { session in
            try await filter.jobs(limit: limit, before: before, session: session)
        }
        if isJSON {
            for job in jobs { try context.console.write(job.json) }
        } else if jobs.isEmpty {
            context.console.note(filter.isEmpty && before == nil ? "there are no jobs" : "there are no such jobs")
        } else {
            try context.console.write(table: Listing.jobs(jobs, now: context.now, isColored: context.console.isColored))
        }
        return .done
    }
}

struct Cancel: ClientCommand {
    static let configuration = CommandConfiguration(
        abstract: "Cancel jobs; results that are done are kept.",
        usage: "tessera cancel JOB... [options]\n       tessera cancel --mine | --all [options]",
        discussion: """
            --mine are the jobs of your own submitter, user@host, that have not ended; --all are everybody's.

            Examples:
              tessera cancel 17
              tessera cancel 17 18 19
              tessera cancel --mine
            """)

    @Argument(help: JobArgument.help("The jobs' numbers."), transform: JobArgument.init)
    var jobs: [JobArgument] = []

    @Flag(help: "All jobs of your own submitter that have not ended.")
    var mine = false

    @Flag(help: "All jobs that have not ended, of every submitter.")
    var all = false

    @OptionGroup var common: CommonOptions

    var isJSON: Bool { common.json }

    func validate() throws {
        if let image = jobs.lazy.compactMap(\.image).first {
            throw ValidationError(
                "\(image) is one image, and only a job can be cancelled: tessera cancel \(image.job)")
        }
        guard [!jobs.isEmpty, mine, all].count(where: { $0 }) == 1 else {
            throw ValidationError("say which: JOB..., --mine or --all")
        }
    }

    func execute(_ context: CommandContext) async throws -> ExitStatus {
        let settings = try await context.settings(common.flags)
        let command = self
        return try await context.withMaster(settings) { session in
            let jobs = try await command.chosen(settings, session)
            if jobs.isEmpty { context.console.note("there are no jobs to cancel") }
            var statuses: [ExitStatus] = []
            for job in jobs {
                do {
                    try await session.perform { try await $0.cancel(job) }
                    try command.tell(try await session.perform { try await $0.job(job) }, context)
                    statuses.append(.done)
                } catch  where jobs.count > 1 && ClientError(error).kind == .failed {
                    // The others are still to be cancelled.
                    context.console.report(ClientError(error))
                    statuses.append(.failed)
                }
            }
            return ExitStatus.combined(statuses)
        }
    }

    private func chosen(_ settings: ClientSettings, _ session: MasterSession) async throws -> [JobID] {
        guard jobs.isEmpty else { return jobs.map(\.job) }
        let filter = JobFilter(states: [.open, .running], submitter: mine ? settings.submitter : nil)
        return try await filter.jobs(limit: .max, before: nil, session: session).map(\.id)
    }

    private func tell(_ summary: JobSummary, _ context: CommandContext) throws {
        try context.console.write(
            isJSON
                ? summary.json.text + "\n"
                : "job \(summary.id) is \(summary.state): \(summary.imagesDone) of "
                    + "\(Units.counted(summary.imageCount, "image")) done\n")
    }
}

struct Forget: ClientCommand {
    static let configuration = CommandConfiguration(
        abstract: "Forget finished jobs and their results, to make room.",
        usage: "tessera forget JOB... [options]",
        discussion: """
            What is not fetched by then is gone. Jobs that have not ended are refused: cancel them first. Results that \
            other jobs share stay with these.

            Examples:
              tessera forget 17
              tessera forget 17 18 19
            """)

    @Argument(help: JobArgument.help("The jobs' numbers."), transform: JobArgument.init)
    var jobs: [JobArgument]

    @OptionGroup var common: CommonOptions

    var isJSON: Bool { common.json }

    func validate() throws {
        if let image = jobs.lazy.compactMap(\.image).first {
            throw ValidationError("\(image) is one image, and only a job can be forgotten: tessera forget \(image.job)")
        }
    }

    func execute(_ context: CommandContext) async throws -> ExitStatus {
        let settings = try await context.settings(common.flags)
        let jobs = jobs.map(\.job)
        return try await context.withMaster(settings) { session in
            var failure: ClientError?
            var forgottenCount = 0
            for job in jobs {
                do {
                    try await session.perform { master, retry in
                        do {
                            try await master.forget(job)
                        } catch {
                            // The answer to the request before was lost with its connection, and the job is forgotten.
                            guard retry > 0, ClientError(error).code == "not-found" else { throw error }
                        }
                    }
                    forgottenCount += 1
                    if context.isJSON {
                        try context.console.write(["job": .integer(job.rawValue), "forgotten": .bool(true)] as JSON)
                    } else {
                        try context.console.write("job \(job) is forgotten\n")
                    }
                } catch {
                    // A refusal is about this job, and the others are forgotten all the same.
                    let refusal = ClientError(reporting: error)
                    guard refusal.kind == .failed, !Task.isCancelled else { throw error }
                    if jobs.count > 1 { context.console.report(refusal) }
                    failure = refusal
                }
            }
            guard let failure else { return .done }
            if jobs.count == 1 { throw failure }
            return forgottenCount == 0 ? .failed : .partlyFailed
        }
    }
}

struct Workers: ClientCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the workers.", usage: "tessera workers [options]",
        discussion: """
            A worker is alive, draining (it gets no new work), not-ready (it cannot run tasks, and says why), suspect (it has \
            been silent for too long to get any) or gone. \
            DONE, LOST and FAILED count since the master's start, which also gives workers new numbers. Workers that are gone \
            stay in the list until newer ones take their place, or the master starts again.

            Examples:
              tessera workers
              tessera workers --json | jq -r 'select(.state == "alive") | .name'
            """)

    @OptionGroup var common: CommonOptions

    var isJSON: Bool { common.json }

    func execute(_ context: CommandContext) async throws -> ExitStatus {
        let settings = try await context.settings(common.flags)
        let workers = try await context.withMaster(settings) { session in
            try await session.perform { try await $0.workers() }
        }
        if isJSON {
            for worker in workers { try context.console.write(worker.json) }
        } else if workers.isEmpty {
            context.console.note("there are no workers; start one with tessera-worker --master \(settings.masters)")
        } else {
            try context.console.write(table: Listing.workers(workers, isColored: context.console.isColored))
        }
        return .done
    }
}

struct Drain: ClientCommand {
    static let configuration = CommandConfiguration(
        abstract: "Give a worker no new work, so that it can be stopped.",
        usage: "tessera drain WORKER [--resume] [options]",
        discussion: """
            The tasks that it is computing continue. --resume gives it work again. A number such as w3 always means the worker \
            with that number, even if another one is called so.

            Examples:
              tessera drain w3
              tessera drain w3 --resume
            """)

    @Argument(help: ArgumentHelp("The worker's number, such as w3, or its name.", valueName: "worker"))
    var worker: String

    @Flag(help: "Give it work again.")
    var resume = false

    @OptionGroup var common: CommonOptions

    var isJSON: Bool { common.json }

    func execute(_ context: CommandContext) async throws -> ExitStatus {
        let settings = try await context.settings(common.flags)
        let (worker, resume) = (worker, resume)
        try await context.withMaster(settings) { session in
            try await session.perform { try await $0.drain(worker, resume: resume) }
        }
        if isJSON {
            try context.console.write(["worker": .string(worker), "draining": .bool(!resume)] as JSON)
        } else {
            try context.console.write(
                resume
                    ? "\(worker) gets work again\n" : "\(worker) gets no new work; 'tessera workers' shows its leases\n"
            )
        }
        return .done
    }
}

struct ReleaseWorker: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "release", abstract: "Give a quarantined worker work again.",
        usage: "tessera release WORKER [options]",
        discussion: """
            A worker is quarantined when an audit shows that it computed a wrong result; 'tessera workers' names the task. \
            Release it when the cause is mended, such as a processor or memory that was exchanged.

            Examples:
              tessera release w3
              tessera release node-7
            """)

    @Argument(
        help: ArgumentHelp("The worker's number, such as w3, or its name for all runs of it.", valueName: "worker"))
    var worker: String

    @OptionGroup var common: CommonOptions

    var isJSON: Bool { common.json }

    func execute(_ context: CommandContext) async throws -> ExitStatus {
        let settings = try await context.settings(common.flags)
        let worker = worker
        let count = try await context.withMaster(settings) { session in
            try await session.perform { try await $0.release(worker) }
        }
        if isJSON {
            try context.console.write(["worker": .string(worker), "released": .integer(count)] as JSON)
        } else {
            try context.console.write("\(worker) gets work again\n")
        }
        return .done
    }
}
