public import JobModel
import Transport

/// A change of a job that is followed.
public enum JobEvent: Sendable, Hashable {
    /// An image ended, with a result or without; only told when images are asked for.
    case imageEnded(ImageStatus)
    /// The job's summary now; the first event is one.
    case changed(JobSummary)
    /// The job ended; the last event.
    case ended(JobSummary)
}

/// A job's events from now to its end, across lost connections and restarts of the master.
///
///     for try await event in session.events(of: job, includingImages: true) {
///         switch event {
///         case .imageEnded(let image): print(image.name, image.state)
///         case .changed(let summary): print(summary.imagesDone, "of", summary.imageCount)
///         case .ended(let summary): print(summary.state)
///         }
///     }
///
/// The sequence holds no backlog: a slow consumer skips summaries, and learns of each image that ended once. Each
/// iteration follows the job from its beginning.
///
/// It throws as `MasterSession.perform`, and `CancellationError`.
public struct JobEvents: AsyncSequence, Sendable {
    public typealias Element = JobEvent

    let session: MasterSession
    let job: JobID
    let includesImages: Bool

    public func makeAsyncIterator() -> Iterator {
        Iterator(session: session, job: job, cursor: includesImages ? ImageCursor() : nil)
    }

    public struct Iterator: AsyncIteratorProtocol {
        let session: MasterSession
        let job: JobID
        /// The images told so far; `nil` when they are not asked for.
        var cursor: ImageCursor?
        /// The subscription that is under way. The connection that carries it may have been lost.
        private var subscription: AsyncThrowingStream<JobSummary, any Error>?
        /// The events to be told next, the last one first.
        private var pending: [JobEvent] = []
        private var hasEnded = false

        init(session: MasterSession, job: JobID, cursor: ImageCursor?) {
            self.session = session
            self.job = job
            self.cursor = cursor
        }

        public mutating func next() async throws -> JobEvent? {
            if let event = pending.popLast() { return event }
            if hasEnded { return nil }
            let summary = try await nextSummary()
            hasEnded = summary.isFinal
            let event: JobEvent = summary.isFinal ? .ended(summary) : .changed(summary)
            guard let ended = try await imagesEnded(by: summary), let first = ended.first else { return event }
            pending = [event] + ended.dropFirst().reversed().map { .imageEnded($0) }
            return .imageEnded(first)
        }

        private mutating func imagesEnded(by summary: JobSummary) async throws -> [ImageStatus]? {
            // Without a change of the counts, no image has ended.
            guard var cursor, cursor.passedCount < summary.imagesEnded || summary.isFinal else { return nil }
            var ended: [ImageStatus] = []
            try await cursor.advance(over: job, isFinal: summary.isFinal, session: session) { ended += $0 }
            self.cursor = cursor
            return ended
        }

        private mutating func nextSummary() async throws -> JobSummary {
            let (job, current) = (job, subscription)
            let (stream, summary) = try await session.perform { master, retry in
                if retry == 0, let current {
                    do {
                        if let summary = try await current.first() { return (current, summary) }
                    } catch is ConnectionClosed {
                        // The subscription ended with its connection, which may have been replaced since.
                    }
                    try Task.checkCancellation()
                }
                let stream = master.watch(job)
                guard let summary = try await stream.first() else {
                    try Task.checkCancellation()
                    throw ConnectionClosed(.peer, "the master stopped telling about job \(job) before its end")
                }
                return (stream, summary)
            }
            subscription = summary.isFinal ? nil : stream
            return summary
        }
    }
}

extension MasterSession {
    /// Follows a job to its end.
    /// - Parameter includingImages: whether each image that ends is told, too; it costs requests for the list of images.
    public nonisolated func events(of job: JobID, includingImages: Bool = false) -> JobEvents {
        JobEvents(session: self, job: job, includesImages: includingImages)
    }
}

/// The caller was cancelled while it waited for a job that is complete: the job continues.
public struct WaitInterrupted: Error, Hashable {
    public let job: JobID

    public init(job: JobID) { self.job = job }
}

/// Runs `body`, which waits for `job`; a cancellation becomes `WaitInterrupted`.
public func waiting<Result>(for job: JobID, _ body: () async throws -> Result) async throws -> Result {
    do {
        return try await body()
    } catch {
        guard Task.isCancelled || error is CancellationError else { throw error }
        throw WaitInterrupted(job: job)
    }
}

extension AsyncThrowingStream where Failure == any Error {
    /// The next element; iterators of a stream share its buffer.
    fileprivate func first() async throws -> Element? {
        var iterator = makeAsyncIterator()
        return try await iterator.next()
    }
}
