import Pipelines
import ClientKit
import JobModel

/// `tessera fetch`: the results of a job that was submitted earlier.
struct JobFetch: Sendable {
    let context: CommandContext
    let session: MasterSession
    let progress: ProgressReporter
    let job: JobID

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
        if case .directory(let path) = target { try OutputFile.makeDirectory(path) }

        var register = OutputNameRegister(kind: summary.resultKind)
        let (console, isJSON) = (context.console, context.isJSON)
        var fetching = Fetching(session: session) { image in
            target.place { register.claim(image.name, index: image.index) }
        } finished: { image, place in
            if isJSON { try console.write(image.json(job: job, place: place)) }
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
        return report
    }

    /// Fetches the result of one image.
    func one(_ index: UInt32, to option: String?, waits: Bool) async throws -> JobReport {
        let (job, id) = (job, ImageID(job: job, index: index))
        var summary = try await session.perform { try await $0.job(job) }
        var image = try await session.image(id)
        if !image.state.isFinal, waits, !summary.isFinal {
            (image, summary) = try await session.wait(for: id) { summary in
                progress.update { $0.update(with: summary) }
            }
        }
        guard image.state == .done else {
            let why = image.failure.map { "\($0.code): \($0.reason)" } ?? "it is \(image.state)"
            throw ClientError("no-result", "image \(id) ('\(image.name)') has no result: \(why)")
        }
        let target = try OutputTarget(option: option, imageCount: 1, kind: summary.resultKind)
        try refuseMixedOutput(target)
        if case .directory(let path) = target { try OutputFile.makeDirectory(path) }
        let place = target.place { OutputNaming.name(for: image.name, index: index, kind: summary.resultKind) }
        try await session.fetch(image, to: place)
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
