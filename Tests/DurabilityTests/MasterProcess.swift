import Foundation
import MasterClient
import TestSupport
import Transport

/// What is to happen to the disk of a master, and at which of its calls that change files.
struct DiskFault: Hashable, Sendable, CustomStringConvertible {
    /// See `CFaultyDisk.h`, whose words these are.
    enum Action: String, CaseIterable, Sendable {
        case before, after, torn
        case inputOutputError = "EIO"
        case noSpace = "ENOSPC"
        case full

        var kills: Bool {
            switch self {
            case .before, .after, .torn: true
            case .inputOutputError, .noSpace, .full: false
            }
        }
    }

    var action: Action
    /// Counted from 1, over all threads.
    var point: Int

    var description: String { "\(action.rawValue) call \(point)" }
}

/// One run of the real master on a state directory, with a disk that may fail.
final class MasterProcess: Sendable {
    let process: ChildProcess
    let endpoint: Endpoint

    /// The master ended before it served.
    struct NotServing: Error {
        let end: ChildProcess.End
    }

    /// Directories and secret of a master that is started again and again.
    struct Place: Sendable {
        let folder: String
        let secret: SharedSecret

        let state: String
        var secretFile: String { "\(folder)/secret" }
        var log: String { "\(folder)/master.log" }
        /// What the disk was asked for in the latest run.
        var calls: String { "\(folder)/calls" }

        /// - Parameter state: the state directory, if it is to be on another disk.
        init(folder: String, state: String? = nil) throws {
            self.folder = folder
            self.state = state ?? "\(folder)/state"
            let bytes = (0..<32).map { _ in UInt8.random(in: 33...126) }
            secret = try SharedSecret(bytes: bytes)
            try Data(bytes).write(to: URL(fileURLWithPath: secretFile))
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: secretFile)
        }

        private init(folder: String, secret: SharedSecret) {
            self.folder = folder
            self.secret = secret
            state = "\(folder)/state"
        }

        /// The equivalent for a copy of the directory.
        func moved(to folder: String) -> Place { Place(folder: folder, secret: secret) }

        /// The end of the master's log, for messages: of a crash, its reason and its frames, after which Swift prints registers.
        var logTail: String {
            let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            let lines = text.split(separator: "\n").filter { !$0.contains("sl-service") && !$0.contains(" starting ") }
            let crash = lines.firstIndex { $0.contains("Fatal error") || $0.contains("Program crashed") }
            let tail = crash.map { lines[max(0, $0 - 3)...].prefix(60) } ?? lines.suffix(12)
            return tail.map { $0.prefix(400) }.joined(separator: "\n")
        }
    }

    private init(_ process: ChildProcess, _ endpoint: Endpoint) {
        self.process = process
        self.endpoint = endpoint
    }

    /// Starts a master; returns when it serves.
    ///
    /// - Parameters:
    ///   - isCounted: whether the calls to the disk are counted, and logged to the place's `calls`.
    ///   - arguments: more of the master's options.
    ///   - listen: where to serve; by default the system chooses a port.
    /// - Throws: `NotServing` when it ends before.
    static func start(
        at place: Place, _ fault: DiskFault? = nil, isCounted: Bool = false, _ arguments: [String] = [],
        listen: Endpoint = Endpoint(host: "127.0.0.1", port: 0)
    ) async throws -> MasterProcess {
        let addressFile = "\(place.folder)/address"
        try? FileManager.default.removeItem(atPath: addressFile)
        try? FileManager.default.removeItem(atPath: place.calls)
        var environment = Programs.environment(home: place.folder)
        if fault != nil || isCounted {
            environment["LD_PRELOAD"] = Programs.path("libFaultyDisk.so")
            environment["FAULTY_DISK_FOLDER"] = place.state
            environment["FAULTY_DISK_LOG"] = place.calls
        }
        if let fault {
            environment["FAULTY_DISK_POINT"] = "\(fault.point)"
            environment["FAULTY_DISK_ACTION"] = fault.action.rawValue
        }
        let process = try ChildProcess(
            name: "master", executable: Programs.path("tessera-master"),
            arguments: [
                "--listen", "\(listen)", "--state-dir", place.state, "--secret-file", place.secretFile,
                "--address-file", addressFile, "--log-level", "debug", "--audit", "0",
            ] + (arguments.contains("--min-free-bytes") ? [] : ["--min-free-bytes", "0"]) + arguments,
            environment: environment, output: place.log, errors: place.log)
        do {
            let text = try await eventually("the master serves", every: .milliseconds(2)) { () throws -> String? in
                if let end = process.end { throw NotServing(end: end) }
                return try? String(contentsOfFile: addressFile, encoding: .utf8)
            }
            return MasterProcess(process, try Endpoint(parsing: text.trimmingCharacters(in: .newlines)))
        } catch {
            await kill(process)
            throw error
        }
    }

    /// Stops it in order.
    func stop() async throws -> ChildProcess.End {
        process.send(SIGTERM)
        return try await process.waitForEnd()
    }

    /// Kills it; returns when it is gone.
    func kill() async { await Self.kill(process) }

    private static func kill(_ process: ChildProcess) async {
        process.send(SIGKILL)
        // Also when the test's task is cancelled: then nothing else can wait.
        while process.isRunning { await Task.yield() }
    }
}
