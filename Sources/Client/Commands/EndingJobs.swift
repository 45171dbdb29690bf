import ArgumentParser
import ClientKit
import JobModel

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
