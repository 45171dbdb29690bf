/// The newest state of everything that is watched, in the order of the changes: what all event streams are read from.
///
/// A stream remembers only how far it has read, so a slow reader skips states that were replaced and never has a backlog.
/// Memory is bounded by the number of keys; when there are more, the oldest changes are forgotten and streams that had not
/// read them are told of a gap.
package struct StateStream: Sendable {
    package struct Change: Sendable, Hashable {
        package let sequence: UInt64
        package let topics: [Topic]
        /// The kind of event, such as `job`.
        package let event: String
        /// One line of JSON.
        package let text: String
        /// The person whose it is; `nil`: everybody may read it.
        package let owner: String?
    }

    package static let maximumKeyCount = 50_000

    private var changes: [String: Change] = [:]
    /// Keys by the sequence of their newest change, with entries of replaced changes in between.
    private var order: [(sequence: UInt64, key: String)] = []
    package private(set) var lastSequence: UInt64 = 0
    /// Changes up to here may be forgotten.
    private var floor: UInt64 = 0
    private let maximumKeyCount: Int

    package init(maximumKeyCount: Int = Self.maximumKeyCount) { self.maximumKeyCount = maximumKeyCount }

    /// - Returns: whether the state is another than before.
    @discardableResult
    package mutating func set(
        _ key: String, topics: [Topic], event: String, text: String, owner: String? = nil
    ) -> Bool {
        if let present = changes[key], present.event == event, present.text == text { return false }
        lastSequence += 1
        changes[key] = Change(sequence: lastSequence, topics: topics, event: event, text: text, owner: owner)
        order.append((lastSequence, key))
        forgetOldest()
        return true
    }

    /// Whether there is a state of the key that is not forgotten.
    package func has(_ key: String) -> Bool { changes[key] != nil }

    /// Changes after `sequence` and up to `end` that `isWanted`, the oldest first, at most `limit`, and how far was looked. A key
    /// that changed again behind `end` is left out: its newest state is behind it.
    package func changes(
        after sequence: UInt64, upTo end: UInt64 = .max, limit: Int, isWanted: (Change) -> Bool
    ) -> (changes: [Change], readUpTo: UInt64) {
        var found: [Change] = []
        var index = firstIndex(after: sequence)
        while index < order.count, order[index].sequence <= end {
            let (number, key) = order[index]
            index += 1
            guard let change = changes[key], change.sequence == number, isWanted(change) else { continue }
            found.append(change)
            if found.count == limit { return (found, number) }
        }
        return (found, max(sequence, min(end, lastSequence)))
    }

    /// Whether everything after `sequence` is still there.
    package func reaches(back sequence: UInt64) -> Bool { sequence >= floor && sequence <= lastSequence }

    private func firstIndex(after sequence: UInt64) -> Int {
        var (low, high) = (0, order.count)
        while low < high {
            let middle = (low + high) / 2
            if order[middle].sequence <= sequence { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private mutating func forgetOldest() {
        // Replaced entries are swept once they are the greater part.
        if order.count > 2 * changes.count + 64 {
            order.removeAll { changes[$0.key]?.sequence != $0.sequence }
        }
        guard changes.count > maximumKeyCount else { return }
        let excess = maximumKeyCount / 10 + 1
        var forgotten = 0
        var index = 0
        while forgotten < excess, index < order.count {
            let (number, key) = order[index]
            if changes[key]?.sequence == number {
                changes[key] = nil
                forgotten += 1
            }
            floor = number
            index += 1
        }
        order.removeFirst(index)
    }
}

/// What a stream of events is about.
package enum Topic: Hashable, Sendable {
    case jobs
    /// One job and its images.
    case job(UInt64)
    /// The finished rows of a result that is being computed.
    case rows(ImageName)
    case workers
    case cluster
    case uploads

    /// Reads a list such as `jobs,job:17,workers`.
    package static func list(_ text: String) throws(Problem) -> Set<Topic> {
        var topics: Set<Topic> = []
        for part in text.split(separator: ",") {
            guard let topic = Topic(part) else {
                throw Problem(
                    422, "invalid-argument",
                    "there is no topic '\(part.prefix(40))'; topics are jobs, job:NUMBER, rows:NUMBER.IMAGE, workers, cluster and uploads"
                )
            }
            topics.insert(topic)
        }
        guard (1...32).contains(topics.count) else {
            throw Problem(422, "invalid-argument", "\(topics.count) topics are asked for; 1 to 32 are allowed")
        }
        return topics
    }

    private init?(_ text: Substring) {
        switch text {
        case "jobs": self = .jobs
        case "workers": self = .workers
        case "cluster": self = .cluster
        case "uploads": self = .uploads
        default:
            if text.hasPrefix("rows:"), let image = ImageName(String(text.dropFirst(5))) {
                self = .rows(image)
                return
            }
            guard text.hasPrefix("job:"), let job = UInt64(text.dropFirst(4)), job > 0 else { return nil }
            self = .job(job)
        }
    }
}

/// The id of an event: the run of the gateway, and the change.
package struct EventID: Hashable, Sendable, CustomStringConvertible {
    package let boot: String
    package let sequence: UInt64

    package init(boot: String, sequence: UInt64) {
        self.boot = boot
        self.sequence = sequence
    }

    package init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let sequence = UInt64(parts[1]) else { return nil }
        self.init(boot: String(parts[0]), sequence: sequence)
    }

    package var description: String { "\(boot)-\(sequence)" }
}
