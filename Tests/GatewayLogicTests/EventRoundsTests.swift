import GatewayLogic
import SeededRandom
import Synchronization
import Testing

/// What readers of events are told, in rounds.
@Suite struct EventRoundsTests {
    private typealias Rounds = EventRounds<String>

    private static func rounds(maximumKeyCount: Int = 1000) -> Rounds {
        Rounds(boot: "b", stream: StateStream(maximumKeyCount: maximumKeyCount)) { String(decoding: $0, as: UTF8.self) }
    }

    private let jobs = EventAudience(topics: [.jobs], name: "ada")

    @Test func `nothing is told before its round`() {
        var rounds = Self.rounds()
        rounds.set("a", topics: [.jobs], event: "job", text: "1")
        #expect(rounds.batch(for: jobs, after: 0) == nil)
        #expect(rounds.begin() == [.jobs])
        #expect(rounds.batch(for: jobs, after: 0)?.bytes == "id: b-1\nevent: job\ndata: 1\n\n")
        #expect(rounds.batch(for: jobs, after: 1) == nil)
        #expect(rounds.begin().isEmpty, "nothing has changed since")
    }

    @Test func `a state that is replaced after its round is told in the next one, once`() {
        var rounds = Self.rounds()
        rounds.set("a", topics: [.jobs], event: "job", text: "1")
        rounds.set("b", topics: [.jobs], event: "job", text: "2")
        _ = rounds.begin()
        rounds.set("a", topics: [.jobs], event: "job", text: "3")
        let first = rounds.batch(for: jobs, after: 0)
        #expect(first?.bytes == "id: b-2\nevent: job\ndata: 2\n\n")
        #expect(first?.readUpTo == 2)
        #expect(rounds.batch(for: jobs, after: 2) == nil)
        _ = rounds.begin()
        #expect(rounds.batch(for: jobs, after: 2)?.bytes == "id: b-3\nevent: job\ndata: 3\n\n")
    }

    @Test func `what is one person's is told to that person only`() {
        var rounds = Self.rounds()
        rounds.set("u", topics: [.uploads], event: "upload", text: "mine", owner: "ada")
        _ = rounds.begin()
        let (ada, eve) = (
            EventAudience(topics: [.uploads], name: "ada"), EventAudience(topics: [.uploads], name: "eve")
        )
        // In this order: what is kept for one must not be given to the other.
        #expect(rounds.batch(for: ada, after: 0)?.bytes.contains("mine") == true)
        #expect(rounds.batch(for: eve, after: 0)?.byteCount == 0)
        #expect(EventAudience(topics: [.jobs], name: "ada") == EventAudience(topics: [.jobs], name: "eve"))
        #expect(ada != eve)
    }

    @Test func `a batch is encoded once for all that are at its place`() {
        let count = Mutex(0)
        var rounds = Rounds(boot: "b") { bytes in
            count.withLock { $0 += 1 }
            return String(decoding: bytes, as: UTF8.self)
        }
        for job in 0..<250 { rounds.set("\(job)", topics: [.jobs], event: "job", text: "\(job)") }
        _ = rounds.begin()
        for _ in 0..<1000 {
            var (sequence, batches) = (UInt64(0), 0)
            while let batch = rounds.batch(for: jobs, after: sequence) {
                sequence = batch.readUpTo
                batches += 1
            }
            #expect((sequence, batches) == (250, 3), "a hundred events each")
        }
        #expect(count.withLock { $0 } == 3)
    }

    @Test func `a reader that was too slow is told that it has a gap`() {
        var rounds = Self.rounds(maximumKeyCount: 10)
        for job in 0..<30 { rounds.set("\(job)", topics: [.jobs], event: "job", text: "\(job)") }
        _ = rounds.begin()
        let batch = rounds.batch(for: jobs, after: 1)
        #expect(batch?.bytes == "id: b-30\nevent: gap\ndata: {}\n\n")
        #expect(batch?.readUpTo == 30)
        #expect(rounds.start(after: EventID(boot: "b", sequence: 1)) == (30, true))
        #expect(rounds.start(after: EventID(boot: "b", sequence: 29)) == (29, false))
    }

    @Test(arguments: 0..<50) func `readers of any pace end with the states that there are`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var rounds = Self.rounds(maximumKeyCount: 40)
        var truth: [String: String] = [:]
        /// How often each reader reads, and what it has.
        var readers = [1, 3, 20].map { (pace: $0, position: UInt64(0), states: [String: String]()) }
        func read(_ index: Int) {
            while let batch = rounds.batch(for: jobs, after: readers[index].position) {
                #expect(batch.readUpTo > readers[index].position)
                readers[index].position = batch.readUpTo
                // What it then reads is newer than what it is told next: the same states again do no harm.
                if batch.bytes.contains("event: gap") { readers[index].states = truth }
                for line in batch.bytes.split(separator: "\n") where line.hasPrefix("data: k") {
                    let text = String(line.dropFirst(6))
                    readers[index].states[String(text.prefix { $0 != " " })] = text
                }
            }
        }
        for step in 0..<2000 {
            let key = "k\(Int.random(in: 0..<60, using: &random))"
            truth[key] = "\(key) \(step)"
            rounds.set(key, topics: [.jobs], event: "job", text: "\(key) \(step)")
            if Int.random(in: 0..<10, using: &random) == 0 { _ = rounds.begin() }
            for index in readers.indices where Int.random(in: 0..<readers[index].pace * 4, using: &random) == 0 {
                read(index)
            }
        }
        _ = rounds.begin()
        for index in readers.indices {
            read(index)
            #expect(readers[index].states == truth)
        }
    }
}
