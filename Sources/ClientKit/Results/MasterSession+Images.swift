public import JobModel

extension MasterSession {
    /// Jobs, the newest first: at most `limit`, in as many pages as they take.
    /// - Parameter before: the newest job that is not wanted; `nil` to begin with the newest job.
    public nonisolated func jobs(limit: Int, before: JobID?) async throws -> [JobSummary] {
        var jobs: [JobSummary] = []
        while jobs.count < limit {
            let (rest, from) = (UInt32(clamping: limit - jobs.count), jobs.last?.id ?? before)
            let page = try await perform { try await $0.jobs(limit: rest, before: from) }
            jobs += page
            if page.isEmpty { break }
        }
        return Array(jobs.prefix(limit))
    }

    /// Looks up one image of a job.
    /// - Throws: `ClientError` with the code `not-found` when the job has no such image; as `perform`.
    public nonisolated func image(_ image: ImageID) async throws -> ImageStatus {
        let page = try await perform { try await $0.images(image.job, first: image.index) }
        guard let status = page.images.first, status.index == image.index else {
            throw ClientError(
                "not-found",
                page.imageCount == 0
                    ? "job \(image.job) has no images"
                    : "job \(image.job) has images 0 to \(page.imageCount - 1), but no image \(image.index)")
        }
        return status
    }

    /// Follows the job of an image until the image, or the job, has ended.
    /// - Parameter changed: is told every summary of the job.
    /// - Returns: the image as it is then, and the job's last summary.
    public nonisolated func wait(
        for image: ImageID, changed: (JobSummary) throws -> Void = { _ in }
    ) async throws -> (image: ImageStatus, job: JobSummary) {
        for try await event in events(of: image.job) {
            let summary: JobSummary
            switch event {
            case .changed(let now), .ended(let now): summary = now
            case .imageEnded: continue
            }
            try changed(summary)
            let status = try await self.image(image)
            if status.state.isFinal || summary.isFinal { return (status, summary) }
        }
        throw CancellationError()
    }

    /// Calls `body` with every page of a job's images, in their order.
    public nonisolated func forEachImagePage(
        of job: JobID, _ body: ([ImageStatus]) throws -> Void
    ) async throws {
        var first: UInt32 = 0
        while true {
            let from = first
            let page = try await perform { try await $0.images(job, first: from) }
            try body(page.images)
            first += UInt32(page.images.count)
            if page.images.isEmpty || first >= page.imageCount { return }
        }
    }

    /// Looks up the images of a job that failed.
    /// - Parameters:
    ///   - summary: the job; it says how many images to look for.
    ///   - limit: the most images to return.
    public nonisolated func failedImages(of summary: JobSummary, limit: Int = 1000) async throws -> [ImageStatus] {
        let wanted = min(summary.imagesFailed, limit)
        var failures: [ImageStatus] = []
        var first: UInt32 = 0
        while failures.count < wanted {
            let from = first
            let page = try await perform { try await $0.images(summary.id, first: from) }
            failures += page.images.filter(\.hasFailed)
            first += UInt32(page.images.count)
            if page.images.isEmpty || first >= page.imageCount { break }
        }
        return failures
    }
}
