import JobModel

/// Finds the images of a job that have ended since the last look, each once.
///
/// Images are worked on in their order, more or less; a page of the listing without an image that ended ends the search.
struct ImageCursor: Sendable {
    /// All images before this position have been found.
    private var first: UInt32 = 0
    /// The images from `first` on that have been found.
    private var found: Set<UInt32> = []

    /// Images found so far.
    var passedCount: Int { Int(first) + found.count }

    /// Looks for images that ended.
    /// - Parameters:
    ///   - isFinal: whether the job has ended, so that the search continues to the last image.
    ///   - pageSeen: is told every image of each page that is looked at, in their order.
    ///   - ended: gets the new ones of each page; they count as found when it returns.
    mutating func advance(
        over job: JobID, isFinal: Bool, session: MasterSession, pageSeen: ([ImageStatus]) throws -> Void = { _ in },
        _ ended: ([ImageStatus]) async throws -> Void
    ) async throws {
        var position = first
        while true {
            let from = position
            let page = try await session.perform { try await $0.images(job, first: from) }
            try pageSeen(page.images)
            let fresh = page.images.filter { $0.state.isFinal && !isFound($0.index) }
            try await ended(fresh)
            let hasFinal = !fresh.isEmpty || page.images.contains { isFound($0.index) }
            for image in fresh { found.insert(image.index) }
            while found.remove(first) != nil { first += 1 }
            position += UInt32(page.images.count)
            let hasMore = !page.images.isEmpty && position < page.imageCount
            guard hasMore, isFinal || hasFinal else { return }
        }
    }

    private func isFound(_ index: UInt32) -> Bool { index < first || found.contains(index) }
}
