import Pipelines
import ClientKit
import JobModel
import Names

/// `tessera fetch`: the results of a job that was submitted earlier.
struct JobFetch: Sendable {
    let context: CommandContext
    let session: MasterSession
    let progress: ProgressReporter
    let job: JobID
    /// Whether a result may replace a file.
    let mayReplace: Bool

    /// Fetches the results of all images.
    /// - Parameters:
    ///   - option: the value of `-o`.
    ///   - waits: whether to wait for images that are not done yet.
    func all(to option: String?, waits: Bool) async throws -> JobReport {
        let job = job
        let summary = try await session.perform { try await $0.job(job) }
        // An open job may get more images than it has now.
        let target = try OutputTarget(
            option: option, imageCount: summary.isSealed ? summary.imageCount : nil, kind: summary.resultKind)
        try refuseMixedOutput(target)
        if case .file(let path) = target {
            let image = try await session.image(ImageID(job: job, index: 0))
            try OutputTarget.refuseOtherFormat(path, image.fileExtension(summary.resultKind))
        }
        let longest = try check(target)

        var register = OutputNameRegister(longest: longest)
        let context = context
        let (renamings, unwritten) = (NoteLimit(), NoteLimit())
        let place: (ImageStatus) -> ResultPlace = { image in
            Self.place(of: image, in: target, context, renamings) {
                register.claim(image.name, index: image.index, fileExtension: image.fileExtension(summary.resultKind))
            }
        }
        var fetching = Fetching(session: session, place: place, mayReplace: mayReplace) { image, place in
            if context.isJSON { try context.console.write(image.json(job: job, place: place)) }
        } unwritten: { result in
            context.tell(result, of: job, unwritten)
        }
        var report = JobReport(job: job)
        if waits {
            let progress = progress
            report.summary = try await fetching.follow(job) { summary in
                progress.update { $0.update(with: summary) }
            }
        } else {
            try await fetching.fetchWhatIsDone(of: job, isFinal: true)
            report.summary = summary
        }
        report.fetchedCount = fetching.fetchedCount
        report.failures = fetching.failures.sorted { $0.index < $1.index }
        report.remarked = fetching.remarked.sorted { $0.index < $1.index }
        report.unwrittenCount = fetching.unwrittenCount
        renamings.tellRest(context.console, "results have other names than their images")
        return report
    }

    /// Finds what prevents the results before they are waited for, and makes their directory.
    /// - Returns: the most bytes that a name may have in the directory.
    private func check(_ target: OutputTarget) throws(ClientError) -> Int {
        switch target {
        case .standardOutput: break
        case .file(let path): try OutputFile.check(.file(path), mayReplace: mayReplace)
        case .directory(let path): return try OutputFile.makeDirectory(path)
        }
        return OutputNaming.usualLongestName
    }

    /// The place of an image's result; a name that is not the image's is told.
    private static func place(
        of image: ImageStatus, in target: OutputTarget, _ context: CommandContext, _ renamings: NoteLimit,
        named name: () -> OutputNaming.ResultName
    ) -> ResultPlace {
        switch target {
        case .standardOutput: return .standardOutput
        case .file(let path): return .file(path)
        case .directory(let path):
            let name = name()
            let place = ResultPlace.entry(name.file, of: path)
            if let change = name.change, renamings.mayTell() {
                context.console.note(
                    Renaming(label: image.name, place: place, change: change).text, code: "renamed")
            }
            return place
        }
    }

    /// Fetches the result of one image.
    func one(_ index: UInt32, to option: String?, waits: Bool) async throws -> JobReport {
        let (job, id) = (job, ImageID(job: job, index: index))
        var summary = try await session.perform { try await $0.job(job) }
        var image = try await session.image(id)
        let target = try OutputTarget(option: option, imageCount: 1, kind: summary.resultKind)
        if case .file(let path) = target {
            try OutputTarget.refuseOtherFormat(path, image.fileExtension(summary.resultKind))
        }
        try refuseMixedOutput(target)
        if !image.state.isFinal, waits, !summary.isFinal {
            (image, summary) = try await session.wait(for: id) { summary in
                progress.update { $0.update(with: summary) }
            }
        }
        guard image.state == .done else {
            let why = image.failure.map { "\($0.code): \($0.reason)" } ?? "it is \(image.state)"
            throw ClientError("no-result", "image \(id) ('\(ShownText.of(image.name))') has no result: \(why)")
        }
        let longest = try check(target)
        let place = Self.place(of: image, in: target, context, NoteLimit()) {
            OutputNaming.name(
                for: image.name, index: index, fileExtension: image.fileExtension(summary.resultKind), longest: longest)
        }
        try await session.fetch(image, to: place, mayReplace: mayReplace)
        if context.isJSON { try context.console.write(image.json(job: job, place: place)) }
        // The end of the other images is not what was asked for: the report is without a summary.
        var report = JobReport(job: job)
        report.fetchedCount = 1
        if !image.remarks.isEmpty { report.remarked = [image] }
        return report
    }

    private func refuseMixedOutput(_ target: OutputTarget) throws(ClientError) {
        if context.isJSON, target == .standardOutput {
            throw .usage("--json and the image cannot share standard output; write to a file with -o FILE")
        }
    }
}

extension JobSummary {
    /// The kind of the job's results; a pipeline that only a newer release can read is taken for one that gives images.
    var resultKind: ResultKind { (try? PipelineCache.shared.pipeline(pipeline))?.resultKind ?? .image }
}
