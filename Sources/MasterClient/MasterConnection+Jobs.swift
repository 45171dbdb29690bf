import JobModel
import Protocol

extension MasterConnection {
    /// Opens a job, or finds the one that was opened with the same token: then `imageCount` says where to go on.
    public func openJob(
        token: String, submitter: String, priority: Int32 = 0, pipeline: String, options: JobOptions? = nil
    ) async throws -> (job: JobID, imageCount: UInt32, isSealed: Bool) {
        var open = WireOpenJob()
        open.token = token
        open.submitter = submitter
        open.priority = priority
        open.pipeline = pipeline
        if let options {
            open.chunkByteCount = options.chunkByteCount
            open.maximumPixelCount = options.maximumPixelCount
            open.maximumAttempts = options.maximumAttempts
            open.noCache = !options.mayUseCache
        }
        return try await openJob(open)
    }

    /// Opens a job as `open` says; in it, 0 stands for the master's own setting.
    public func openJob(_ open: WireOpenJob) async throws -> (job: JobID, imageCount: UInt32, isSealed: Bool) {
        let answer = try await request(.openJob(open))
        guard case .jobOpened(let opened) = answer else { throw unexpected(answer) }
        return (try JobID(wire: opened.job, field: "JobOpened.job"), opened.imageCount, opened.sealed)
    }

    /// Adds images to an open job, in as many messages as they take.
    /// - Parameter firstIndex: the position of the first of them in the job.
    public func addImages(
        _ images: [(name: String, input: BlobReference)], to job: JobID, firstIndex: UInt32
    ) async throws {
        var message = WireAddImages()
        message.job = job.rawValue
        message.firstIndex = firstIndex
        var byteCount = 0
        for (name, input) in images {
            var image = WireNewImage()
            image.name = name
            image.input = input.wire
            // 64 bytes cover the reference and the field headers.
            let cost = name.utf8.count + 64
            if message.images.count == 256 || (byteCount + cost > 48 << 10 && !message.images.isEmpty) {
                let next = message.firstIndex + UInt32(message.images.count)
                try await done(.addImages(message))
                message.firstIndex = next
                message.images = []
                byteCount = 0
            }
            message.images.append(image)
            byteCount += cost
        }
        if !message.images.isEmpty { try await done(.addImages(message)) }
    }

    /// Says that all `imageCount` images are in. When this returns, the job is accepted and survives the master.
    public func sealJob(_ job: JobID, imageCount: UInt32) async throws {
        var seal = WireSealJob()
        seal.job = job.rawValue
        seal.imageCount = imageCount
        try await done(.sealJob(seal))
    }

    /// Which of `digests` the master has, in their order.
    /// - Parameter job: the open job that they are for: what is there stays until the job is complete.
    public func findBlobs(_ digests: [BlobDigest], for job: JobID? = nil) async throws -> [Bool] {
        var present: [Bool] = []
        present.reserveCapacity(digests.count)
        for start in stride(from: 0, to: digests.count, by: 256) {
            let part = digests[start..<min(start + 256, digests.count)]
            var find = WireFindBlobs()
            find.digests = part.map(\.wire)
            find.job = job?.rawValue ?? 0
            let answer = try await request(.findBlobs(find))
            guard case .blobsFound(let found) = answer else { throw unexpected(answer) }
            guard found.present.count == part.count else {
                throw ProtocolViolation(
                    field: "BlobsFound.present", value: "\(found.present.count) answers", allowed: "\(part.count)")
            }
            present += found.present
        }
        return present
    }

    public func job(_ id: JobID) async throws -> WireJobSummary {
        var get = WireGetJob()
        get.job = id.rawValue
        let answer = try await request(.getJob(get))
        guard case .jobSummary(let summary) = answer else { throw unexpected(answer) }
        return summary
    }

    /// Jobs from the newest on, or from the one before `before`.
    public func jobs(limit: UInt32 = 100, before: JobID? = nil) async throws -> [WireJobSummary] {
        var list = WireListJobs()
        list.limit = limit
        list.before = before?.rawValue ?? 0
        let answer = try await request(.listJobs(list))
        guard case .jobList(let jobs) = answer else { throw unexpected(answer) }
        return jobs.jobs
    }

    /// Images of a job from position `first` on: as many as fit one message, at most `limit`.
    /// - Returns: the images, and how many the job has in all.
    public func images(
        _ job: JobID, first: UInt32 = 0, limit: UInt32 = 256
    ) async throws -> (images: [WireImageStatus], imageCount: UInt32) {
        var list = WireListImages()
        list.job = job.rawValue
        list.firstIndex = first
        list.limit = limit
        let answer = try await request(.listImages(list))
        guard case .imageList(let images) = answer else { throw unexpected(answer) }
        return (images.images, images.imageCount)
    }

    /// A job's summary at once, and again whenever it changed; ends after the summary of a final state.
    public func watch(_ job: JobID) -> AsyncThrowingStream<WireJobSummary, any Error> {
        var watch = WireWatchJob()
        watch.job = job.rawValue
        var stop = WireStopWatching()
        stop.job = job.rawValue
        return subscribe(.watchJob(watch), cancelling: .stopWatching(stop)) { summary in
            JobState.allCases.first { $0.name == summary.state }?.isFinal ?? false
        }
    }

    public func cancel(_ job: JobID) async throws {
        var cancel = WireCancelJob()
        cancel.job = job.rawValue
        try await done(.cancelJob(cancel))
    }

    /// Sends a request that is answered by Done.
    func done(_ body: WireControl.OneOf_Body) async throws {
        let answer = try await request(body)
        guard case .done = answer else { throw unexpected(answer) }
    }
}
