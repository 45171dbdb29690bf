import GatewayLogic
import SeededRandom
import Testing

/// What readers of events get.
@Suite struct StateStreamTests {
    @Test func `a reader gets the newest state of each key once`() {
        var stream = StateStream()
        stream.set("job:1", topics: [.jobs], event: "job", text: "1a")
        stream.set("job:2", topics: [.jobs], event: "job", text: "2a")
        stream.set("job:1", topics: [.jobs], event: "job", text: "1b")
        let (changes, end) = stream.changes(after: 0, limit: 10) { _ in true }
        #expect(changes.map(\.text) == ["2a", "1b"])
        #expect(stream.changes(after: end, limit: 10) { _ in true }.changes.isEmpty)
        let isChanged = stream.set("job:1", topics: [.jobs], event: "job", text: "1b")
        #expect(!isChanged)
    }

    @Test func `topics are told apart, and what is somebody's own`() {
        var stream = StateStream()
        stream.set("a", topics: [.jobs, .job(1)], event: "job", text: "a")
        stream.set("b", topics: [.workers], event: "worker", text: "b")
        stream.set("c", topics: [.uploads], event: "upload", text: "c", owner: "ada")
        func seen(_ topics: Set<Topic>, _ name: String) -> [String] {
            stream.changes(after: 0, limit: 10) { change in
                change.topics.contains(where: topics.contains) && (change.owner ?? name) == name
            }.changes.map(\.text)
        }
        #expect(seen([.job(1)], "bob") == ["a"])
        #expect(seen([.workers, .jobs], "bob") == ["a", "b"])
        #expect(seen([.uploads], "bob") == [])
        #expect(seen([.uploads], "ada") == ["c"])
    }

    @Test(arguments: 0..<50) func `a reader that is cut off anywhere ends with the states that there are`(seed: UInt64)
    {
        var random = SeededGenerator(seed: seed)
        var stream = StateStream(maximumKeyCount: 40)
        var truth: [String: String] = [:]
        var reader: [String: String] = [:]
        var position: UInt64 = 0
        func read(upTo limit: Int) {
            // A gap: the reader looks at everything.
            guard stream.reaches(back: position) else {
                (reader, position) = (truth, stream.lastSequence)
                return
            }
            let (changes, end) = stream.changes(after: position, limit: limit) { _ in true }
            for change in changes { reader[String(change.text.prefix { $0 != " " })] = change.text }
            position = end
        }
        for step in 0..<2000 {
            let key = "k\(Int.random(in: 0..<60, using: &random))"
            truth[key] = "\(key) \(step)"
            stream.set(key, topics: [.jobs], event: "job", text: "\(key) \(step)")
            if Int.random(in: 0..<20, using: &random) == 0 { read(upTo: Int.random(in: 1...30, using: &random)) }
        }
        read(upTo: .max)
        #expect(reader == truth)
    }

    @Test func `topics and ids are read back`() throws {
        #expect(
            try Topic.list("jobs,job:17,workers,cluster,uploads") == [.jobs, .job(17), .workers, .cluster, .uploads])
        for bad in ["", "job:", "job:0", "everything", "job:-1"] {
            #expect(throws: Problem.self) { try Topic.list(bad) }
        }
        #expect(EventID("abc-17") == EventID(boot: "abc", sequence: 17))
        #expect(EventID(EventID(boot: "x", sequence: 3).description) == EventID(boot: "x", sequence: 3))
        for bad in ["", "17", "a-b", "a-1-2", "a--1"] { #expect(EventID(bad) == nil) }
    }
}
