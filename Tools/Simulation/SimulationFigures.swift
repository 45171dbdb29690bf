/// What a series of seeds adds up to.
public struct SimulationFigures: Sendable {
    public private(set) var seedCount = 0
    public private(set) var simulated = Duration.zero
    public private(set) var eventCount: UInt64 = 0
    public private(set) var commitCount: UInt64 = 0
    public private(set) var acknowledgedJobs = 0
    /// The greatest part of the liveness bound that a seed used.
    public private(set) var worstBoundShare = 0.0
    public private(set) var faults: [String: Int] = [:]
    /// The time that the runs took.
    public var elapsed = Duration.zero

    public init() {}

    public mutating func add(_ result: SimulationResult) {
        seedCount += 1
        simulated += result.simulated
        eventCount += result.eventCount
        commitCount += result.commitCount
        acknowledgedJobs += result.acknowledgedJobs
        worstBoundShare = max(worstBoundShare, result.boundShare)
        faults.merge(result.faults, uniquingKeysWith: +)
    }

    private var rows: [(name: String, value: Int)] {
        [
            ("seeds", seedCount), ("simulated seconds", Int(simulated / .seconds(1))),
            ("elapsed milliseconds", Int(elapsed / .milliseconds(1))), ("events", Int(eventCount)),
            ("commits", Int(commitCount)), ("acknowledged jobs", acknowledgedJobs),
            ("percent of the liveness bound, at worst", Int((worstBoundShare * 100).rounded(.up))),
            ("times real time", elapsed > .zero ? Int(simulated / elapsed) : 0),
        ]
    }

    /// For people: one figure per line, then how often each fault was injected.
    public var table: String {
        let faultRows = faults.sorted { $0.key < $1.key }.map { (name: "fault: " + $0.key, value: $0.value) }
        return (rows + faultRows).map { "\($0.name.padded(to: 40)) \($0.value)" }.joined(separator: "\n")
    }

    public var json: String {
        let figures = rows.map { "  \"\($0.name)\": \($0.value)" }
        let faultFigures = faults.sorted { $0.key < $1.key }.map { "    \"\($0.key)\": \($0.value)" }
        return "{\n" + figures.joined(separator: ",\n") + ",\n  \"faults\": {\n"
            + faultFigures.joined(separator: ",\n") + "\n  }\n}\n"
    }
}

extension SimulationResult {
    /// What a person needs to see of a failed seed, and to run it again.
    public var report: String {
        "seed \(seed) FAILED: \(violation.map { "\($0)" } ?? "nothing")\ndrawn: \(options)\nthe last events:\n\(trace)\n"
            + "replay: tessera-sim --from \(seed) --seeds 1"
    }
}

extension String {
    /// With spaces behind it, up to the width.
    public func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
