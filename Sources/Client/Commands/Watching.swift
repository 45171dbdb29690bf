import ArgumentParser
import ClientKit
import JobModel

struct Watch: ClientCommand {
    static let configuration = CommandConfiguration(abstract: "Show a job's progress until it ends.")

    @Argument(help: ArgumentHelp("The job's number.", valueName: "job"))
    var job: JobID

    @OptionGroup var common: CommonOptions

    var isJSON: Bool { common.json }

    func execute(_ context: CommandContext) async throws -> ExitStatus {
        let settings = try await context.settings(common.flags)
        let job = job
        let report = try await context.withMaster(settings) { session in
            try await context.withProgress(settings) { progress in
                try await waiting(for: job) {
                    var report = JobReport(job: job)
                    try await report.follow(session: session, progress: progress, context: context)
                    return report
                }
            }
        }
        let status = report.tell(context)
        if status == .done, !context.isJSON, let summary = report.summary {
            context.console.note(
                "job \(job): \(Units.counted(summary.imagesDone, "image")) done in "
                    + Units.duration(summary.duration(now: context.now)))
        }
        return status
    }
}

struct Wait: ClientCommand {
    static let configuration = CommandConfiguration(
        abstract: "Wait for jobs to end, and say how.",
        discussion: "The exit status is 0 when all are done, 1 when all failed, 3 otherwise.")

    @Argument(help: ArgumentHelp("The jobs' numbers.", valueName: "job"))
    var jobs: [JobID]

    @OptionGroup var common: CommonOptions

    var isJSON: Bool { common.json }

    func execute(_ context: CommandContext) async throws -> ExitStatus {
        let settings = try await context.settings(common.flags)
        let (jobs, common) = (jobs, common)
        return try await context.withMaster(settings) { session in
            var statuses: [ExitStatus] = []
            // One after the other is no slower: the last to end decides.
            for job in jobs {
                let summary = try await session.follow(job)
                if common.json {
                    try context.console.write(summary.json)
                } else {
                    try context.console.write(
                        "\(job)  \(summary.state)  \(summary.imagesDone)/\(summary.imageCount) images\n")
                }
                statuses.append(ExitStatus(summary.state))
            }
            return ExitStatus.combined(statuses)
        }
    }
}

struct Fetch: ClientCommand {
    static let configuration = CommandConfiguration(
        abstract: "Fetch a job's results, waiting for those that are not done yet.",
        discussion: """
            Results are written under their inputs' base names; when a name is there twice, later ones get their index \
            behind it (cat-17.png).
            """)

    @Argument(help: ArgumentHelp("The job's number.", valueName: "job"))
    var job: JobID

    @OptionGroup var output: OutputOptions

    @Flag(help: "Replace no file: a result whose place is taken is told and left with the master.")
    var noClobber = false

    @Option(help: ArgumentHelp("Fetch only this image, counted from 0.", valueName: "n"))
    var image: UInt32?

    @Flag(help: "Take what is there now; exit with 3 when something is missing.")
    var noWait = false

    @OptionGroup var common: CommonOptions

    var isJSON: Bool { common.json }

    func execute(_ context: CommandContext) async throws -> ExitStatus {
        let settings = try await context.settings(common.flags)
        let (job, image, noWait, option, noClobber) = (job, image, noWait, output.output, noClobber)
        let report = try await context.withMaster(settings) { session in
            try await context.withProgress(settings) { progress in
                try await waiting(for: job) {
                    let fetch = JobFetch(
                        context: context, session: session, progress: progress, job: job, mayReplace: !noClobber)
                    if let image { return try await fetch.one(image, to: option, waits: !noWait) }
                    return try await fetch.all(to: option, waits: !noWait)
                }
            }
        }
        let status = report.tell(context)
        guard let summary = report.summary, !summary.isFinal else { return status }
        context.console.note(
            "job \(job) is still \(summary.state): \(report.fetchedCount ?? 0) of "
                + "\(Units.counted(summary.imageCount, "image")) fetched", code: "not-finished")
        return .partlyFailed
    }
}
