import GatewayLogic

/// Makes reduced levels of images, one at a time, and keeps the latest.
///
/// A level takes a pass over its file, which is seconds for the largest. Pictures that need it wait here, without a turn of those that
/// make pictures, so that other images are shown all the while; and what somebody waited for is finished although that connection was
/// closed, since the next one asks for it again.
actor LevelDesk {
    private typealias Waiter = CheckedContinuation<DecodedPicture, any Error>

    private let turns = WorkTurns(concurrentCount: 1, waitingCount: 16, of: "reduced levels")
    private let kept: PictureCache
    /// Those that wait for a level which is being made, without the one that makes it.
    private var waiting: [String: [Waiter]] = [:]

    init(_ kept: PictureCache) { self.kept = kept }

    /// - Parameters:
    ///   - name: of the image and its level.
    ///   - make: is called on a thread of its own, unless the level is kept or being made.
    func level(
        _ name: String, _ make: @escaping @Sendable () throws -> DecodedPicture
    ) async throws -> DecodedPicture {
        if let known = kept[name] { return known }
        if waiting[name] != nil {
            return try await withCheckedThrowingContinuation { waiting[name, default: []].append($0) }
        }
        waiting[name] = []
        let made: Result<DecodedPicture, any Error>
        do {
            // Of a peer that stays.
            let level = try await turns.run(PreviewStop(), until: PeerDeparture(), make)
            kept.keep(level, as: name)
            made = .success(level)
        } catch {
            made = .failure(error)
        }
        for waiter in waiting.removeValue(forKey: name) ?? [] { waiter.resume(with: made) }
        return try made.get()
    }
}
