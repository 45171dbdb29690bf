import Autoscaling
import ClientKit
import JobModel
import Names
import PrivateCluster
import SystemCalls

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The files of one fleet, in a directory of their own, which one process holds at a time.
///
///     lock            held as long as the process lives
///     fleet.json      the workers for which a command was called; written before it is
///     NAME.out        what the start command of the worker NAME wrote to standard output; made before the command is called
///     NAME.err        what its latest command wrote to standard error
struct FleetFiles: ~Copyable, Sendable {
    let directory: String
    private let lock: OwnedDescriptor

    /// - Throws: `ClientError` when the directory cannot be used, or another process holds it.
    init(_ directory: String, fleet: String) throws(ClientError) {
        self.directory = directory
        try Self.make(directory)
        let path = directory + "/lock"
        guard
            let lock = OwnedDescriptor(
                result: BytePath(text: path).withCString { open($0, O_RDWR | O_CREAT | O_CLOEXEC, 0o600) })
        else { throw Self.error(path, "cannot be opened: \(SystemError.last)") }
        guard flock(lock.number, LOCK_EX | LOCK_NB) == 0 else {
            throw ClientError(
                "fleet-busy",
                "another 'tessera autoscale' keeps the fleet '\(fleet)' (\(ShownText.of(directory)) is locked); end that one, or "
                    + "name another fleet with --fleet")
        }
        self.lock = lock
    }

    /// `$XDG_STATE_HOME/tessera/autoscale/FLEET`, else below `~/.local/state`; `nil` without a home.
    static func usualDirectory(of fleet: String, environment: [String: String]) -> String? {
        ClusterPlaces.personalState(environment).map { "\($0)/autoscale/\(fleet)" }
    }

    private static func make(_ directory: String) throws(ClientError) {
        do {
            try OutputFile.makeDirectory(BytePath(text: directory), mode: 0o700)
        } catch {
            throw ClientError("fleet-state", "\(error.message); --state-dir names another directory")
        }
    }

    private static func error(_ path: String, _ what: String) -> ClientError {
        ClientError("fleet-state", "\(ShownText.of(path)) \(what); --state-dir names another directory")
    }

    func output(of name: String) -> String { "\(directory)/\(name).out" }
    func errors(of name: String) -> String { "\(directory)/\(name).err" }

    // MARK: The state

    private var stateFile: String { directory + "/fleet.json" }

    /// What an earlier run saved, aged by the time since, without the workers whose start command it did not call any more; `nil`
    /// when there was none.
    func load() throws(ClientError) -> FleetState? {
        guard FileStatus(at: BytePath(text: stateFile)) != nil else { return nil }
        let bytes = try FileDescriptor.contents(of: BytePath(text: stateFile), limit: 16 << 20)
        guard let json = try? JSON(parsing: bytes), case (var state, let savedAt)? = FleetState.reading(json) else {
            throw ClientError(
                "fleet-state",
                "\(ShownText.of(stateFile)) is damaged, or of another release; remove it to find the workers by their names: those "
                    + "that have not registered yet are then unknown")
        }
        // The output file is made before the start command is called: without it, the run ended between its decision and the call.
        state.members.removeAll {
            $0.phase == .awaited && FileStatus(at: BytePath(text: output(of: $0.name))) == nil
        }
        let now = WallClock.millisecondsSince1970
        return state.aged(by: .milliseconds(now > savedAt ? Int64(clamping: now - savedAt) : 0))
    }

    func save(_ state: FleetState) throws(ClientError) {
        let text = state.json(savedAt: WallClock.millisecondsSince1970).text + "\n"
        do {
            try replaceFile(at: stateFile, with: Array(text.utf8), mode: 0o600)
        } catch {
            throw Self.error(stateFile, "cannot be written: \(error)")
        }
    }

    /// Removes what commands wrote for workers that are no more.
    func sweep(keeping names: Set<String>) {
        guard let entries = try? directoryEntries(at: directory) else { return }
        for entry in entries where entry.hasSuffix(".out") || entry.hasSuffix(".err") {
            guard !names.contains(String(entry.dropLast(4))) else { continue }
            _ = BytePath(text: "\(directory)/\(entry)").withCString { unlink($0) }
        }
    }
}

// MARK: - As JSON

extension FleetState {
    /// Raised when the form changes so that an older release would misread it.
    private static let version = 1

    func json(savedAt: UInt64) -> JSON {
        [
            "version": .integer(Self.version), "saved_at": .integer(savedAt),
            "slots_per_worker": slotsPerWorker.map { .integer($0) },
            "failures": failures > 0 ? .integer(failures) : nil,
            "start_pause_milliseconds": startPause > .zero ? .integer(Int(startPause.milliseconds)) : nil,
            "workers": .array(
                members.map { member in
                    [
                        "name": .string(member.name), "phase": .string(member.phase.rawValue),
                        "reason": member.reason.map { .string($0.rawValue) },
                        "age_milliseconds": .integer(Int(member.age.milliseconds)),
                        "worker": member.worker.map { .integer($0.rawValue) }, "address": .string(member.address),
                    ]
                }),
        ]
    }

    /// Reads what `json` gave, and when it was saved.
    /// - Returns: `nil` for anything else, and for the form of another release.
    static func reading(_ json: JSON) -> (state: FleetState, savedAt: UInt64)? {
        guard json.member("version") == .integer(version), case .integer(let savedAt)? = json.member("saved_at"),
            savedAt >= 0, case .array(let workers)? = json.member("workers")
        else { return nil }
        var members: [Member] = []
        for worker in workers {
            guard case .string(let name)? = worker.member("name"), !name.isEmpty,
                case .string(let phaseName)? = worker.member("phase"), let phase = Member.Phase(rawValue: phaseName),
                case .integer(let age)? = worker.member("age_milliseconds"), age >= 0,
                case .string(let address)? = worker.member("address")
            else { return nil }
            var member = Member(name: name, phase: phase, age: .milliseconds(age), address: address)
            if case .string(let reason)? = worker.member("reason") { member.reason = .init(rawValue: reason) }
            if case .integer(let number)? = worker.member("worker"), number > 0 {
                member.worker = WorkerID(UInt64(number))
            }
            members.append(member)
        }
        var state = FleetState(members: members)
        if case .integer(let slots)? = json.member("slots_per_worker"), slots > 0 { state.slotsPerWorker = slots }
        if case .integer(let failures)? = json.member("failures"), failures > 0 { state.failures = failures }
        if case .integer(let pause)? = json.member("start_pause_milliseconds"), pause > 0 {
            state.startPause = .milliseconds(pause)
        }
        return (state, UInt64(savedAt))
    }
}
