import Glibc
import JobModel
import Logging
import Settings
import SystemCalls
import Transport

/// The worker's settings, validated.
struct WorkerSettings: Sendable {
    static let software = "tessera-worker \(Release.version)"

    var master: Endpoint
    /// `nil` when there is none in any of the usual places.
    var secretFile: String?
    /// What to do then.
    var secretMissing: String
    var slotCount: Int
    var ranksPerSlot: Int
    /// Memory for the task of one slot: its files in shared memory and its ranks together.
    var slotMemoryByteCount: UInt64
    var name: String
    var scratchDirectory: String
    var mpirun: String
    var rankExecutable: String?
    /// Address space of one rank; `nil`: it follows from the slot's memory.
    var rankByteCount: UInt64?
    var drainTimeout: Duration
    var transport = TransportLimits()
    var logLevel: Logger.Level

    static let table = [
        Setting("master", "HOST:PORT", default: "127.0.0.1:7400", "The master's address"),
        Setting("secret-file", "FILE", "The secret shared with the master \(Settings.secretPlacesHelp)"),
        Setting("slots", "N", "Tasks at a time (default: the cores divided by the ranks)"),
        Setting("ranks", "R", "MPI ranks in a slot (default: 2, or 1 on one core; or the cores divided by the slots)"),
        Setting(
            "memory", "N",
            "Memory for the tasks of all slots (default: three quarters of what the machine, or the control group, has)"
        ),
        Setting("name", "NAME", "Label in listings (default: the host's name)"),
        Setting("scratch-dir", "DIR", default: "/dev/shm", "Shared memory for inputs and outputs of running tasks"),
        Setting("mpirun", "FILE", default: "/usr/bin/mpirun", "Open MPI's launcher"),
        Setting("rank-program", "FILE", "tessera-rank (default: next to this program)"),
        Setting(
            "rank-memory", "N",
            "Address space of one rank, from 1G (default: the slot's memory, and 1G for what else it maps)"),
        Setting("drain-timeout", "TIME", default: "20s", "After SIGTERM, hand back tasks that take longer than this"),
        Setting("transfer-timeout", "TIME", default: "60s", "Give up a transfer when nothing arrives for this long"),
        Setting("log-level", "LEVEL", default: "info", "trace, debug, info, notice, warning, error or critical"),
    ]

    /// A slot with less could not even run a small image.
    static let leastSlotMemoryByteCount = 128 << 20

    init(
        _ settings: Settings, coreCount: Int = Self.availableCoreCount,
        machineMemoryByteCount: UInt64 = MachineMemory.byteCount
    ) throws {
        do {
            master = try Endpoint(parsing: try settings.requiredText("master"), defaultPort: 7400)
        } catch let error as TransportError {
            throw settings.refused("master", error.message)
        }
        secretFile = settings.secretFile()
        secretMissing = settings.secretMissing
        let slots = settings.text("slots") == nil ? nil : try settings.integer("slots", in: 1...1024)
        let ranks = settings.text("ranks") == nil ? nil : try settings.integer("ranks", in: 1...256)
        (slotCount, ranksPerSlot) = Self.layout(slots: slots, ranks: ranks, coreCount: coreCount)
        slotMemoryByteCount = try Self.slotMemory(settings, slotCount, machineMemoryByteCount)
        name = settings.text("name") ?? Self.hostName
        guard (1...128).contains(name.utf8.count) else {
            throw settings.invalid("name", name, allowed: "1 to 128 bytes")
        }
        scratchDirectory = try settings.requiredText("scratch-dir")
        mpirun = try settings.requiredText("mpirun")
        rankExecutable = settings.text("rank-program")
        if settings.text("rank-memory") != nil {
            rankByteCount = UInt64(try settings.integer("rank-memory", in: 1 << 30...1 << 50))
        }
        drainTimeout = try settings.duration("drain-timeout", in: .zero ... .seconds(86400))
        transport.dataIdle = try settings.duration("transfer-timeout", in: .milliseconds(100) ... .seconds(86400))
        let level = try settings.requiredText("log-level")
        guard let logLevel = Logger.Level(rawValue: level) else {
            throw settings.invalid(
                "log-level", level, allowed: Logger.Level.allCases.map(\.rawValue).joined(separator: ", "))
        }
        self.logLevel = logLevel
    }

    /// Looks for the programs that a world is made of.
    /// - Throws: `SettingsError` that names the one that cannot be run, and its package.
    func checkPrograms(_ settings: Settings) throws(SettingsError) {
        try Self.check(mpirun, "mpirun", settings, "install Open MPI: apt install openmpi-bin")
        if let rankExecutable {
            try Self.check(rankExecutable, "rank-program", settings, "tessera-rank is installed beside tessera-worker")
        } else {
            let beside = ThisProcess.pathBesideExecutable("tessera-rank")
            try Self.check(beside, "rank-program", settings, "install all programs of one release in one directory")
        }
    }

    private static func check(
        _ path: String, _ name: String, _ settings: Settings, _ remedy: String
    ) throws(SettingsError) {
        guard access(path, X_OK) != 0 else { return }
        throw settings.refused(name, "\(path) cannot be run: \(SystemError.last); \(remedy)")
    }

    private static func slotMemory(
        _ settings: Settings, _ slotCount: Int, _ machineByteCount: UInt64
    ) throws(SettingsError) -> UInt64 {
        guard settings.text("memory") != nil else { return machineByteCount / 4 * 3 / UInt64(slotCount) }
        let least = leastSlotMemoryByteCount * slotCount
        return UInt64(try settings.integer("memory", in: least...(1 << 50)) / slotCount)
    }

    /// By default slots times ranks is the number of cores.
    static func layout(slots: Int?, ranks: Int?, coreCount: Int) -> (slots: Int, ranks: Int) {
        switch (slots, ranks) {
        case (let slots?, let ranks?): (slots, ranks)
        case (let slots?, nil): (slots, max(1, coreCount / slots))
        case (nil, let ranks?): (max(1, coreCount / ranks), ranks)
        case (nil, nil): coreCount < 2 ? (1, 1) : (coreCount / 2, 2)
        }
    }

    /// The processors of the machine that are online. Affinity and the limits of control groups are not considered.
    static var availableCoreCount: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

    private static var hostName: String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "worker" }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
