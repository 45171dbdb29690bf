import GatewayLogic
import JSONText
import Synchronization

/// What event streams read, and who is reading what.
///
/// Nothing waits for a reader: each remembers how far it has read the `StateStream`, and is woken when there is more.
final class EventHub: Sendable {
    enum Wake: Sendable {
        case changed
        /// Some time has passed without a change.
        case beat
    }

    /// Names this run of the gateway in the ids of events.
    let boot = RandomText.base32(byteCount: 5)

    private struct State {
        var stream = StateStream()
        var readers: [Int: (topics: Set<Topic>, wake: AsyncStream<Wake>.Continuation)] = [:]
        var nextReader = 0
        var isStopped = false
    }

    private let state = Mutex(State())
    /// Told when the set of watched topics changed.
    let interestChanges: AsyncStream<Void>
    private let interestChange: AsyncStream<Void>.Continuation

    init() { (interestChanges, interestChange) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

    // MARK: Writing

    /// Makes `json` the state of `key`, and wakes those who read one of the topics, if it is another than before.
    func publish(_ key: String, _ topics: [Topic], _ event: String, _ json: JSON, owner: String? = nil) {
        let text = json.text
        state.withLock { state in
            guard state.stream.set(key, topics: topics, event: event, text: text, owner: owner) else { return }
            for reader in state.readers.values where topics.contains(where: reader.topics.contains) {
                reader.wake.yield(.changed)
            }
        }
    }

    /// The topics that somebody reads.
    var interest: Set<Topic> { state.withLock { $0.readers.values.reduce(into: []) { $0.formUnion($1.topics) } } }

    var readerCount: Int { state.withLock { $0.readers.count } }

    func beat() { state.withLock { for reader in $0.readers.values { reader.wake.yield(.beat) } } }

    /// Ends all streams, and those to come.
    func stop() {
        state.withLock { state in
            state.isStopped = true
            for reader in state.readers.values { reader.wake.finish() }
        }
    }

    // MARK: Reading

    /// A reader of `topics`; it ends with `leave`.
    /// - Parameter last: the id of the last event that it has.
    /// - Returns: the reader's number, where it begins, whether it has missed something, and what wakes it.
    func join(
        _ topics: Set<Topic>, after last: EventID?
    ) -> (reader: Int, sequence: UInt64, hasGap: Bool, wakes: AsyncStream<Wake>) {
        let (wakes, wake) = AsyncStream.makeStream(of: Wake.self, bufferingPolicy: .bufferingNewest(1))
        defer { interestChange.yield() }
        return state.withLock { state in
            let reader = state.nextReader
            state.nextReader += 1
            if state.isStopped { wake.finish() }
            state.readers[reader] = (topics, wake)
            if let last, last.boot == boot, state.stream.reaches(back: last.sequence) {
                wake.yield(.changed)
                return (reader, last.sequence, false, wakes)
            }
            return (reader, state.stream.lastSequence, true, wakes)
        }
    }

    func leave(_ reader: Int) {
        state.withLock { _ = $0.readers.removeValue(forKey: reader) }
        interestChange.yield()
    }

    func changes(
        after sequence: UInt64, limit: Int, isWanted: (StateStream.Change) -> Bool
    ) -> (changes: [StateStream.Change], readUpTo: UInt64) {
        state.withLock { $0.stream.changes(after: sequence, limit: limit, isWanted: isWanted) }
    }
}
