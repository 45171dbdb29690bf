import Pipelines
import JobModel
import Protocol

/// `tessera fetch`: the results of a job that someone submitted earlier.
struct JobFetch: Sendable {
    let context: CommandContext
    let session: MasterSession
    let progress: ProgressReporter
    let job: JobID

    /// - Parameters:
    ///   - option: the value of `-o`.
    ///   - waits: whether to wait for images that are not done yet.
    func all(to option: String?, waits: Bool) async throws -> JobReport {
        let job = job
        let summary = try await session.perform { try await $0.job(job) }
        // An open job may get more images than it has now.
        let target = try OutputTarget(
            option: option, imageCount: summary.sealed ? Int(summary.imageCount) : nil, kind: summary.resultKind)
        try refuseMixedOutput(target)
        if case .directory(let path) = target { try OutputFile.makeDirectory(path) }

        var register = OutputNameRegister(kind: summary.resultKind)
        let (console, isJSON) = (context.console, context.isJSON)
        var fetching = Fetching(session: session) { image in
            switch target {
            case .standardOutput: return .standardOutput
            case .file(let path): return .file(path)
            case .directory(let folder):
                let prefix = folder.hasSuffix("/") ? folder : folder + "/"
                return .file(prefix + register.claim(image.name, index: image.index))
            }
        } finished: { image, place in
            if isJSON { try console.write(image.json(job: job, place: place)) }
        }
        var report = JobReport(job: job)
        if waits {
            let follower = JobFollower(session: session, progress: progress)
            report.summary = try await fetching.follow(job, with: follower)
        } else {
            try await fetching.fetchWhatIsDone(of: job, isFinal: true)
            report.summary = summary
        }
        report.fetchedCount = fetching.fetchedCount
        report.failures = fetching.failures.sorted { $0.index < $1.index }
        return report
    }

    /// Fetches the result of one image.
    func one(_ index: UInt32, to option: String?, waits: Bool) async throws -> JobReport {
        let job = job
        var summary = try await session.perform { try await $0.job(job) }
        var image = try await status(of: index)
        if !(image.imageState?.isFinal ?? false), waits, !summary.isFinal {
            (summary, image) = try await waitFor(index)
        }
        guard image.imageState == .done else {
            let why = image.hasFailure ? "\(image.failure.code): \(image.failure.reason)" : "it is \(image.state)"
            throw ClientError("no-result", "image \(job).\(index) ('\(image.name)') has no result: \(why)")
        }
        let target = try OutputTarget(option: option, imageCount: 1, kind: summary.resultKind)
        try refuseMixedOutput(target)
        let place: Fetching.Place
        switch target {
        case .standardOutput: place = .standardOutput
        case .file(let path): place = .file(path)
        case .directory(let folder):
            try OutputFile.makeDirectory(folder)
            place = .file(
                (folder.hasSuffix("/") ? folder : folder + "/")
                    + OutputNaming.name(for: image.name, index: index, kind: summary.resultKind))
        }
        try await Fetching.fetch(image, to: place, session: session)
        if context.isJSON { try context.console.write(image.json(job: job, place: place)) }
        // The end of the other images is not what was asked for.
        var report = JobReport(job: job)
        report.fetchedCount = 1
        return report
    }

    /// Watches the job until the image has ended.
    private func waitFor(_ index: UInt32) async throws -> (WireJobSummary, WireImageStatus) {
        let (job, session, progress) = (job, session, progress)
        return try await session.perform { master in
            for try await summary in master.watch(job) {
                await session.answered()
                progress.update { $0.update(with: summary) }
                let image = try await status(of: index)
                if (image.imageState?.isFinal ?? false) || summary.isFinal { return (summary, image) }
            }
            throw CancellationError()
        }
    }

    private func status(of index: UInt32) async throws -> WireImageStatus {
        let job = job
        let (images, imageCount) = try await session.perform { try await $0.images(job, first: index) }
        guard let image = images.first, image.index == index else {
            throw ClientError(
                "not-found",
                imageCount == 0
                    ? "job \(job) has no images" : "job \(job) has images 0 to \(imageCount - 1), but no image \(index)"
            )
        }
        return image
    }

    private func refuseMixedOutput(_ target: OutputTarget) throws(ClientError) {
        if context.isJSON, target == .standardOutput {
            throw .usage("--json and the image cannot share standard output; write to a file with -o FILE")
        }
    }
}

extension WireJobSummary {
    /// What the job's results are; a pipeline that only a newer release can read is taken for one that gives images.
    var resultKind: ResultKind { (try? Pipeline(parsing: pipeline))?.resultKind ?? .image }
}
