/// The latest generation of each lineage that a process has met, so that it does not return to a master whose state was replaced.
///
/// Performs no I/O, reads no clock.
public struct GenerationMemory: Sendable, Hashable {
    /// Lineages that are remembered; of more, the one that was met longest ago is forgotten.
    public static let lineageLimit = 64

    public enum Meeting: Sendable, Hashable {
        /// The generation is the latest one of its lineage that was met, as before.
        case known
        /// The generation is later than any that was met before, or the first of its lineage.
        case news
        /// This later generation of the lineage was met before.
        case replaced(by: Generation)
    }

    /// The latest generation of each lineage; the lineage that was met last is at the end.
    public private(set) var latest: [Generation] = []

    public init() {}

    /// A master of the generation was met.
    public mutating func meet(_ generation: Generation) -> Meeting {
        let index = latest.firstIndex { $0.lineage == generation.lineage }
        if let index {
            let former = latest[index]
            guard former.number <= generation.number else { return .replaced(by: former) }
            latest.remove(at: index)
            latest.append(generation)
            return former == generation ? .known : .news
        }
        latest.append(generation)
        if latest.count > Self.lineageLimit { latest.removeFirst() }
        return .news
    }

    /// Takes over what another process has met.
    public mutating func merge(_ other: GenerationMemory) {
        for generation in other.latest {
            if let index = latest.firstIndex(where: { $0.lineage == generation.lineage }) {
                if latest[index].number < generation.number { latest[index] = generation }
            } else if latest.count < Self.lineageLimit {
                // What this process has met itself is the more recent.
                latest.insert(generation, at: 0)
            }
        }
    }
}
