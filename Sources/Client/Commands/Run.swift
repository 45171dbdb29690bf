import ArgumentParser
import ClientKit
import JobModel

struct Run: ClientCommand {
    static let configuration = CommandConfiguration(
        abstract: "Submit images, wait, and fetch the results.",
        usage: "tessera run PIPELINE FILE... [-o PATH] [options]",
        discussion: """
            Results are written while later images are still computed. A pipeline that ends with a feature operation \
            (components, contours ...) draws what it finds; with -o FILE.json, or --json and no -o, it gives a JSON document; \
            histogram gives a table with -o FILE.csv. \
            Interrupted by Ctrl-C, the job continues without \
            this command; 'tessera fetch' continues where it stopped.

            Examples:
              tessera run 'gaussian-blur sigma=3' photo.png -o blurred.png
              tessera run 'median size=5 | sobel' scans/*.png -o edges/
              tessera run 'overlay image=logo.png gravity=south-east' *.jpg -o web/
              tessera run 'otsu | components' page.png -o regions.json
              tessera run invert - < photo.png > inverted.png
            """)

    @Argument(help: "Operations joined by '|', such as 'gaussian-blur sigma=3 | sobel'.")
    var pipeline: String

    @Argument(help: ArgumentHelp("Images to process; - for standard input.", valueName: "file"), completion: .file())
    var files: [String] = []

    @OptionGroup var list: InputListOption

    @OptionGroup var output: OutputOptions

    @Flag(help: "Allow a result to replace an input file.")
    var overwrite = false

    @Flag(help: "Replace no file: refuse to begin when a result's place is taken.")
    var noClobber = false

    @OptionGroup var jobOptions: JobOptionFlags
    @OptionGroup var common: CommonOptions

    var isJSON: Bool { common.json }

    func validate() throws {
        try list.requireFiles(files, after: pipeline, of: "run", options: output.words)
        if overwrite, noClobber { throw ValidationError("--overwrite and --no-clobber exclude each other") }
    }

    func execute(_ context: CommandContext) async throws -> ExitStatus {
        let settings = try await context.settings(common.flags + jobOptions.flags)
        try settings.refuseStrays(pipeline, files, of: "run", options: output.words + list.words)
        let output = output.output
        let result = try ResultRequest(
            pipeline: settings.pipeline(pipeline, region: jobOptions.roi), output: output, isJSON: context.isJSON,
            region: jobOptions.roi)
        let files = try list.adding(to: files)
        let target = try OutputTarget(option: output, imageCount: files.count, kind: result.kind)
        if context.isJSON, target == .standardOutput, !result.isPrinted {
            throw ClientError.usage("--json and the image cannot share standard output; write to a file with -o FILE")
        }
        let attached = try await InputFormat.attachments(of: result.pipeline)
        let encoding = try settings.encoding(output: output)
        let request = try settings.jobRequest(pipeline: attached.pipeline, encoding: encoding)
        let inputs = try JobInputs(files, for: request, context: context)
        let places = try inputs.places(
            in: target, kind: result.kind, encoding: encoding, mayReplaceInputs: overwrite,
            mayReplace: !noClobber)
        let renamings = NoteLimit()
        for renaming in places.renamed where renamings.mayTell() {
            context.console.note(renaming.text, code: "renamed")
        }
        renamings.tellRest(context.console, "results have other names than their images")
        var report = try await context.run(
            inputs, as: request, attaching: attached.inputs, into: places.places, mayReplace: !noClobber,
            listsImages: !result.isPrinted,
            settings: settings)
        report.tellsSuccess = context.tellsSuccess(settings)
        report.destination = output
        report.remark = jobOptions.roi.map { "the `crop` at the pipeline's end is --roi \($0)" }
        return report.tell(context, listsSummary: !result.isPrinted)
    }
}

struct Submit: ClientCommand {
    static let configuration = CommandConfiguration(
        abstract: "Submit images as a job, and watch it.",
        usage: "tessera submit PIPELINE FILE... [--detach] [options]",
        discussion: """
            The job's number is the first word on standard output.

            Examples:
              tessera submit --detach 'median size=5' scans/*.png
              job=$(tessera submit --detach invert a.png | cut -d' ' -f1)
              tessera fetch $job -o b.png
            """)

    @Argument(help: "Operations joined by '|', such as 'gaussian-blur sigma=3 | sobel'.")
    var pipeline: String

    @Argument(help: ArgumentHelp("Images to process; - for standard input.", valueName: "file"), completion: .file())
    var files: [String] = []

    @OptionGroup var list: InputListOption

    @Flag(help: "Return as soon as the job is accepted.")
    var detach = false

    @OptionGroup var jobOptions: JobOptionFlags
    @OptionGroup var common: CommonOptions

    var isJSON: Bool { common.json }

    func execute(_ context: CommandContext) async throws -> ExitStatus {
        let settings = try await context.settings(common.flags + jobOptions.flags)
        try settings.refuseStrays(pipeline, files, of: "submit", options: list.words + detachWord)
        let attached = try await InputFormat.attachments(of: settings.pipeline(pipeline, region: jobOptions.roi))
        let request = try settings.jobRequest(pipeline: attached.pipeline)
        let inputs = try JobInputs(list.adding(to: files), for: request, context: context)
        let detach = detach
        var report = try await context.withMaster(settings) { session in
            try await context.withProgress(settings, of: session) { progress in
                let submission = Submission(
                    inputs.files, as: request, attaching: attached.inputs, session: session)
                let outcome = try await submission.run { event in progress.update { $0.update(with: event) } }
                let count = outcome.imageCount
                if context.isJSON {
                    try context.console.write(
                        ["job": .integer(outcome.job.rawValue), "image_count": .integer(count)] as JSON)
                } else {
                    try context.console.write("\(outcome.job)  \(Units.counted(count, "image"))\n")
                }
                var report = JobReport(job: outcome.job, complaints: inputs.complaints + outcome.complaints)
                if detach { return report }
                return try await waiting(for: outcome.job) {
                    try await report.follow(session: session, progress: progress, context: context)
                    return report
                }
            }
        }
        report.tellsSuccess = context.tellsSuccess(settings)
        return report.tell(context)
    }

    func validate() throws {
        try list.requireFiles(files, after: pipeline, of: "submit", options: detachWord)
    }

    private var detachWord: [String] { detach ? ["--detach"] : [] }
}

extension CommandContext {
    /// Connects, runs a job from its submission to its last result, and shows its progress.
    /// - Parameter listsImages: whether each image is told as it ends, to programs that asked for JSON.
    func run(
        _ inputs: JobInputs, as request: JobRequest, attaching attachments: [JobUpload.HashedInput],
        into places: [ResultPlace], mayReplace: Bool = true, listsImages: Bool, settings: ClientSettings
    ) async throws -> JobReport {
        let (context, console, listsImages) = (self, console, isJSON && listsImages)
        let unwritten = NoteLimit()
        return try await withMaster(settings) { session in
            try await withProgress(settings, of: session) { progress in
                let observer = JobRun.Observer(
                    submission: { event in progress.update { $0.update(with: event) } },
                    changed: { summary in progress.update { $0.update(with: summary, keepingImageCount: true) } },
                    imageEnded: { job, image, place in
                        if listsImages { try console.write(image.json(job: job, place: place)) }
                    },
                    unwritten: { job, result in context.tell(result, of: job, unwritten) })
                let outcome = try await JobRun(
                    inputs.files, as: request, attaching: attachments, into: places, mayReplace: mayReplace,
                    session: session, observer: observer
                ).run()
                var report = JobReport(job: outcome.summary.id, complaints: inputs.complaints + outcome.complaints)
                report.summary = outcome.summary
                report.fetchedCount = outcome.fetchedCount
                report.failures = outcome.failures
                report.remarked = outcome.remarked
                report.unwrittenCount = outcome.unwrittenCount
                return report
            }
        }
    }

    /// Says that a result could not be put into its place, when that happens.
    func tell(_ result: UnwrittenResult, of job: JobID, _ limit: NoteLimit) {
        guard limit.mayTell() else { return }
        console.report(
            ClientError(result.error.code, "image \(job).\(result.image.index): \(result.error.message)"))
    }
}
