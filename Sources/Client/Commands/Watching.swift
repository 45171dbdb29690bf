import ArgumentParser
import ClientKit
import JobModel

struct Watch: ClientCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the progress of a job, or of one image of it, until it ends.",
        usage: "tessera watch JOB | JOB.N [options]",
        discussion: """
            Examples:
              tessera watch 17
              tessera watch 17.3
            """)

    @Argument(
        help: JobArgument.help("A job, such as 17, or an image of it, such as 17.3."), transform: JobArgument.init)
    var job: JobArgument

    @OptionGroup var common: CommonOptions

    var isJSON: Bool { common.json }

    func execute(_ context: CommandContext) async throws -> ExitStatus {
        let settings = try await context.settings(common.flags)
        if let image = job.image { return try await watch(image, settings, context) }
        let job = job.job
        let report = try await context.withMaster(settings) { session in
            try await context.withProgress(settings, of: session) { progress in
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

    private func watch(
        _ image: ImageID, _ settings: ClientSettings, _ context: CommandContext
    ) async throws -> ExitStatus {
        let status = try await context.withMaster(settings) { session in
            try await context.withProgress(settings, of: session) { progress in
                try await waiting(for: image.job) {
                    try await session.wait(for: image) { summary in progress.update { $0.update(with: summary) } }.image
                }
            }
        }
        if isJSON {
            try context.console.write(status.json(job: image.job))
        } else {
            context.console.note(status.ending(image))
        }
        return ExitStatus(status.state)
    }
}

struct Wait: ClientCommand {
    static let configuration = CommandConfiguration(
        abstract: "Wait for jobs or images to end, and say how.",
        usage: "tessera wait JOB... [options]",
        discussion: """
            The exit status is 0 when all are done, 1 when all failed, 3 otherwise.

            Examples:
              tessera wait 17 && tessera fetch 17 -o results/
              tessera wait 17 18 20.3
            """)

    @Argument(
        help: JobArgument.help("Jobs, such as 17, or images of them, such as 17.3."), transform: JobArgument.init)
    var jobs: [JobArgument]

    @OptionGroup var common: CommonOptions

    var isJSON: Bool { common.json }

    func execute(_ context: CommandContext) async throws -> ExitStatus {
        let settings = try await context.settings(common.flags)
        let (jobs, isJSON) = (jobs, isJSON)
        return try await context.withMaster(settings) { session in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await context.tellAttendance(session, settings) { true } }
                defer { group.cancelAll() }
                var statuses: [ExitStatus] = []
                // One after the other is no slower: the last to end decides.
                for job in jobs {
                    switch job {
                    case .job(let job):
                        let summary = try await session.follow(job)
                        try context.console.write(
                            isJSON
                                ? summary.json.text + "\n"
                                : "\(job)  \(summary.state)  \(summary.imagesDone)/\(summary.imageCount) images\n")
                        statuses.append(ExitStatus(summary.state))
                    case .image(let image):
                        let status = try await session.wait(for: image).image
                        try context.console.write(
                            isJSON ? status.json(job: image.job).text + "\n" : "\(image)  \(status.state)\n")
                        statuses.append(ExitStatus(status.state))
                    }
                }
                return ExitStatus.combined(statuses)
            }
        }
    }
}

struct Fetch: ClientCommand {
    static let configuration = CommandConfiguration(
        abstract: "Fetch a job's results, waiting for those that are not done yet.",
        usage: "tessera fetch JOB | JOB.N [-o PATH] [--no-wait] [options]",
        discussion: """
            Results are written under their inputs' base names; if a name occurs twice, later ones get their index appended \
            (cat-17.png).

            Examples:
              tessera fetch 17 -o results/
              tessera fetch 17.3 -o cat.png        one image, the fourth
              tessera fetch 17 --no-wait -o results/
            """)

    @Argument(
        help: JobArgument.help("A job, such as 17, or an image of it, such as 17.3."), transform: JobArgument.init)
    var job: JobArgument

    @OptionGroup var output: OutputOptions

    @Flag(help: "Replace no file: a result whose place is taken is told and left with the master.")
    var noClobber = false

    @Option(help: ArgumentHelp("Fetch only this image, counted from 0: --image 3 of job 17 is 17.3.", valueName: "n"))
    var image: String?

    @Flag(help: "Take what is there now; exit with 3 when something is missing.")
    var noWait = false

    @OptionGroup var common: CommonOptions

    var isJSON: Bool { common.json }

    func execute(_ context: CommandContext) async throws -> ExitStatus {
        let settings = try await context.settings(common.flags)
        let (job, image, noWait, option, noClobber) = (
            job.job, try chosenImage(), noWait, output.output, noClobber
        )
        var report = try await context.withMaster(settings) { session in
            try await context.withProgress(settings, of: session) { progress in
                try await waiting(for: job) {
                    let fetch = JobFetch(
                        context: context, session: session, progress: progress, job: job, mayReplace: !noClobber)
                    if let image { return try await fetch.one(image, to: option, waits: !noWait) }
                    return try await fetch.all(to: option, waits: !noWait)
                }
            }
        }
        report.tellsSuccess = context.tellsSuccess(settings)
        report.destination = option
        let status = report.tell(context)
        guard let summary = report.summary, !summary.isFinal else { return status }
        context.console.note(
            "job \(job) is still \(summary.state): \(report.fetchedCount ?? 0) of "
                + "\(Units.counted(summary.imageCount, "image")) fetched", code: "not-finished")
        return .partlyFailed
    }

    func validate() throws { _ = try chosenImage() }

    /// The position of the image that is named by `JOB.N` or `--image`.
    func chosenImage() throws -> UInt32? {
        guard let image else { return job.image?.index }
        let named: UInt32? =
            if let index = UInt32(image) {
                index
            } else if case .image(let id)? = try? JobArgument(argument: image),
                id.job == job.job
            { id.index } else { nil }
        guard let named else {
            throw ValidationError("--image \(image): must be a position from 0 on, such as 3, or \(job.job).3")
        }
        guard job.image == nil || job.image?.index == named else {
            throw ValidationError(
                "--image \(image) and \(job.job).\(job.image?.index ?? 0) are two images; fetch one, or the job")
        }
        return named
    }
}

extension ImageStatus {
    /// How the image ended, for a person.
    fileprivate func ending(_ id: ImageID) -> String {
        let why = failure.map { ": \($0.code): \($0.reason)" } ?? ""
        return Table.printable("image \(id) ('\(name)') is \(state)\(why)")
    }
}
