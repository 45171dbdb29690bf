/// What a reader of events reads. Readers that are equal are told the same.
package struct EventAudience: Hashable, Sendable {
    package let topics: Set<Topic>
    /// The person that reads; `nil` where nothing is for one person only.
    package let name: String?

    package init(topics: Set<Topic>, name: String) {
        self.topics = topics
        self.name = topics.contains(.uploads) ? name : nil
    }

    func wants(_ change: StateStream.Change) -> Bool {
        change.topics.contains(where: topics.contains) && (change.owner == nil || change.owner == name)
    }
}

/// Tells changes in rounds, so that all readers of the same topics read the same bytes.
///
///     set  set  set     set             set
///     -----------|-------------|-------------|-------->
///              round         round         round        each tells what changed since the one before
///
/// A reader remembers how far it has read, and never reads beyond the last round. So all that keep up are at the same place, and
/// what one of them is sent is kept for the others until the next round.
package struct EventRounds<Bytes: Sendable>: Sendable {
    /// A part of what an audience is told.
    package struct Batch: Sendable {
        package let bytes: Bytes
        package let byteCount: Int
        package let readUpTo: UInt64
    }

    private struct Place: Hashable {
        let audience: EventAudience
        let sequence: UInt64
    }

    /// Events of one batch.
    private let batchCount = 100
    /// Batches that are kept for others. Readers that keep up need one for each audience; one that lags makes its own.
    private let keptCount = 256

    /// Names this run of the gateway in the ids of events.
    package let boot: String
    private let encode: @Sendable ([UInt8]) -> Bytes
    private var stream: StateStream
    /// Changes up to here are told.
    package private(set) var toldUpTo: UInt64 = 0
    /// Topics that changed since.
    private var changedTopics: Set<Topic> = []
    private var kept: [Place: Batch] = [:]

    /// - Parameter encode: makes of a text what is sent.
    package init(
        boot: String, stream: StateStream = StateStream(), encode: @escaping @Sendable ([UInt8]) -> Bytes
    ) {
        self.boot = boot
        self.stream = stream
        self.encode = encode
    }

    /// - Returns: whether the state is another than before.
    @discardableResult
    package mutating func set(
        _ key: String, topics: [Topic], event: String, text: String, owner: String? = nil
    ) -> Bool {
        guard stream.set(key, topics: topics, event: event, text: text, owner: owner) else { return false }
        changedTopics.formUnion(topics)
        return true
    }

    package func has(_ key: String) -> Bool { stream.has(key) }

    /// Begins a round.
    /// - Returns: the topics of which there is something to tell.
    package mutating func begin() -> Set<Topic> {
        defer { changedTopics = [] }
        toldUpTo = stream.lastSequence
        kept = [:]
        return changedTopics
    }

    /// Where a reader begins that has `last`, and whether it has missed something.
    package func start(after last: EventID?) -> (sequence: UInt64, hasGap: Bool) {
        guard let last, last.boot == boot, stream.reaches(back: last.sequence) else { return (toldUpTo, true) }
        return (last.sequence, false)
    }

    /// What an audience that has read up to `sequence` is told next; `nil` when it has been told all. Encoded once for all that are at
    /// the same place.
    package mutating func batch(for audience: EventAudience, after sequence: UInt64) -> Batch? {
        guard sequence < toldUpTo else { return nil }
        let place = Place(audience: audience, sequence: sequence)
        if let batch = kept[place] { return batch }
        guard stream.reaches(back: sequence) else {
            // It was so slow that changes were forgotten.
            return batch(Array(gap(at: toldUpTo).utf8), readUpTo: toldUpTo)
        }
        let (changes, readUpTo) = stream.changes(
            after: sequence, upTo: toldUpTo, limit: batchCount, isWanted: audience.wants)
        var text: [UInt8] = []
        for change in changes {
            text += "id: \(boot)-\(change.sequence)\nevent: \(change.event)\ndata: ".utf8
            text += change.text.utf8
            text += "\n\n".utf8
        }
        let batch = batch(text, readUpTo: readUpTo)
        if kept.count < keptCount { kept[place] = batch }
        return batch
    }

    private func batch(_ text: [UInt8], readUpTo: UInt64) -> Batch {
        Batch(bytes: encode(text), byteCount: text.count, readUpTo: readUpTo)
    }

    /// Tells a reader to read the snapshots again.
    package func gap(at sequence: UInt64) -> String {
        "id: \(EventID(boot: boot, sequence: sequence))\nevent: gap\ndata: {}\n\n"
    }
}
