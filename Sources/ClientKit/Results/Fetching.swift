public import JobModel
import MasterClient
import Names
import Synchronization

/// Fetches the results of a job while it runs: each as soon as its image is done.
public struct Fetching {
    /// Results that are fetched at a time; one data connection carries one.
    static let concurrentGetCount = 4
    /// Failures that are kept to be listed; more are counted.
    static let listedFailureCount = 1000

    private let session: MasterSession
    private let place: (ImageStatus) throws -> ResultPlace
    private let finished: @Sendable (ImageStatus, ResultPlace?) throws -> Void
    private let unwrittenResult: @Sendable (UnwrittenResult) -> Void
    private let rules: OutputFile.Rules

    private var places: [UInt32: ResultPlace] = [:]
    /// The images before this position were given a place.
    private var placedCount: UInt32 = 0
    private var cursor = ImageCursor()
    public private(set) var fetchedCount = 0
    public private(set) var failedCount = 0
    /// Images without a result, in the order in which they ended; at most 1000 of them.
    public private(set) var failures: [ImageStatus] = []
    /// Images that are done and have remarks, in the order in which they ended; at most 1000 of them.
    public private(set) var remarked: [ImageStatus] = []
    public private(set) var unwrittenCount = 0
    /// Results that could not be put into their places; at most 1000 of them.
    public private(set) var unwritten: [UnwrittenResult] = []

    /// - Parameters:
    ///   - place: chooses the place of a result; asked once for every image, in their order.
    ///   - mayReplace: whether a result may replace a file that is in its place.
    ///   - finished: is told when an image has ended: the place of its result, `nil` when there is none.
    ///   - unwritten: is told when a result could not be put into its place; the others are fetched all the same.
    public init(
        session: MasterSession, place: @escaping (ImageStatus) throws -> ResultPlace, mayReplace: Bool = true,
        finished: @escaping @Sendable (ImageStatus, ResultPlace?) throws -> Void = { _, _ in },
        unwritten: @escaping @Sendable (UnwrittenResult) -> Void = { _ in }
    ) {
        self.session = session
        self.place = place
        rules = OutputFile.Rules(mayReplace: mayReplace)
        self.finished = finished
        unwrittenResult = unwritten
    }

    /// Fetches the results that are done and not fetched yet.
    /// - Parameter isFinal: whether the job has ended, so that the search continues to its last image.
    /// - Throws: what `place` and `finished` throw; as `MasterSession.perform`; `ClientError` of the kind `brokenPipe`.
    public mutating func fetchWhatIsDone(of job: JobID, isFinal: Bool) async throws {
        var cursor = cursor
        try await cursor.advance(over: job, isFinal: isFinal, session: session) { images in
            for image in images where image.index >= placedCount {
                places[image.index] = try place(image)
                placedCount = image.index + 1
            }
        } _: { ended in
            try await fetch(ended)
        }
        self.cursor = cursor
    }

    /// Follows a job to its end and fetches its results at the same time.
    /// - Parameter changed: is told every summary, the final one included.
    /// - Returns: the final summary.
    /// - Throws: as `fetchWhatIsDone`.
    public mutating func follow(
        _ job: JobID, changed: @escaping @Sendable (JobSummary) throws -> Void = { _ in }
    ) async throws -> JobSummary {
        // A slow fetch skips summaries; the last one is never skipped, because none follows it.
        let (summaries, continuation) = AsyncStream.makeStream(
            of: JobSummary.self, bufferingPolicy: .bufferingNewest(1))
        let session = session
        async let watching = {
            defer { continuation.finish() }
            return try await session.follow(job) { summary in
                try changed(summary)
                continuation.yield(summary)
            }
        }()
        var seen = 0
        for await summary in summaries {
            guard summary.imagesEnded != seen || summary.isFinal else { continue }
            seen = summary.imagesEnded
            try await fetchWhatIsDone(of: job, isFinal: summary.isFinal)
        }
        return try await watching
    }

    private mutating func fetch(_ images: [ImageStatus]) async throws {
        let (session, finished, unwrittenResult, rules) = (session, finished, unwrittenResult, rules)
        let work = images.map { image in (image: image, place: places.removeValue(forKey: image.index)) }
        let lost = Mutex<[UnwrittenResult]>([])
        try await forEach(work, atOnce: Self.concurrentGetCount) { image, place in
            guard image.state == .done, let place else { return try finished(image, nil) }
            do {
                try await session.fetch(image, to: place, rules: rules)
            } catch let error as ClientError where error.isAboutPlace {
                // One bad place does not cost the others their results.
                let result = UnwrittenResult(image: image, place: place, error: error)
                lost.withLock { $0.append(result) }
                unwrittenResult(result)
                return try finished(image, nil)
            }
            try finished(image, place)
        }
        let unwritten = lost.withLock { $0 }
        unwrittenCount += unwritten.count
        self.unwritten += unwritten.prefix(Self.listedFailureCount - self.unwritten.count)
        fetchedCount -= unwritten.count
        for image in images {
            if image.state == .done {
                fetchedCount += 1
                if !image.remarks.isEmpty, remarked.count < Self.listedFailureCount { remarked.append(image) }
            } else {
                failedCount += 1
                if failures.count < Self.listedFailureCount { failures.append(image) }
            }
        }
    }
}

extension ClientError {
    /// Whether the place of a result is what is wrong, not the result, the master or the caller.
    fileprivate var isAboutPlace: Bool {
        kind == .failed && ["cannot-write", "write-failed", "exists", "no-temporary-file"].contains(code)
    }
}

extension MasterSession {
    /// Fetches one result, checks it against its digest and puts it into its place.
    /// - Parameter mayReplace: whether a file that is in its place may be replaced.
    /// - Throws: `ClientError` with the code `cannot-write`, `write-failed`, `exists` or `no-temporary-file` for a place that
    ///   cannot be written, and `no-result` for an image that is not done; as `perform`.
    public nonisolated func fetch(
        _ image: ImageStatus, to place: ResultPlace, mayReplace: Bool = true
    ) async throws {
        try await fetch(image, to: place, rules: OutputFile.Rules(mayReplace: mayReplace))
    }

    nonisolated func fetch(_ image: ImageStatus, to place: ResultPlace, rules: OutputFile.Rules) async throws {
        guard let blob = image.result else {
            throw ClientError(
                "no-result",
                "image \(image.index) ('\(ShownText.of(image.name))') has no result: it is \(image.state)")
        }
        let output = try OutputFile(at: place, rules: rules)
        do {
            try await perform { master in
                try await master.getBlob(BlobSlice(blob), into: .file(descriptor: output.descriptor.number, offset: 0))
            }
        } catch {
            output.discard()
            guard let error = error as? BlobTransferError, error.code == .file else { throw error }
            throw ClientError(
                "write-failed",
                "cannot write \(place.path.map { "'\($0)'" } ?? "a temporary file"): \(error.reason ?? error.message)")
        }
        try await offCooperativePool { () throws(ClientError) in try output.commit() }
    }

    /// Follows a job to its end.
    /// - Parameter changed: is told every summary, the final one included.
    /// - Returns: the final summary.
    public nonisolated func follow(
        _ job: JobID, changed: (JobSummary) throws -> Void = { _ in }
    ) async throws -> JobSummary {
        for try await event in events(of: job) {
            switch event {
            case .changed(let summary): try changed(summary)
            case .ended(let summary):
                try changed(summary)
                return summary
            case .imageEnded: break
            }
        }
        throw CancellationError()
    }
}
