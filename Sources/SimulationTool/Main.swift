import ArgumentParser
import Glibc
import Simulation

/// Runs seeds of the simulated cluster.
@main struct SimulationCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tessera-sim",
        abstract: "Run simulated clusters, one for each seed, and stop at the first that breaks a promise.",
        discussion: "The exit status is 1 when a seed failed, or when a planted bug was not found.")

    @Option(help: "How many seeds to run.") var seeds: UInt64 = 100
    @Option(help: "The first seed.") var from: UInt64 = 1
    @Option(help: "Stop after so many minutes.") var minutes: Double?
    @Option(help: "Write the figures to this file as JSON.") var json: String?
    @Option(help: "Plant a bug and look for it: its name, or 'all'.") var planted: String?
    @Flag(help: "Print each seed's digest: two runs of a seed print the same.") var digests = false

    func validate() throws {
        guard seeds > 0 else { throw ValidationError("--seeds is 0; at least 1 is needed") }
        if let planted, planted != "all", PlantedBug(rawValue: planted) == nil {
            let names = PlantedBug.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("there is no bug \(planted); there are all, \(names)")
        }
    }

    func run() throws {
        if let planted {
            let bugs = planted == "all" ? PlantedBug.allCases : [PlantedBug(rawValue: planted)].compactMap { $0 }
            try find(bugs)
        } else {
            try runSeeds()
        }
    }

    private func runSeeds() throws {
        var figures = SimulationFigures()
        let clock = ContinuousClock()
        let start = clock.now
        var failure: SimulationResult?
        for seed in from..<(from + seeds) {
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

    private func find(_ bugs: [PlantedBug]) throws {
        var missed = 0
        for bug in bugs {
            var found: SimulationResult?
            for seed in from..<(from + seeds) where found == nil {
                let result = Simulation(seed: seed, bug: bug).run()
                if result.violation != nil { found = result }
            }
            let name = bug.rawValue.padded(to: 28)
            if let found {
                print("\(name) seed \(found.seed): \(found.violation ?? "")")
            } else {
                missed += 1
                print("\(name) NOT FOUND in \(seeds) seeds")
            }
            fflush(nil)
        }
        print("\(bugs.count - missed) of \(bugs.count) planted bugs found")
        if missed > 0 { throw ExitCode(1) }
    }
}
