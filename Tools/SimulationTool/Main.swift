import ArgumentParser
import Glibc
import Simulation

/// Runs seeds of the simulated cluster.
@main struct SimulationCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tessera-sim",
        abstract: "Run simulated clusters, one for each seed, and stop at the first that breaks a promise.",
        discussion: "The exit status is 1 when a seed failed, or when a seeded fault was not found.")

    @Option(help: "How many seeds to run.") var seeds: UInt64 = 100
    @Option(help: "The first seed.") var from: UInt64 = 1
    @Option(help: "Stop after this many minutes.") var minutes: Double?
    @Option(help: "Write the figures to this file as JSON.") var json: String?
    @Option(help: "Seed a fault and look for it: its name, or 'all'.") var faults: String?
    /// Only for `SeededFaultHunt`.
    @Option(help: .hidden) var hunt: String?
    @Option(help: "Count the false deaths in this many node-hours of pauses and losses.") var falseDeaths: Int?
    @Option(help: "Measure how soon a worker is found whose results are wrong once in this many; see --audit-share.")
    var auditTrial: Int?
    @Option(help: "The share of the tasks that is audited in the trial, in millionths.") var auditShare: UInt32 = 5_000
    @Flag(help: "Print each seed's digest: two runs of a seed print the same.") var digests = false

    func validate() throws {
        guard seeds > 0 else { throw ValidationError("--seeds is 0; at least 1 is needed") }
        if let faults, faults != "all", !SeededFaultHunt.names.contains(faults) {
            throw ValidationError(
                "there is no fault \(faults); there are all, \(SeededFaultHunt.names.joined(separator: ", "))")
        }
    }

    func run() throws {
        if let falseDeaths {
            let trial = FalseDeathTrial.run(seed: from, nodeHours: falseDeaths)
            print("\(trial.deaths) false deaths in \(trial.nodeHours) node-hours")
        } else if let auditTrial {
            var trial = AuditTrial(shareMillionths: auditShare, wrongOnceIn: auditTrial)
            for seed in range { trial.run(seed: seed) }
            print(trial.table)
            if let violation = trial.violation {
                print(violation)
                throw ExitCode(1)
            }
        } else if let hunt {
            SeededFaultHunt(name: hunt, seeds: range).runHere()
        } else if let faults {
            try find(faults == "all" ? SeededFaultHunt.names : [faults])
        } else {
            try runSeeds()
        }
    }

    private var range: Range<UInt64> { from..<(from + seeds) }

    private func runSeeds() throws {
        var figures = SimulationFigures()
        let clock = ContinuousClock()
        let start = clock.now
        var failure: SimulationResult?
        for seed in range {
            if let minutes, clock.now - start > .seconds(minutes * 60) { break }
            let result = Simulation(seed: seed).run()
            figures.add(result)
            if digests { print("seed \(seed) digest \(String(result.digest, radix: 16))") }
            if result.violation != nil {
                failure = result
                break
            }
        }
        figures.elapsed = clock.now - start
        print(figures.table)
        if let json { try writeText(figures.json, to: json) }
        if let failure {
            print(failure.report)
            throw ExitCode(1)
        }
    }

    /// Prints a table: the fault, what it breaks, and which seed and which checker found it.
    private func find(_ names: [String]) throws {
        var missed = 0
        for name in names {
            let finding = try SeededFaultHunt(name: name, seeds: range).run()
            let found = finding.map { "seed \("\($0.seed)".padded(to: 5)) \($0.checker): \($0.text)" }
            if found == nil { missed += 1 }
            print(
                name.padded(to: 28), SeededFaultHunt.brokenPromise(by: name).padded(to: 28),
                found ?? "NOT FOUND in \(seeds) seeds")
            fflush(nil)
        }
        print("\(names.count - missed) of \(names.count) seeded faults found")
        if missed > 0 { throw ExitCode(1) }
    }
}
