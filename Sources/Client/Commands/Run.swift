import ArgumentParser
import JobModel
import Protocol

struct Run: ClientCommand {
    static let configuration = CommandConfiguration(
        abstract: "Submit images, wait, and fetch the results.",
        discussion: """
            Results are written while later images are still computed. A pipeline that ends with a feature operation \
            (components, contours ...) draws what it finds; with -o FILE.json, or --json and no -o, it gives a JSON document. \
            Interrupted by Ctrl-C, the job goes on without \
            this command; 'tessera fetch' takes up where it left off.
            """)

    @Argument(help: "Operations joined by '|', such as 'gaussian-blur sigma=3 | sobel'.")
    var pipeline: String

    @Argument(help: ArgumentHelp("Images to process; - for standard input.", valueName: "file"))
    var files: [String]

    @OptionGroup var output: OutputOptions

    @Flag(help: "Allow a result to replace an input file.")
    var overwrite = false

    @OptionGroup var jobOptions: JobOptionFlags
    @OptionGroup var common: CommonOptions

    var isJSON: Bool { common.json }

    func execute(_ context: CommandContext) async throws -> ExitStatus {
        let settings = try await context.settings(common.flags + jobOptions.flags)
        let result = try ResultRequest(
            pipeline: settings.pipeline(pipeline, region: jobOptions.roi), output: output.output, isJSON: context.isJSON
        )
        let target = try OutputTarget(option: output.output, imageCount: files.count, kind: result.kind)
        if context.isJSON, target == .standardOutput, !result.isPrinted {
            throw ClientError.usage("--json and the image cannot share standard output; write to a file with -o FILE")
        }
        let inputs = try JobInputs(files, context: context)
        let places = try inputs.places(in: target, kind: result.kind, mayReplaceInputs: overwrite)
        if case .directory(let path) = target { try OutputFile.makeDirectory(path) }
        let request = try settings.openJob(pipeline: result.pipeline, token: Randomness.hexadecimal(byteCount: 16))

        let report = try await JobRun.run(
            request, inputs, places: places, listsImages: !result.isPrinted, context: context, settings: settings)
        return report.tell(context, listsSummary: !result.isPrinted)
    }
}

struct Submit: ClientCommand {
    static let configuration = CommandConfiguration(
        abstract: "Submit images as a job, and watch it.",
        discussion: "The job's number is the first word on standard output.")

    @Argument(help: "Operations joined by '|', such as 'gaussian-blur sigma=3 | sobel'.")
    var pipeline: String

    @Argument(help: ArgumentHelp("Images to process; - for standard input.", valueName: "file"))
    var files: [String]

    @Flag(help: "Return as soon as the job is accepted.")
    var detach = false

    @OptionGroup var jobOptions: JobOptionFlags
    @OptionGroup var common: CommonOptions

    var isJSON: Bool { common.json }

    func execute(_ context: CommandContext) async throws -> ExitStatus {
        let settings = try await context.settings(common.flags + jobOptions.flags)
        let pipeline = try settings.pipeline(pipeline, region: jobOptions.roi)
        let inputs = try JobInputs(files, context: context)
        let request = try settings.openJob(pipeline: pipeline, token: Randomness.hexadecimal(byteCount: 16))
        let detach = detach
        let report = try await context.withMaster(settings) { session in
            try await context.withProgress(settings) { progress in
                let submission = Submission(session: session, request: request, files: inputs.files, progress: progress)
                let outcome = try await submission.run(sources: Submission.ImageSources()) { _ in }
                let count = inputs.files.count - outcome.complaints.count
                if context.isJSON {
                    try context.console.write(
                        ["job": .integer(outcome.job.rawValue), "image_count": .integer(count)] as JSON)
                } else {
                    try context.console.write("\(outcome.job)  \(Units.counted(count, "image"))\n")
                }
                var report = JobReport(job: outcome.job, complaints: inputs.complaints + outcome.complaints)
                if detach { return report }
                return try await detaching(from: outcome.job) {
                    try await report.follow(session: session, progress: progress, context: context)
                    return report
                }
            }
        }
        return report.tell(context)
    }
}
