import GatewayLogic
import JobModel
import JSONText
import NIOCore
import Synchronization

/// What event streams read, and who is reading what.
///
/// Nothing waits for a reader: each remembers how far it has read, and is woken when a round has something for it.
final class EventHub: Sendable {
    enum Wake: Sendable {
        case changed
        /// Some time has passed, perhaps without a change.
        case beat
        /// All streams end.
        case stop
    }

    /// Wakes a reader. Called under a lock: it does not call back at once.
    typealias Waker = @Sendable (Wake) -> Void

    /// The state of something, for those who read one of its topics.
    struct News: Sendable {
        let key: String
        let topics: [Topic]
        let event: String
        let json: JSON
        /// The person whose it is; `nil`: everybody may read it.
        let owner: String?

        init(_ key: String, _ topics: [Topic], _ event: String, _ json: JSON, owner: String? = nil) {
            self.key = key
            self.topics = topics
            self.event = event
            self.json = json
            self.owner = owner
        }

        /// A job, as it is shown.
        init(_ job: JobID, _ json: JSON) { self.init("job:\(job)", [.jobs, .job(job.rawValue)], "job", json) }
    }

    /// The least time between two rounds: what changes during it is one state.
    private static let interval: Duration = .milliseconds(100)

    private struct State {
        var rounds: EventRounds<ByteBuffer>
        var readers: [EventAudience: [Int: Waker]] = [:]
        var nextReader = 0
        var isStopped = false
    }

    private let state = Mutex(
        State(rounds: EventRounds(boot: RandomText.base32(byteCount: 5)) { ByteBuffer(bytes: $0) }))
    /// Told when the set of watched topics changed.
    let interestChanges: AsyncStream<Void>
    private let interestChange: AsyncStream<Void>.Continuation
    /// Told when something changed.
    private let changes: AsyncStream<Void>
    private let change: AsyncStream<Void>.Continuation

    init() {
        (interestChanges, interestChange) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        (changes, change) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    // MARK: Writing

    /// Makes these the states of their keys; those that are others than before are told in the next round.
    /// - Parameter onlyNew: whether a key that has a state keeps it.
    func publish(_ news: [News], onlyNew: Bool = false) {
        let texts = news.map(\.json.text)
        let isChanged = state.withLock { state in
            var isChanged = false
            for (news, text) in zip(news, texts) where !onlyNew || !state.rounds.has(news.key) {
                let isNew = state.rounds.set(
                    news.key, topics: news.topics, event: news.event, text: text, owner: news.owner)
                isChanged = isChanged || isNew
            }
            return isChanged
        }
        if isChanged { change.yield() }
    }

    func publish(_ key: String, _ topics: [Topic], _ event: String, _ json: JSON, owner: String? = nil) {
        publish([News(key, topics, event, json, owner: owner)])
    }

    /// Tells readers what changed, at once and then at most once an interval, until cancelled.
    func run() async {
        for await _ in changes {
            tell()
            guard (try? await Task.sleep(for: Self.interval)) != nil else { return }
        }
    }

    /// A round.
    func tell() {
        state.withLock { state in
            let topics = state.rounds.begin()
            for (audience, readers) in state.readers where !audience.topics.isDisjoint(with: topics) {
                for wake in readers.values { wake(.changed) }
            }
        }
    }

    /// The topics that somebody reads.
    var interest: Set<Topic> { state.withLock { $0.readers.keys.reduce(into: []) { $0.formUnion($1.topics) } } }

    var readerCount: Int { state.withLock { $0.readers.values.reduce(0) { $0 + $1.count } } }

    func beat() {
        state.withLock { for readers in $0.readers.values { for wake in readers.values { wake(.beat) } } }
    }

    /// Ends all streams, and those to come.
    func stop() {
        state.withLock { state in
            state.isStopped = true
            for readers in state.readers.values { for wake in readers.values { wake(.stop) } }
        }
    }

    // MARK: Reading

    /// How a reader begins; it ends with `leave`.
    struct Beginning: Sendable {
        let reader: Int
        let sequence: UInt64
        /// What it is told when it has missed something.
        let gap: String?
    }

    /// - Parameter last: the id of the last event that it has.
    func join(_ audience: EventAudience, after last: EventID?, wake: @escaping Waker) -> Beginning {
        defer { interestChange.yield() }
        return state.withLock { state in
            let reader = state.nextReader
            state.nextReader += 1
            if state.isStopped { wake(.stop) }
            state.readers[audience, default: [:]][reader] = wake
            let (sequence, hasGap) = state.rounds.start(after: last)
            if !hasGap { wake(.changed) }
            return Beginning(
                reader: reader, sequence: sequence, gap: hasGap ? state.rounds.gap(at: sequence) : nil)
        }
    }

    func leave(_ reader: Int, of audience: EventAudience) {
        state.withLock { state in
            state.readers[audience]?[reader] = nil
            if state.readers[audience]?.isEmpty == true { state.readers[audience] = nil }
        }
        interestChange.yield()
    }

    /// What a reader that has read up to `sequence` is told next; `nil` when it has been told all. All that are equal share the bytes.
    func next(for audience: EventAudience, after sequence: UInt64) -> EventRounds<ByteBuffer>.Batch? {
        state.withLock { $0.rounds.batch(for: audience, after: sequence) }
    }
}
