import Foundation
import SeededRandom
import TestSupport
import Testing

extension Campaigns {
    /// `FAULT_MATRIX=all swift test --filter FaultMatrix` runs every cell and prints the table; without it a sample runs.
    /// `FAULT_SEED` draws another sample and other frames, `FAULT_CELLS="decode kill rank"` names what to run.
    @Suite struct FaultMatrix {
        private static let environment = ProcessInfo.processInfo.environment
        private static let seed = environment["FAULT_SEED"].flatMap(UInt64.init) ?? 1

        private static var cells: [FaultCell] {
            if environment["FAULT_MATRIX"] == "all" { return FaultCell.possible }
            if let wanted = environment["FAULT_CELLS"] {
                return FaultCell.possible.filter { "\($0)".contains(wanted) }
            }
            // Each kind of fault twice, at any victim, in any phase.
            var random = SeededGenerator(seed: seed)
            return FaultCell.Kind.allCases.flatMap { kind in
                FaultCell.possible.filter { $0.kind == kind }.shuffled(using: &random).prefix(2)
            }
        }

        @Test func `every combination is either run or impossible for a reason`() {
            #expect(FaultCell.all.count == 6 * 8 * 5)
            #expect(FaultCell.possible.count == 6 * (2 * 5 + 6 * 2))
            #expect(Set(FaultCell.all).count == FaultCell.all.count)
            for cell in FaultCell.all where cell.impossibility != nil {
                #expect(cell.kind.isOfNetwork && cell.victim != .client && cell.victim != .worker)
            }
        }

        @Test func `a job's file does not depend on what happens, to whom, and when`()
            async throws
        {
            let cells = Self.cells
            var lines: [String] = []
            var next = cells.enumerated().makeIterator()
            // A cell that fails takes its cluster with it: the next one begins with a new one.
            while lines.count < cells.count {
                try await FaultRig.with { rig in
                    while let (number, cell) = next.next() {
                        do {
                            let duration = try await rig.run(cell, number: number + 1, seed: Self.seed)
                            lines.append(Self.line(cell, String(format: "%.1f s", duration / .seconds(1))))
                        } catch {
                            lines.append(Self.line(cell, "FAILED"))
                            let incidents = rig.incidents.suffix(3).map { "\n  \($0)" }.joined()
                            Issue.record(
                                error,
                                "cell \(cell), number \(number + 1), seed \(Self.seed); the last faults:\(incidents)")
                            break
                        }
                    }
                }
            }
            print(lines.joined(separator: "\n"))
        }

        @Test func `a job gets through a network that fails at every turn`() async throws {
            let jobCount = Self.environment["FAULT_MATRIX"] == "all" ? 60 : 2
            try await FaultRig.with { rig in
                for number in 1...jobCount {
                    let seed = Self.seed &* 1000 &+ UInt64(number)
                    do {
                        let duration = try await rig.run(amid: seed, number: number)
                        print("seed \(seed): \(rig.incidents.count) faults so far, \(duration)")
                    } catch {
                        let incidents = rig.incidents.suffix(12).map { "\n  \($0)" }.joined()
                        Issue.record(error, "job \(number), seed \(seed); the last faults:\(incidents)")
                        break
                    }
                }
                #expect(rig.incidents.count >= jobCount, "the network did fail")
            }
        }

        private static func line(_ cell: FaultCell, _ outcome: String) -> String {
            let columns = [cell.phase.rawValue, cell.kind.rawValue, cell.victim.rawValue]
            return columns.map { $0.padding(toLength: 11, withPad: " ", startingAt: 0) }.joined() + outcome
        }
    }
}
