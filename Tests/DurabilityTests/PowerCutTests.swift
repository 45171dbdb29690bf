import Foundation
import Glibc
import JobModel
import Journal
import Testing
import TestSupport

private let cutCount = ProcessInfo.processInfo.environment["TESSERA_POWER_CUTS"].flatMap { Int($0) } ?? 0

/// Loss of power, on a file system of its own that is shut down under the writer: `scripts/power-cuts.sh`.
///
/// Needs root and loop devices, and takes long: runs only when `TESSERA_POWER_CUTS` says how many cuts are wanted.
@Suite(.serialized, .enabled(if: cutCount > 0, "set TESSERA_POWER_CUTS to a number of cuts, as root"))
struct PowerCutTests {
    @Test func `a journal has after every cut what it acknowledged before`() async throws {
        var random = SeedFromEnvironment()
        var (acknowledgedCount, lostCount, unacknowledgedCount) = (0, 0, 0)
        let disk = try await LoopDisk()
        defer { disk.remove() }
        let directory = "\(disk.mountPoint)/journal"
        var reached: UInt64 = 0
        for _ in 0..<cutCount {
            let output = "\(disk.folder)/acknowledged"
            try? FileManager.default.removeItem(atPath: output)
            let writer = try ChildProcess(
                name: "journal-writer", executable: Programs.path("journal-writer"), arguments: [directory],
                environment: Programs.environment(home: disk.folder), output: output, errors: "\(disk.folder)/errors")
            let wanted = reached + .random(in: 1...60, using: &random)
            var said = reached
            while said < wanted {
                guard writer.isRunning else {
                    throw ClientWorkload.Broken(description: "the writer ended after \(said)")
                }
                said = max(said, Self.lastNumber(in: output))
            }
            try await disk.cutPower(under: writer)
            said = max(said, Self.lastNumber(in: output))
            acknowledgedCount += Int(said - reached)
            try await disk.mount()

            let journal = try Journal(directory: directory)
            var records: [Record] = []
            try journal.replay { records.append($0) }
            let found = journal.highestJobID.rawValue
            try journal.close()
            #expect(records == JournalTranscript.records(after: found), "after \(found) transactions")
            if found < said { lostCount += Int(said - found) }
            if found > said { unacknowledgedCount += 1 }
            reached = found
        }
        print(
            "\(cutCount) cuts of the journal (seed \(random.seed)): \(acknowledgedCount) transactions acknowledged, "
                + "\(lostCount) lost; after \(unacknowledgedCount) cuts one was there that had not been acknowledged yet"
        )
        #expect(lostCount == 0)
    }

    @Test func `a master has after every cut what it acknowledged before`() async throws {
        var random = SeedFromEnvironment()
        let disk = try await LoopDisk()
        defer { disk.remove() }
        let trial = DiskTrial(folder: disk.folder)
        let callCount = try await trial.calls(of: .workload).count
        var brokenCount = 0
        let count = max(1, cutCount / 10)
        for number in 0..<count {
            do {
                try await trial.cutPower(
                    of: disk, named: "master-\(number)", atCall: .random(in: 1...callCount, using: &random))
            } catch let broken as ClientWorkload.Broken {
                brokenCount += 1
                Issue.record("\(broken)")
            }
        }
        print("\(count) cuts of the real master (seed \(random.seed)): \(brokenCount) broken")
    }

    private static func lastNumber(in path: String) -> UInt64 {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return 0 }
        // The last line may be half there.
        return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().last.flatMap { UInt64($0) } ?? 0
    }
}
