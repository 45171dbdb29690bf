import struct Cryptography.SHA256
import Foundation
import Glibc
import MasterClient
import Synchronization
import TestSupport

/// Tries what a master with a failing disk leaves behind: the faulty run, then an undisturbed one on the same state.
struct DiskTrial: Sendable {
    /// A part of a master's history in which the fault is placed. Each begins with a state that is prepared once.
    enum Chapter: String, CaseIterable, Sendable {
        /// From an empty directory through the whole workload to a graceful shutdown.
        case workload
        /// Begins with what a master left that was killed in the middle of its workload.
        case recovery
        /// Starts with the state that a finished workload left; every job is forgotten.
        case forgetting
    }

    /// A call that changes files, as `CFaultyDisk.h` counts them.
    struct Call: Hashable, Sendable, CustomStringConvertible {
        let name: String
        /// Within the state directory.
        let path: String

        var description: String { "\(name) \(path)" }
        var isSync: Bool { name == "fsync" || name == "fdatasync" }
        var isOfJournal: Bool { path == "/journal.sqlite" || path == "/journal.sqlite-wal" }
    }

    /// What a trial found out.
    struct Report: Sendable {
        /// The call at the fault's point; `nil` when the run made fewer calls.
        var call: Call?
        /// The master lived on after the fault and refused what it could not do, or was not troubled at all.
        var survived = false
    }

    let folder: String
    let computer: TaskComputer
    /// Few, so that the log is written back several times in the workload.
    static let arguments = ["--checkpoint-pages", "40"]
    /// A run takes a fraction of a second; a hung one is a failure.
    private static let limit = Duration.seconds(60)

    private struct Start: Sendable {
        let place: MasterProcess.Place
        let memory: ClientWorkload.Memory
    }

    private let starts = Starts()

    private final class Starts: Sendable {
        let all = Mutex<[Chapter: Start]>([:])
    }

    init(folder: String) {
        self.folder = folder
        computer = TaskComputer(folder: folder, images: ClientWorkload.images)
    }

    // MARK: Preparing

    /// The calls of an undisturbed chapter.
    func calls(of chapter: Chapter) async throws -> [Call] {
        let (place, workload) = try await begin(chapter, in: "count-\(chapter.rawValue)")
        let master = try await MasterProcess.start(at: place, isCounted: true, Self.arguments + arguments(chapter))
        do {
            try await play(chapter, workload, at: master)
        } catch {
            await master.kill()
            throw error
        }
        let end = try await master.stop()
        guard end == .exited(0) else { throw ClientWorkload.Broken(description: "an undisturbed master ended: \(end)") }
        let calls = try Self.calls(at: place)
        try FileManager.default.removeItem(atPath: place.folder)
        return calls
    }

    static func calls(at place: MasterProcess.Place) throws -> [Call] { calls(inLog: place.calls) }

    /// The calls that the disk has logged to the file.
    static func calls(inLog log: String) -> [Call] {
        // Two threads may be overtaken between counting and writing.
        let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
        let numbered = text.split(separator: "\n").compactMap { line -> (Int, Call)? in
            let fields = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3, let number = Int(fields[0]) else { return nil }
            return (number, Call(name: String(fields[1]), path: String(fields[2])))
        }
        return numbered.sorted { $0.0 < $1.0 }.map(\.1)
    }

    /// A copy of the state and the knowledge with which the chapter begins.
    private func begin(_ chapter: Chapter, in name: String) async throws -> (MasterProcess.Place, ClientWorkload) {
        let place = "\(folder)/\(name)"
        try? FileManager.default.removeItem(atPath: place)
        if chapter == .workload {
            try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
            let place = try MasterProcess.Place(folder: place)
            return (place, ClientWorkload(secret: place.secret, computer: computer))
        }
        let start = try await start(of: chapter)
        try FileManager.default.copyItem(atPath: start.place.folder, toPath: place)
        return (
            start.place.moved(to: place), ClientWorkload(secret: start.place.secret, computer: computer, start.memory)
        )
    }

    private func start(of chapter: Chapter) async throws -> Start {
        if let known = starts.all.withLock({ $0[chapter] }) { return known }
        let path = "\(folder)/start-\(chapter.rawValue)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let place = try MasterProcess.Place(folder: path)
        let workload = ClientWorkload(secret: place.secret, computer: computer)
        var fault: DiskFault?
        if chapter == .recovery {
            let calls = try await calls(of: .workload)
            fault = DiskFault(action: .before, point: calls.count * 2 / 3)
        }
        let master = try await MasterProcess.start(at: place, fault, Self.arguments)
        do {
            try await play(.workload, workload, at: master)
        } catch  where chapter == .recovery {
            try await master.process.waitForEnd()
        } catch {
            await master.kill()
            throw error
        }
        if chapter == .forgetting { _ = try await master.stop() }
        // A killed master leaves its socket, which the copies of this directory cannot have.
        try? FileManager.default.removeItem(atPath: place.state + "/backup.socket")
        let start = Start(place: place, memory: await workload.memory)
        starts.all.withLock { $0[chapter] = start }
        return start
    }

    private func arguments(_ chapter: Chapter) -> [String] {
        chapter == .forgetting ? ["--keep-results", "0s"] : []
    }

    func play(_ chapter: Chapter, _ workload: ClientWorkload, at master: MasterProcess) async throws {
        try await within(Self.limit, "the master neither served nor ended") {
            switch chapter {
            case .workload, .recovery: try await workload.run(at: master.endpoint)
            case .forgetting: try await workload.seeAllForgotten(at: master.endpoint)
            }
        }
    }

    // MARK: Trying

    /// Runs the chapter with the fault, then an undisturbed master on what is left.
    ///
    /// - Throws: `ClientWorkload.Broken` when anything that was acknowledged is gone, an output is wrong, a blob is not what its name
    ///   says, or the master continued after a failed sync.
    func run(_ chapter: Chapter, _ fault: DiskFault) async throws -> Report {
        let (place, workload) = try await begin(chapter, in: "trial-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(atPath: place.folder) }
        do {
            var report = try await runFaulty(chapter, fault, workload, at: place)
            report.call = try Self.calls(at: place).dropFirst(fault.point - 1).first
            if fault.action.kills, report.call != nil, report.survived {
                throw ClientWorkload.Broken(description: "the master lived on")
            }
            try await runUndisturbed(chapter, workload, at: place)
            return report
        } catch {
            let call = try Self.calls(at: place).dropFirst(fault.point - 1).first
            throw ClientWorkload.Broken(
                description:
                    "\(chapter.rawValue), \(fault) (\(call?.description ?? "never made")): \(error)\n\(place.logTail)")
        }
    }

    private func runFaulty(
        _ chapter: Chapter, _ fault: DiskFault, _ workload: ClientWorkload, at place: MasterProcess.Place
    ) async throws -> Report {
        let master: MasterProcess
        do {
            master = try await MasterProcess.start(at: place, fault, Self.arguments + arguments(chapter))
        } catch let error as MasterProcess.NotServing {
            guard isAllowed(error.end, fault) else {
                throw ClientWorkload.Broken(description: "the master ended at its start: \(error.end)")
            }
            return Report()
        }
        do {
            try await play(chapter, workload, at: master)
        } catch let broken as ClientWorkload.Broken {
            await master.kill()
            throw broken
        } catch {
            // The connection ended with the master; or the master lives and has refused something.
            let mayLive = try error is MasterRefusal && fatalCall(of: fault, at: place) == nil
            if let end = try? await master.process.waitForEnd(within: mayLive ? .zero : .seconds(10)) {
                guard isAllowed(end, fault) else {
                    throw ClientWorkload.Broken(description: "the master ended: \(end)")
                }
                return Report()
            }
            await master.kill()
            guard !fault.action.kills, error is MasterRefusal else {
                throw ClientWorkload.Broken(description: "the master lives, but a client was told: \(error)")
            }
            if let call = try fatalCall(of: fault, at: place) {
                throw ClientWorkload.Broken(description: "the master continued after a failed \(call)")
            }
            return Report(survived: true)
        }
        let callCount = try Self.calls(at: place).count
        let end = try await master.stop()
        // What it was refused while it stopped needs no other end: the log is read again at the next start.
        if end == .exited(0), fault.point <= callCount, let call = try fatalCall(of: fault, at: place) {
            throw ClientWorkload.Broken(description: "the master continued after a failed \(call)")
        }
        guard isAllowed(end, fault) || end == .exited(0) else {
            throw ClientWorkload.Broken(description: "the master ended: \(end)")
        }
        return Report(survived: end == .exited(0))
    }

    private func isAllowed(_ end: ChildProcess.End, _ fault: DiskFault) -> Bool {
        switch end {
        case .killed(let signal): fault.action.kills && signal == SIGKILL
        case .exited(let status): !fault.action.kills && status == 1
        }
    }

    /// The call that the fault made fail, if a master must not continue after it: a sync, or a write of the journal.
    private func fatalCall(of fault: DiskFault, at place: MasterProcess.Place) throws -> Call? {
        guard let call = try Self.calls(at: place).dropFirst(fault.point - 1).first else { return nil }
        let isFatal =
            call.isOfJournal && (call.isSync || call.name == "pwrite")
            || call.isSync && call.path.hasPrefix("/blobs") && fault.action == .inputOutputError
        return isFatal ? call : nil
    }

    /// - Parameter wasPowerCut: then blobs that are not durable may be lost in any way.
    func runUndisturbed(
        _ chapter: Chapter, _ workload: ClientWorkload, at place: MasterProcess.Place, wasPowerCut: Bool = false
    ) async throws {
        let master = try await MasterProcess.start(at: place, nil, arguments(chapter))
        do {
            try await play(chapter, workload, at: master)
        } catch {
            await master.kill()
            throw error
        }
        let end = try await master.stop()
        guard end == .exited(0) else {
            throw ClientWorkload.Broken(description: "the undisturbed master ended: \(end)")
        }
        try checkBlobs(at: place, durableOnly: wasPowerCut)
    }

    /// Every blob is what its name says, and nothing is half put.
    private func checkBlobs(at place: MasterProcess.Place, durableOnly: Bool) throws {
        let blobs = "\(place.state)/blobs"
        for shelf in try FileManager.default.contentsOfDirectory(atPath: blobs) {
            for name in try FileManager.default.contentsOfDirectory(atPath: "\(blobs)/\(shelf)") {
                let path = "\(blobs)/\(shelf)/\(name)"
                var status = stat()
                // What is not durable can be written by its owner.
                if durableOnly, lstat(path, &status) == 0, status.st_mode & S_IWUSR != 0 { continue }
                let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
                let digest = SHA256.hash([UInt8](bytes)).map { String(format: "%02x", $0) }.joined()
                guard digest == shelf + name else {
                    throw ClientWorkload.Broken(description: "the blob \(shelf)/\(name) has the digest \(digest)")
                }
            }
        }
    }
}

/// Runs `body`, for at most `limit`.
private func within<Result: Sendable>(
    _ limit: Duration, _ what: String, _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Result?.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: limit)
            return nil
        }
        defer { group.cancelAll() }
        guard let result = try await group.next() ?? nil else {
            throw ClientWorkload.Broken(description: "\(what) within \(limit)")
        }
        return result
    }
}
