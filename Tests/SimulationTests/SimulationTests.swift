import Foundation
import JobModel
import Testing

// The optimised build of the simulation, without any fault seeded: the same code at a tenth of the time.
@testable import SimulationWithFaults

/// A fixed budget of seeds. More of them: `swift run -c release tessera-sim --seeds 10000`.
@Suite(.serialized) struct SimulationTests {
    @Test func `every seed of the budget keeps all promises`() {
        var figures = SimulationFigures()
        for seed in UInt64(1)...60 {
            let result = Simulation(seed: seed).run()
            figures.add(result)
            #expect(result.violation == nil, "\(result.report)")
        }
        // A simulation in which nothing happens keeps all promises, too.
        #expect(figures.acknowledgedJobs > 60)
        #expect(figures.commitCount > 1_000)
        #expect(figures.worstBoundShare > 0 && figures.worstBoundShare < 1)
        for fault in ["master killed", "master lost its power", "cannot be heard, worker", "killed, worker"] {
            #expect(figures.faults[fault, default: 0] > 20, "\(fault) happened too rarely")
        }
    }

    @Test func `a seed gives the same run twice`() {
        for seed in UInt64(1)...5 {
            let first = Simulation(seed: seed).run()
            let second = Simulation(seed: seed).run()
            #expect(first.digest == second.digest, "seed \(seed)")
            #expect(first.trace == second.trace, "seed \(seed)")
            #expect(first.eventCount == second.eventCount, "seed \(seed)")
        }
    }

    /// The order of sets and dictionaries differs between processes: nothing may depend on it.
    @Test func `a seed gives the same run in two processes`() throws {
        let first = try output(of: ["--seeds", "5", "--digests"])
        let second = try output(of: ["--seeds", "5", "--digests"])
        let digests = first.filter { $0.contains("digest") }
        #expect(digests.count == 5)
        #expect(digests == second.filter { $0.contains("digest") })
    }

    @Test func `two seeds give two runs`() {
        #expect(Simulation(seed: 1).run().digest != Simulation(seed: 2).run().digest)
    }

    @Test func `a stalled worker hears everything in its order, whenever its stall ends`() throws {
        let simulation = Simulation(seed: 1)
        simulation.setUpWorkers(1)
        simulation.pass(until: simulation.timeline.now + .seconds(10))
        let connection = try #require(simulation.workers[0].connection)
        simulation.workers[0].pausedUntil = simulation.timeline.now + .seconds(2)
        simulation.sendToWorker(.drain(true), on: connection)
        simulation.pass(until: simulation.timeline.now + .seconds(1))
        #expect(!simulation.workers[0].waiting.isEmpty)
        simulation.workers[0].pausedUntil = simulation.timeline.now
        simulation.sendToWorker(.drain(false), on: connection)
        simulation.pass(until: simulation.timeline.now + .milliseconds(1_500))
        #expect(simulation.workers[0].waiting.isEmpty)
        #expect(!simulation.workers[0].board.isDraining)
    }

    @Test func `workers that are stalled or cut off for a second or two are rarely declared dead`() {
        let trial = FalseDeathTrial.run(seed: 1, nodeHours: 100)
        #expect(trial.nodeHours == 100)
        #expect(trial.deaths <= 1)
    }

    @Test func `the figures of a run are written as JSON`() throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("figures-\(UUID().uuidString).json")
        defer { try? FileManager.default.removeItem(at: file) }
        let lines = try output(of: ["--seeds", "3", "--json", file.path])
        let json = try JSONSerialization.jsonObject(with: try Data(contentsOf: file))
        let figures = try #require(json as? [String: Any])
        #expect(figures["seeds"] as? Int == 3)
        let faults = try #require(figures["faults"] as? [String: Int])
        #expect(faults.values.reduce(0, +) > 3)
        // The table for people shows the same.
        for (name, count) in faults {
            #expect(lines.contains { $0.hasPrefix("fault: \(name) ") && $0.hasSuffix(" \(count)") }, "\(name)")
        }
        let events = try #require(figures["events"] as? Int)
        #expect(lines.contains { $0.hasPrefix("events ") && $0.hasSuffix(" \(events)") })
    }

    @Test func `an unknown seeded fault is refused with the names of all`() throws {
        let errors = try output(of: ["--faults", "no-such-bug"], status: 64)
        #expect(errors.contains { $0.contains("no-such-bug") && $0.contains("attempt-not-checked") })
    }

    /// The lines that the command prints. It is beside the tests.
    private func output(of arguments: [String], status: Int32 = 0) throws -> [String] {
        let process = Process()
        let bundle = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        process.executableURL = URL(fileURLWithPath: bundle).deletingLastPathComponent()
            .appendingPathComponent("tessera-sim")
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(process.terminationStatus == status)
        return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
    }
}
