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
