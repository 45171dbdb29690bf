import Foundation
import SeededFaultsWithFaults
import SimulationWithFaults

/// Looks for one seeded fault, seed by seed, until a checker finds it.
///
/// A fault may also be found by the product itself, when one of its own preconditions ends the process. So the seeds run in a
/// process of their own: this program once more, which says which seed it tries.
struct SeededFaultHunt {
    struct Finding: Sendable {
        let seed: UInt64
        let checker: String
        let text: String
    }

    /// The faults by the names of the command line.
    static let faults: [String: SeededFault] = Dictionary(
        uniqueKeysWithValues: SeededFault.allCases.map { ($0.name, $0) })
    static var names: [String] { SeededFault.allCases.map(\.name) }
    static func brokenPromise(by name: String) -> String { faults[name]?.brokenPromise ?? "" }

    let name: String
    let seeds: Range<UInt64>

    /// Runs the seeds in this process.
    func runHere() {
        guard let fault = Self.faults[name] else { return }
        for seed in seeds {
            print("seed \(seed)")
            fflush(nil)
            let result = SeededFault.$active.withValue(fault) { Simulation(seed: seed).run() }
            guard let violation = result.violation else { continue }
            print("found \(violation.checker.rawValue)\t\(violation.text)")
            return
        }
    }

    /// - Returns: `nil` when no seed found the fault.
    func run() throws -> Finding? {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = ["--hunt", name, "--from", "\(seeds.lowerBound)", "--seeds", "\(seeds.count)"]
        // The end of the process is expected; its backtrace is of no use.
        process.environment = ProcessInfo.processInfo.environment.merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        let lines = Self.lines(of: output)
        let complaints = Self.lines(of: errors)
        process.waitUntilExit()

        let seed = lines.last { $0.hasPrefix("seed ") }.flatMap { UInt64($0.dropFirst(5)) } ?? seeds.lowerBound
        if let found = lines.last, found.hasPrefix("found ") {
            let parts = found.dropFirst(6).split(separator: "\t", maxSplits: 1).map(String.init)
            return Finding(seed: seed, checker: parts.first ?? "", text: parts.last ?? "")
        }
        guard process.terminationReason == .uncaughtSignal else { return nil }
        let complaint = complaints.first { $0.contains("Fatal error") } ?? "signal \(process.terminationStatus)"
        return Finding(seed: seed, checker: "the product itself", text: complaint)
    }

    private static func lines(of pipe: Pipe) -> [String] {
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
    }
}
