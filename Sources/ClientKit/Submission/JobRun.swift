public import JobModel

/// A submission, and the fetching of its results at the same time.
public struct JobRun: Sendable {
    private let session: MasterSession
    private let request: JobRequest
    private let inputs: [any ImageInput]
    private let attachments: [JobUpload.HashedInput]
    private let places: [ResultPlace]
    private let mayReplace: Bool
    private let observer: Observer

    /// - Parameters:
    ///   - attachments: what the request's pipeline names besides each image; see `AttachedFiles`.
    ///   - places: the place of the result of each input, in their order.
    ///   - mayReplace: whether a result may replace a file that is in its place.
    /// - Precondition: there are as many places as inputs.
    public init(
        _ inputs: [any ImageInput], as request: JobRequest, attaching attachments: [JobUpload.HashedInput] = [],
        into places: [ResultPlace], mayReplace: Bool = true, session: MasterSession, observer: Observer = Observer()
    ) {
        precondition(places.count == inputs.count, "\(places.count) places for the results of \(inputs.count) inputs")
        self.session = session
        self.request = request
        self.inputs = inputs
        self.attachments = attachments
        self.places = places
        self.mayReplace = mayReplace
        self.observer = observer
    }

    /// Functions that are told of the steps of a run.
    public struct Observer: Sendable {
        public var submission: @Sendable (SubmissionEvent) -> Void
        /// A new summary of the job, the final one included; an error ends the run.
        public var changed: @Sendable (JobSummary) throws -> Void
        /// An image ended: the place of its result, `nil` when there is none; an error ends the run.
        public var imageEnded: @Sendable (JobID, ImageStatus, ResultPlace?) throws -> Void
        /// A result could not be put into its place; the run continues.
        public var unwritten: @Sendable (JobID, UnwrittenResult) -> Void

        public init(
            submission: @escaping @Sendable (SubmissionEvent) -> Void = { _ in },
            changed: @escaping @Sendable (JobSummary) throws -> Void = { _ in },
            imageEnded: @escaping @Sendable (JobID, ImageStatus, ResultPlace?) throws -> Void = { _, _, _ in },
            unwritten: @escaping @Sendable (JobID, UnwrittenResult) -> Void = { _, _ in }
        ) {
            self.submission = submission
            self.changed = changed
            self.imageEnded = imageEnded
            self.unwritten = unwritten
        }
    }

    /// How a run ended.
    public struct Outcome: Sendable {
        /// Final.
        public let summary: JobSummary
        public let fetchedCount: Int
        /// Images without a result, in their order; at most 1000 of them.
        public let failures: [ImageStatus]
        /// Images that are done and have remarks, in their order; at most 1000 of them.
        public let remarked: [ImageStatus]
        /// Results that could not be put into their places, and are kept by the master; at most 1000 are listed.
        public let unwrittenCount: Int
        public let unwritten: [UnwrittenResult]
        /// Inputs that could not be read.
        public let complaints: [InputComplaint]
    }

    /// Runs the job to its end.
    /// - Throws: `SubmissionInterrupted` when it is cancelled before the job is complete, `WaitInterrupted` after that;
    ///   otherwise as `Submission.run` and `Fetching.follow`.
    public func run() async throws -> Outcome {
        let submission = Submission(inputs, as: request, attaching: attachments, session: session)
        let sources = Submission.ImageSources()
        let (jobs, begun) = AsyncStream.makeStream(of: JobID.self)

        async let submitting = {
            defer { begun.finish() }
            return try await submission.run(sources: sources) { event in
                observer.submission(event)
                if case .begun(let job) = event { begun.yield(job) }
            }
        }()
        for await job in jobs {
            do {
                let (summary, fetching) = try await fetch(job, sources: sources)
                return Outcome(
                    summary: summary, fetchedCount: fetching.fetchedCount,
                    failures: fetching.failures.sorted { $0.index < $1.index },
                    remarked: fetching.remarked.sorted { $0.index < $1.index },
                    unwrittenCount: fetching.unwrittenCount,
                    unwritten: fetching.unwritten.sorted { $0.image.index < $1.image.index },
                    complaints: try await submitting.complaints)
            } catch {
                guard Task.isCancelled || error is CancellationError else { throw error }
                break
            }
        }
        // Cancelled, or no job has begun: how the submission ended is what the caller must know.
        throw WaitInterrupted(job: try await submitting.job)
    }

    private func fetch(
        _ job: JobID, sources: Submission.ImageSources
    ) async throws -> (summary: JobSummary, fetching: Fetching) {
        let (places, observer) = (places, observer)
        let place: (ImageStatus) throws -> ResultPlace = { image in
            guard let position = sources.position(of: image.index) else {
                throw ClientError(
                    "protocol", "the master lists image \(image.index) of job \(job), which was not sent",
                    kind: .unreachable)
            }
            return places[position]
        }
        var fetching = Fetching(
            session: session, place: place, mayReplace: mayReplace,
            finished: { image, place in try observer.imageEnded(job, image, place) },
            unwritten: { result in observer.unwritten(job, result) })
        let summary = try await fetching.follow(job, changed: observer.changed)
        return (summary, fetching)
    }
}
