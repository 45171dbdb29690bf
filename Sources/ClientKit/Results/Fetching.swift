import JobModel
import Protocol

/// Fetches the results of a job while it runs: each as soon as its image is done.
struct Fetching {
    /// Results that are fetched at a time; one data connection carries one.
    static let concurrentGetCount = 4
    /// Failures that are kept to be listed; more are counted.
    static let listedFailureCount = 1000

    /// Where one result goes.
    enum Place: Sendable, Hashable {
        case standardOutput
        case file(String)
    }

    let session: MasterSession
    /// Asked once for every image, in their order.
    let place: (WireImageStatus) throws -> Place
    /// Told when an image has ended: where its result is, `nil` when there is none.
    let finished: @Sendable (WireImageStatus, Place?) throws -> Void

    private var places: [UInt32: Place] = [:]
    /// Images up to here have a place or need none any more.
    private var placedCount: UInt32 = 0
    /// All images before it are through.
    private var cursor: UInt32 = 0
    /// The images from the cursor on that are through.
    private var through: Set<UInt32> = []
    private(set) var fetchedCount = 0
    private(set) var failedCount = 0
    private(set) var failures: [WireImageStatus] = []

    init(
        session: MasterSession, place: @escaping (WireImageStatus) throws -> Place,
        finished: @escaping @Sendable (WireImageStatus, Place?) throws -> Void = { _, _ in }
    ) {
        self.session = session
        self.place = place
        self.finished = finished
    }

    /// Fetches what is done and not fetched yet.
    ///
    /// Images are worked on in their order, more or less; a page of the listing without a finished image ends the search.
    /// - Parameter isFinal: whether the job has ended, so that the search goes to the end.
    mutating func fetchWhatIsDone(of job: JobID, isFinal: Bool) async throws {
        var first = cursor
        while true {
            let from = first
            let (images, imageCount) = try await session.perform { try await $0.images(job, first: from) }
            try placeNew(images)
            let fresh = images.filter { ($0.imageState?.isFinal ?? false) && !through.contains($0.index) }
            try await fetch(fresh)
            first += UInt32(images.count)
            let hasMore = !images.isEmpty && first < imageCount
            guard hasMore, isFinal || !fresh.isEmpty || images.contains(where: { through.contains($0.index) }) else {
                return
            }
        }
    }

    private mutating func placeNew(_ images: [WireImageStatus]) throws {
        for image in images where image.index >= placedCount {
            places[image.index] = try place(image)
            placedCount = image.index + 1
        }
    }

    private mutating func fetch(_ images: [WireImageStatus]) async throws {
        let (session, finished) = (session, finished)
        let work = images.map { image in (image: image, place: places.removeValue(forKey: image.index)) }
        try await forEach(work, atOnce: Self.concurrentGetCount) { image, place in
            guard image.imageState == .done, let place else { return try finished(image, nil) }
            try await Self.fetch(image, to: place, session: session)
            try finished(image, place)
        }
        for image in images {
            through.insert(image.index)
            if image.imageState == .done {
                fetchedCount += 1
            } else {
                failedCount += 1
                if failures.count < Self.listedFailureCount { failures.append(image) }
            }
        }
        while through.remove(cursor) != nil { cursor += 1 }
    }

    /// Fetches one result, checks it against its digest and puts it into its place.
    static func fetch(_ image: WireImageStatus, to place: Place, session: MasterSession) async throws {
        let blob = try BlobReference(wire: image.result, field: "ImageStatus.result")
        let output =
            switch place {
            case .standardOutput: try OutputFile.standardOutput()
            case .file(let path): try OutputFile(at: path)
            }
        do {
            try await session.perform { try await $0.getBlob(blob, into: output.descriptor) }
        } catch {
            output.discard()
            throw error
        }
        try await offCooperativePool { try output.commit() }
    }
}

extension Fetching {
    /// Follows a job to its end and fetches its results meanwhile.
    /// - Returns: the final summary.
    mutating func follow(_ job: JobID, with follower: JobFollower, imageCount: Int? = nil) async throws
        -> WireJobSummary
    {
        // A slow fetch skips summaries; the last one is never skipped, because nothing comes after it.
        let (summaries, continuation) = AsyncStream.makeStream(
            of: WireJobSummary.self, bufferingPolicy: .bufferingNewest(1))
        async let watching = {
            defer { continuation.finish() }
            return try await follower.follow(job, imageCount: imageCount) { continuation.yield($0) }
        }()
        var seen: UInt32 = 0
        for await summary in summaries {
            let ended = summary.imagesDone + summary.imagesFailed
            guard ended != seen || summary.isFinal else { continue }
            seen = ended
            try await fetchWhatIsDone(of: job, isFinal: summary.isFinal)
        }
        return try await watching
    }
}
