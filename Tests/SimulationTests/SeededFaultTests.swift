import SeededFaultsWithFaults
import SimulationWithFaults
import Testing

/// A simulation that finds nothing proves nothing: faults that are seeded in the real state machines and their shell must be
/// found. All of them within 1,000 seeds: `swift run -c release tessera-sim --faults all --seeds 1000`. Here are those that
/// a few seeds find, and that no precondition of the product finds before.
@Suite(.serialized) struct SeededFaultTests {
    private static let found = SeededFault.allCases.filter { $0.hunt == .fewSeeds }

    @Test(arguments: found)
    func `a seeded fault is found`(fault: SeededFault) throws {
        let result = SeededFault.$active.withValue(fault) {
            (UInt64(1)...200).lazy.map { Simulation(seed: $0).run() }.first { $0.violation != nil }
        }
        let failed = try #require(result, "\(fault.name) was not found within 200 seeds")
        #expect(failed.report.contains("seed \(failed.seed) FAILED"))
        #expect(failed.report.contains("drawn: workers"))
        #expect(failed.report.contains("replay: tessera-sim --from \(failed.seed) --seeds 1"))
        #expect(failed.trace.contains(" ms  "))
    }

    @Test func `without a seeded fault the same sources keep all promises`() {
        for seed in UInt64(1)...20 {
            let result = Simulation(seed: seed).run()
            #expect(result.violation == nil, "\(result.report)")
        }
    }

    @Test func `a seeded fault has a name for the command line, and no two have the same`() {
        #expect(SeededFault.attemptNotChecked.name == "attempt-not-checked")
        #expect(Set(SeededFault.allCases.map(\.name)).count == SeededFault.allCases.count)
    }
}
