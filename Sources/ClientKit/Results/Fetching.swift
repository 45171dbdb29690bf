public import JobModel

/// The place of one result.
public enum ResultPlace: Sendable, Hashable {
    case standardOutput
    case file(String)
}

/// Fetches the results of a job while it runs: each as soon as its image is done.
public struct Fetching {
    /// Results that are fetched at a time; one data connection carries one.
    static let concurrentGetCount = 4
    /// Failures that are kept to be listed; more are counted.
    static let listedFailureCount = 1000

    private let session: MasterSession
    private let place: (ImageStatus) throws -> ResultPlace
    private let finished: @Sendable (ImageStatus, ResultPlace?) throws -> Void

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

    /// - Parameters:
    ///   - place: chooses the place of a result; asked once for every image, in their order.
    ///   - finished: is told when an image has ended: the place of its result, `nil` when there is none.
    public init(
        session: MasterSession, place: @escaping (ImageStatus) throws -> ResultPlace,
        finished: @escaping @Sendable (ImageStatus, ResultPlace?) throws -> Void = { _, _ in }
    ) {
        self.session = session
        self.place = place
        self.finished = finished
    }

    /// Fetches the results that are done and not fetched yet.
    /// - Parameter isFinal: whether the job has ended, so that the search continues to its last image.
    /// - Throws: `ClientError` for a place that cannot be written; what `place` and `finished` throw; as
    ///   `MasterSession.perform`.
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
        let (session, finished) = (session, finished)
        let work = images.map { image in (image: image, place: places.removeValue(forKey: image.index)) }
        try await forEach(work, atOnce: Self.concurrentGetCount) { image, place in
            guard image.state == .done, let place else { return try finished(image, nil) }
            try await session.fetch(image, to: place)
            try finished(image, place)
        }
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

extension MasterSession {
    /// Fetches one result, checks it against its digest and puts it into its place.
    /// - Throws: `ClientError` for a place that cannot be written, and with the code `no-result` for an image that is not
    ///   done; as `perform`.
    public nonisolated func fetch(_ image: ImageStatus, to place: ResultPlace) async throws {
        guard let blob = image.result else {
            throw ClientError("no-result", "image \(image.index) ('\(image.name)') has no result: it is \(image.state)")
        }
        let output =
            switch place {
            case .standardOutput: try OutputFile.standardOutput()
            case .file(let path): try OutputFile(at: path)
            }
        do {
            try await perform { master in
                try await master.getBlob(BlobSlice(blob), into: .file(descriptor: output.descriptor.number, offset: 0))
            }
        } catch {
            output.discard()
            throw error
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
