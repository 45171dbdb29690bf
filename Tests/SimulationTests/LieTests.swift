import Foundation
import Testing

@testable import SimulationWithFaults

/// What the simulation's liars say covers every field that a worker can fill in.
@Suite struct LieTests {
    /// The messages of a worker's control connection that the master answers or believes.
    private static let messages = [
        "Register", "Heartbeat", "BandPublished", "TaskFinished", "TaskFailed", "Drain",
    ]
    /// Those that only a master sends; a worker that sends one is closed.
    private static let ofMasters = ["Registered", "HeartbeatReply", "GrantLease", "RevokeLease", "GrantInputs"]

    @Test func `every field of every message of a worker is lied about, or is named with the reason why not`() throws {
        let messages = try Self.parse()
        var fields: Set<String> = []
        var waiting = Self.messages
        while let name = waiting.popLast() {
            for (field, type) in try #require(messages[name], "there is no message \(name)") {
                guard fields.insert("\(name).\(field)").inserted else { continue }
                if messages[type] != nil { waiting.append(type) }
            }
        }
        let said = Lie.fields.union(Lie.unseen.keys)
        #expect(fields.subtracting(said).sorted() == [], "nobody lies about these")
        #expect(said.subtracting(fields).sorted() == [], "the protocol does not have these")
        #expect(Lie.fields.isDisjoint(with: Lie.unseen.keys))
        #expect(fields.count > 30)
    }

    @Test func `no message of a worker is left out`() throws {
        let messages = try Self.parse()
        let control = try #require(messages["Control"])
        let section = try Self.workerSection()
        #expect(section.count == Self.messages.count + Self.ofMasters.count)
        #expect(
            Set(section.compactMap { number in control.first { $0.field == number }?.type })
                == Set(Self.messages + Self.ofMasters))
    }

    @Test func `a few seeds have each kind of false word`() {
        var faults: [String: Int] = [:]
        for seed in UInt64(1)...120 {
            faults.merge(Simulation(seed: seed).run().faults, uniquingKeysWith: +)
        }
        for fault in [
            "reports a wrong result, worker", "publishes a wrong band, worker",
            "says in a heartbeat what is not so, worker",
            "registers as what it is not, worker", "reports on a lease that is not its own, worker",
            "gives back what it is granted, worker", "reports a failure that was none, worker",
            "hardly gets on, worker",
        ] {
            #expect(faults[fault, default: 0] > 0, "\(fault): never")
        }
    }

    // MARK: The protocol's file

    private static func lines() throws -> [Substring] {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Sources/Protocol/tessera.proto")
        return try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map { line in
            line.firstRange(of: "//").map { line[..<$0.lowerBound] } ?? line
        }
    }

    /// The fields of each message, with their types.
    private static func parse() throws -> [String: [(field: String, type: String)]] {
        var messages: [String: [(field: String, type: String)]] = [:]
        var message: String?
        for line in try lines() {
            var words = line.split(whereSeparator: { " ;{}".contains($0) }).map(String.init)
            if words.first == "message" {
                message = words[1]
                messages[words[1]] = []
                continue
            }
            if words.first == "repeated" { words.removeFirst() }
            guard let message, words.count >= 4, words[2] == "=", Int(words[3]) != nil else { continue }
            messages[message]?.append((field: words[1], type: words[0]))
        }
        return messages
    }

    /// The fields of `Control` that are between workers and master: numbers 10 to 29.
    private static func workerSection() throws -> [String] {
        try lines().drop { !$0.hasPrefix("message Control ") }.prefix { !$0.hasPrefix("}") }.compactMap { line in
            let words = line.split(whereSeparator: { " ;".contains($0) }).map(String.init)
            guard words.count == 4, words[2] == "=", let number = Int(words[3]), (10..<30).contains(number),
                words[0].first?.isUppercase == true, !words[0].hasPrefix("CHANNEL"), !words[0].hasPrefix("ROLE")
            else { return nil }
            return words[1]
        }
    }
}
