public import JobModel
public import MasterClient
import Protocol

extension MasterConnection {
    public func openJob(_ request: JobRequest) async throws -> OpenedJob {
        let message = try WireOpenJob(request, minorVersion: minorVersion)
        let answer = try await self.request(.openJob(message))
        guard case .jobOpened(let opened) = answer else { throw unexpected(answer) }
        return try OpenedJob(wire: opened)
    }

    /// Adds images to an open job, in as many messages as they take.
    public func addImages(_ images: [NewImage], to job: JobID, firstIndex: UInt32) async throws {
        var message = WireAddImages()
        message.job = job.rawValue
        message.firstIndex = firstIndex
        var byteCount = 0
        for image in images {
            // 64 bytes cover the reference and the field headers.
            let cost = image.name.utf8.count + 64
            if message.images.count == 256 || (byteCount + cost > 48 << 10 && !message.images.isEmpty) {
                let next = message.firstIndex + UInt32(message.images.count)
                try await done(.addImages(message))
                message.firstIndex = next
                message.images = []
                byteCount = 0
            }
            message.images.append(WireNewImage(image))
            byteCount += cost
        }
        if !message.images.isEmpty { try await done(.addImages(message)) }
    }

    public func sealJob(_ job: JobID, imageCount: UInt32) async throws {
        var seal = WireSealJob()
        seal.job = job.rawValue
        seal.imageCount = imageCount
        try await done(.sealJob(seal))
    }

    public func cancel(_ job: JobID) async throws {
        var cancel = WireCancelJob()
        cancel.job = job.rawValue
        try await done(.cancelJob(cancel))
    }

    public func forget(_ job: JobID) async throws {
        var forget = WireForgetJob()
        forget.job = job.rawValue
        try await done(.forgetJob(forget))
    }

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

    @discardableResult
    public func putBlob(_ source: BlobSource, digest: BlobDigest?, for job: JobID?) async throws -> BlobReference {
        try await blobs.put(source, digest: digest, purpose: .input(of: job))
    }

    public func getBlob(_ slice: BlobSlice, into target: BlobTarget) async throws {
        try await blobs.get(slice, into: target)
    }

    public func job(_ job: JobID) async throws -> JobSummary {
        var get = WireGetJob()
        get.job = job.rawValue
        let answer = try await request(.getJob(get))
        guard case .jobSummary(let summary) = answer else { throw unexpected(answer) }
        return try JobSummary(wire: summary)
    }

    public func jobs(limit: UInt32 = 100, before: JobID? = nil) async throws -> [JobSummary] {
        var list = WireListJobs()
        list.limit = limit
        list.before = before?.rawValue ?? 0
        let answer = try await request(.listJobs(list))
        guard case .jobList(let jobs) = answer else { throw unexpected(answer) }
        return try jobs.jobs.map { try JobSummary(wire: $0) }
    }

    public func images(_ job: JobID, first: UInt32 = 0) async throws -> ImagePage {
        var list = WireListImages()
        list.job = job.rawValue
        list.firstIndex = first
        list.limit = 256
        let answer = try await request(.listImages(list))
        guard case .imageList(let page) = answer else { throw unexpected(answer) }
        return ImagePage(
            images: try page.images.map { try ImageStatus(wire: $0) }, imageCount: Int(page.imageCount))
    }

    public func partialResult(of image: ImageID, firstRow: UInt32 = 0) async throws -> PartialResult? {
        guard minorVersion >= Preface.segmentsMinorVersion else { return nil }
        var get = WireGetSegments()
        get.job = image.job.rawValue
        get.index = image.index
        get.firstRow = firstRow
        let answer = try await request(.getSegments(get))
        guard case .segmentList(let list) = answer else { throw unexpected(answer) }
        return try PartialResult(wire: list)
    }

    public func watch(_ job: JobID) -> AsyncThrowingStream<JobSummary, any Error> {
        var watch = WireWatchJob()
        watch.job = job.rawValue
        var stop = WireStopWatching()
        stop.job = job.rawValue
        return subscribe(.watchJob(watch), cancelling: .stopWatching(stop))
    }

    /// Sends a request that is answered by Done.
    func done(_ body: WireControl.OneOf_Body) async throws {
        let answer = try await request(body)
        guard case .done = answer else { throw unexpected(answer) }
    }
}
