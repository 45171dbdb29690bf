import JobModel
import Protocol
import Synchronization

/// `tessera run`: a submission, and the fetching of its results at the same time.
struct JobRun: Sendable {
    let context: CommandContext
    let session: MasterSession
    let progress: ProgressReporter
    let request: WireOpenJob
    let inputs: JobInputs
    /// Where the result of each input goes.
    let places: [Fetching.Place]
    /// Whether each image is told as it ends, to programs that asked for JSON.
    let listsImages: Bool

    /// Connects, runs the job, and shows its progress.
    /// - Throws: as `run()`.
    static func run(
        _ request: WireOpenJob, _ inputs: JobInputs, places: [Fetching.Place], listsImages: Bool,
        context: CommandContext, settings: ClientSettings
    ) async throws -> JobReport {
        try await context.withMaster(settings) { session in
            try await context.withProgress(settings) { progress in
                try await JobRun(
                    context: context, session: session, progress: progress, request: request, inputs: inputs,
                    places: places, listsImages: listsImages
                ).run()
            }
        }
    }

    /// - Throws: `ClientError` with the status `.interrupted`, which says what becomes of the job.
    func run() async throws -> JobReport {
        let submission = Submission(session: session, request: request, files: inputs.files, progress: progress)
        let sources = Submission.ImageSources()
        let (jobs, begun) = AsyncStream.makeStream(of: JobID.self)
        let isSealed = Atomic<Bool>(false)

        async let submitting = {
            defer { begun.finish() }
            let outcome = try await submission.run(sources: sources) { begun.yield($0) }
            isSealed.store(true, ordering: .releasing)
            return outcome
        }()
        for await job in jobs {
            do {
                var report = try await fetch(job, sources: sources)
                report.complaints += try await submitting.complaints
                return report
            } catch {
                // Before the job is complete, the submission's end is what the person must know.
                guard isSealed.load(ordering: .acquiring) else {
                    if !(error is CancellationError), !Task.isCancelled { throw error }
                    _ = try await submitting
                    throw error
                }
                return try await detaching(from: job) { throw error }
            }
        }
        // No job came so far: the submission says why.
        _ = try await submitting
        throw CancellationError()
    }

    private func fetch(_ job: JobID, sources: Submission.ImageSources) async throws -> JobReport {
        var report = JobReport(job: job, complaints: inputs.complaints)
        let (places, console, listsImages) = (places, context.console, context.isJSON && listsImages)
        var fetching = Fetching(session: session) { image in
            guard let position = sources.position(of: image.index) else {
                throw ClientError(
                    "protocol", "the master lists image \(image.index) of job \(job), which was not sent",
                    status: .unreachable)
            }
            return places[position]
        } finished: { image, place in
            if listsImages { try console.write(image.json(job: job, place: place)) }
        }
        let follower = JobFollower(session: session, progress: progress)
        report.summary = try await fetching.follow(job, with: follower, imageCount: inputs.files.count)
        report.fetchedCount = fetching.fetchedCount
        report.failures = fetching.failures.sorted { $0.index < $1.index }
        return report
    }
}
