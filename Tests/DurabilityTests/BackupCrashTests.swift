import Foundation
import Glibc
import JobModel
import Journal
import TestBasics
import TestSupport
import Testing

/// What `tessera-master backup` and `restore` do to files, interrupted or refused at single calls: a sample here, every call with
/// `TESSERA_CRASH_POINTS=all`.
@Suite(.serialized, .timeLimit(.minutes(60))) struct BackupCrashTests {
    @Test func `a backup that is interrupted anywhere is whole or is none, and the state stays as it was`() async throws
    {
        try await withTemporaryDirectory { folder in
            let bench = try await BackupBench(folder: folder)
            try await tryAll(bench, word: "backup", [.before, .after, .torn, .inputOutputError, .noSpace]) { trial in
                let target = trial.folder + "/backup"
                // The last calls come after the name; without it the command has not succeeded.
                if !FileManager.default.fileExists(atPath: target) {
                    #expect(trial.end != .exited(0), "\(trial): \(trial.said)")
                    let again = try await bench.run("backup", target, state: trial.state, in: trial.folder)
                    #expect(again.end == .exited(0), "\(trial): \(again.said)")
                }
                try await bench.checkRestored(from: target, in: trial.folder)
                #expect(try BackupBench.records(ofInterrupted: trial.state) == bench.records)
            }
        }
    }

    @Test func `a restore that is interrupted anywhere is whole, or is made again`() async throws {
        try await withTemporaryDirectory { folder in
            let bench = try await BackupBench(folder: folder)
            try await tryAll(bench, word: "restore", [.before, .after, .torn, .inputOutputError, .noSpace]) { trial in
                let again = try await bench.run("restore", bench.backup, state: trial.state, in: trial.folder)
                if again.end != .exited(0) {
                    #expect(again.said.contains("is not empty"), "\(trial): \(again.said)")
                    // The call was one of the last: all was in its place.
                    #expect(!FileManager.default.fileExists(atPath: trial.state + "/restoring"))
                }
                try bench.checkState(trial.state)
            }
        }
    }

    private func tryAll(
        _ bench: BackupBench, word: String, _ actions: [DiskFault.Action],
        _ check: (BackupBench.Trial) async throws -> Void
    ) async throws {
        var random = SeedFromEnvironment()
        let undisturbed = try await bench.attempt(word, nil)
        #expect(undisturbed.end == .exited(0), "\(undisturbed.said)")
        let calls = DiskTrial.calls(inLog: undisturbed.calls)
        try #require(calls.count > 30, "the calls are counted")
        try FileManager.default.removeItem(atPath: undisturbed.folder)
        let isAll = CrashPointTests.Selection(sample: 0).isAll
        var (triedCount, reachedCount) = (0, 0)
        for action in actions {
            let points = calls.indices.map { $0 + 1 }
                .filter { action != .torn || calls[$0 - 1].name.hasSuffix("write") }
            for point in isAll ? points : Array(points.shuffled(using: &random).prefix(4)) {
                let trial = try await bench.attempt(word, DiskFault(action: action, point: point))
                triedCount += 1
                if trial.end != .exited(0) { reachedCount += 1 }
                switch trial.end {
                case .killed(let signal): #expect(action.kills && signal == SIGKILL)
                // A file that cannot be removed at the end changes nothing for what was made.
                case .exited(let status):
                    #expect(!action.kills && (status == 1 || status == 0), "\(trial): \(trial.said)")
                }
                do {
                    try await check(trial)
                } catch {
                    let call = DiskTrial.calls(inLog: trial.calls).dropFirst(point - 1).first
                    Issue.record("\(trial) (\(call?.description ?? "never made")): \(error)\n\(trial.said)")
                }
                try FileManager.default.removeItem(atPath: trial.folder)
            }
        }
        print(
            "\(word): \(calls.count) calls; \(triedCount) points tried, \(reachedCount) reached (seed \(random.seed))")
        #expect(reachedCount > triedCount / 2)
    }
}

/// A state directory with jobs of every kind, its backup, and the commands that are tried on copies of them.
private struct BackupBench: Sendable {
    /// One run of a command.
    struct Trial: CustomStringConvertible {
        let folder: String
        let state: String
        /// The log of its calls.
        let calls: String
        let fault: DiskFault?
        let end: ChildProcess.End
        let said: String

        var description: String { fault.map { "\($0)" } ?? "undisturbed" }
    }

    let folder: String
    let backup: String
    let records: [Record]
    private let state: String
    private let generation: Generation

    init(folder: String) async throws {
        self.folder = folder
        let place = try MasterProcess.Place(folder: folder)
        state = place.state
        backup = folder + "/backup"
        let workload = ClientWorkload(
            secret: place.secret, computer: TaskComputer(folder: folder, images: ClientWorkload.images))
        let master = try await MasterProcess.start(at: place)
        do {
            try await workload.run(at: master.endpoint)
        } catch {
            await master.kill()
            throw error
        }
        try #require(try await master.stop() == .exited(0))
        let arguments = ["backup", backup, "--state-dir", state]
        let made = try await Self.run(arguments, Programs.environment(home: folder), output: folder + "/said")
        try #require(made.end == .exited(0), "\(made.said)")
        let journal = try JournalFile(path: backup + "/journal.sqlite")
        generation = journal.generation
        records = try Self.records(journal)
    }

    /// The records of a state directory on which a command was interrupted: the end may be in the log.
    ///
    /// To be called once for a directory: a process that another test starts at this moment may hold the lock a little longer.
    static func records(ofInterrupted directory: String) throws -> [Record] {
        let journal = try Journal(directory: directory)
        defer { try? journal.close() }
        var records: [Record] = []
        try journal.replay { records.append($0) }
        return records
    }

    private static func records(_ journal: JournalFile) throws -> [Record] {
        var records: [Record] = []
        try journal.replay { records.append($0) }
        return records
    }

    /// Runs the command in a directory of its own: a backup of a copy of the state, or a restore of the backup.
    func attempt(_ word: String, _ fault: DiskFault?) async throws -> Trial {
        let place = "\(folder)/trial-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        let state = place + "/state"
        let directory: String
        if word == "backup" {
            try FileManager.default.copyItem(atPath: self.state, toPath: state)
            directory = place + "/backup"
        } else {
            directory = backup
        }
        let (end, said) = try await run(word, directory, state: state, in: place, fault, isCounted: true)
        return Trial(
            folder: place, state: state, calls: place + ".calls", fault: fault, end: end, said: said)
    }

    func run(
        _ word: String, _ directory: String, state: String, in place: String, _ fault: DiskFault? = nil,
        isCounted: Bool = false
    ) async throws -> (end: ChildProcess.End, said: String) {
        var environment = Programs.environment(home: folder)
        if isCounted {
            environment["LD_PRELOAD"] = Programs.path("libFaultyDisk.so")
            environment["FAULTY_DISK_FOLDER"] = place
            environment["FAULTY_DISK_LOG"] = place + ".calls"
        }
        if let fault {
            environment["FAULTY_DISK_POINT"] = "\(fault.point)"
            environment["FAULTY_DISK_ACTION"] = fault.action.rawValue
        }
        return try await Self.run(
            [word, directory, "--state-dir", state], environment, output: "\(folder)/said-\(UUID().uuidString)")
    }

    private static func run(
        _ arguments: [String], _ environment: [String: String], output: String
    ) async throws -> (end: ChildProcess.End, said: String) {
        let process = try ChildProcess(
            name: arguments[0], executable: Programs.path("tessera-master"), arguments: arguments,
            environment: environment, output: output, errors: output)
        do {
            let end = try await process.waitForEnd()
            let said = try String(contentsOfFile: output, encoding: .utf8)
            return (end, said)
        } catch {
            process.send(SIGKILL)
            throw error
        }
    }

    /// Restores it, and compares.
    func checkRestored(from backup: String, in place: String) async throws {
        let restored = place + "/restored"
        let made = try await run("restore", backup, state: restored, in: place)
        try #require(made.end == .exited(0), "\(made.said)")
        try checkState(restored)
    }

    /// The directory has the records, and every blob of the backup, byte for byte.
    func checkState(_ directory: String) throws {
        let journal = try JournalFile(path: directory + "/journal.sqlite")
        #expect(journal.generation.lineage == generation.lineage && journal.generation.number > generation.number)
        #expect(try Self.records(journal) == records)
        let files = FileManager.default
        let blobs = try files.subpathsOfDirectory(atPath: backup + "/blobs").sorted()
        #expect(try files.subpathsOfDirectory(atPath: directory + "/blobs").sorted() == blobs && blobs.count > 5)
        for blob in blobs where blob.count > 3 {
            #expect(files.contentsEqual(atPath: "\(backup)/blobs/\(blob)", andPath: "\(directory)/blobs/\(blob)"))
        }
    }
}
