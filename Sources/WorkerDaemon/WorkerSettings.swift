import DaemonSupport
import Glibc
import JobModel
import Logging
import Settings
import SystemCalls
import Transport
import WorkerMachine

/// The worker's settings, validated.
struct WorkerSettings: Sendable {
    static let software = "tessera-worker \(Release.version)"

    var master: MasterAddresses
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
    /// From the start to the end at the latest; `nil`: without an end.
    var lifetime: Duration?
    /// How long the worker stays without a task; `nil`: for ever.
    var idleTimeout: Duration?
    /// `nil` when nothing says where it belongs.
    var generationFile: GenerationFile?
    var transport = TransportLimits()
    var encryption: Encryption
    /// `nil` when nobody can ask for metrics.
    var metricsListen: Endpoint?
    var logLevel: Logger.Level

    static let table = [
        Setting(
            "master", "HOST:PORT,...", default: "127.0.0.1:7400",
            "The master's address, or several at which it may be, separated by commas"),
        Setting("secret-file", "FILE", "The secret shared with the master \(Settings.secretPlacesHelp)"),
        Setting(
            "tls", "auto|on|off", default: "auto",
            "Encrypt connections to the master: except to this machine, all, or none"),
        Setting(
            "slots", "N",
            "Tasks at a time (default: one for each core that the worker may use, as long as each has 1G of memory)"),
        Setting("ranks", "R", "MPI ranks in a slot (default: the cores divided by the slots)"),
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
        Setting(
            "lifetime", "TIME",
            "Drain, and end this long after the start at the latest, such as 55m of an hour's allocation"),
        Setting("idle-timeout", "TIME", "End after this long without a task"),
        Setting(
            "generation-file", "FILE",
            "Remember here which masters were replaced by restored ones (default: $STATE_DIRECTORY/generations, else "
                + "~/.local/state/tessera/generations)"),
        Setting("transfer-timeout", "TIME", default: "60s", "Give up a transfer when nothing arrives for this long"),
        MetricsSetting.setting,
        Setting("log-level", "LEVEL", default: "info", "trace, debug, info, notice, warning, error or critical"),
    ]

    /// A slot with less could not even run a small image.
    static let leastSlotMemoryByteCount = 128 << 20

    init(
        _ settings: Settings, coreCount: Int = Machine.processorCount,
        machineMemoryByteCount: UInt64 = Machine.memoryByteCount, path: String? = ThisProcess.environment("PATH"),
        environment: (String) -> String? = ThisProcess.environment
    ) throws {
        do {
            master = try MasterAddresses(parsing: try settings.requiredText("master"), defaultPort: 7400)
        } catch let error as TransportError {
            throw settings.refused("master", error.message)
        }
        secretFile = settings.secretFile()
        secretMissing = settings.secretMissing
        encryption = try settings.choice("tls")
        let slots = settings.text("slots") == nil ? nil : try settings.integer("slots", in: 1...1024)
        let ranks = settings.text("ranks") == nil ? nil : try settings.integer("ranks", in: 1...256)
        let memoryByteCount = try Self.memory(settings, slots ?? 1, machineMemoryByteCount)
        (slotCount, ranksPerSlot) = Self.layout(
            slots: slots, ranks: ranks, coreCount: coreCount, memoryByteCount: memoryByteCount)
        slotMemoryByteCount = memoryByteCount / UInt64(slotCount)
        name = settings.text("name") ?? Self.hostName ?? "worker"
        guard (1...128).contains(name.utf8.count) else {
            throw settings.invalid("name", name, allowed: "1 to 128 bytes")
        }
        scratchDirectory = try settings.requiredText("scratch-dir")
        mpirun = Self.program(try settings.requiredText("mpirun"), path: path)
        rankExecutable = settings.text("rank-program")
        if settings.text("rank-memory") != nil {
            rankByteCount = UInt64(try settings.integer("rank-memory", in: 1 << 30...1 << 50))
        }
        drainTimeout = try settings.duration("drain-timeout", in: .zero ... .seconds(86400))
        if settings.text("lifetime") != nil {
            let least = Retirement.leastLifetime(drainTimeout: drainTimeout)
            lifetime = try settings.duration("lifetime", in: least ... .seconds(86400 * 3650))
        }
        if settings.text("idle-timeout") != nil {
            idleTimeout = try settings.duration("idle-timeout", in: .seconds(1) ... .seconds(86400 * 365))
        }
        generationFile = GenerationFile.path(given: settings.text("generation-file"), environment: environment)
            .map { GenerationFile(path: $0) }
        transport.dataIdle = try settings.duration("transfer-timeout", in: .milliseconds(100) ... .seconds(86400))
        metricsListen = try MetricsSetting.address(settings)
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
        var status = stat()
        guard stat(path, &status) == 0 else {
            let error = SystemError.last
            let reason = path.contains("/") ? "cannot be run: \(error)" : "is not in PATH"
            throw settings.refused(name, "\(path) \(reason); \(remedy)")
        }
        // The system lets a superuser "execute" a directory, too.
        switch status.st_mode & S_IFMT {
        case S_IFREG: break
        case S_IFDIR: throw settings.refused(name, "\(path) is a directory; name the program itself; \(remedy)")
        default: throw settings.refused(name, "\(path) is not a program; \(remedy)")
        }
        guard access(path, X_OK) != 0 else { return }
        throw settings.refused(name, "\(path) cannot be run: \(SystemError.last); \(remedy)")
    }

    /// The path of a program: a name without "/" is looked for in the directories of `path`, as shells do.
    private static func program(_ name: String, path: String?) -> String {
        guard !name.contains("/") else { return name }
        let places = (path ?? "/usr/bin:/bin").split(separator: ":").map { "\($0)/\(name)" }
        return places.first { access($0, X_OK) == 0 } ?? name
    }

    /// Looks whether the worlds' directories can be made.
    /// - Throws: `SettingsError` for a scratch directory that only another setting, or the administrator, makes usable.
    func checkScratch(_ settings: Settings) throws(SettingsError) {
        let remedy = "name a directory in shared memory that the worker may write, such as /dev/shm"
        var status = stat()
        let exists = stat(scratchDirectory, &status) == 0
        if exists, status.st_mode & S_IFMT != S_IFDIR {
            throw settings.refused("scratch-dir", "\(scratchDirectory) is not a directory; \(remedy)")
        }
        // Only an attempt tells: a superuser may write where the file system takes nothing.
        var template = Array("\(scratchDirectory)/tessera-attempt-XXXXXX".utf8CString)
        guard mkdtemp(&template) == nil else {
            rmdir(template)
            return
        }
        let error = SystemError.last
        // A full file system empties again: the start finds out.
        switch error.code {
        case ENOENT where !exists:
            throw settings.refused("scratch-dir", "\(scratchDirectory) does not exist; \(remedy)")
        case ENOENT, EACCES, EPERM, EROFS, ENOTDIR, ENAMETOOLONG, ELOOP:
            throw settings.refused("scratch-dir", "\(scratchDirectory) cannot be written: \(error); \(remedy)")
        default: break
        }
    }

    /// What a person may do about worlds that do not come up because there are more processes than the machine can start;
    /// `nil` where the processes are not that many.
    func startAdvice(coreCount: Int = Machine.processorCount) -> String? {
        let count = slotCount * ranksPerSlot
        guard count > 2 * coreCount else { return nil }
        return "--slots \(slotCount) with --ranks \(ranksPerSlot) start \(count) processes on "
            + "\(coreCount) cores; give fewer"
    }

    /// Memory for the tasks of all slots.
    private static func memory(
        _ settings: Settings, _ slotCount: Int, _ machineByteCount: UInt64
    ) throws(SettingsError) -> UInt64 {
        guard settings.text("memory") != nil else { return machineByteCount / 4 * 3 }
        let least = leastSlotMemoryByteCount * slotCount
        return UInt64(try settings.integer("memory", in: least...(1 << 50)))
    }

    /// By default there are as many slots of one rank as cores, since a task's serial parts (decoding, joining) leave the other
    /// ranks of its world idle, while other slots use them (decision 46). Where a slot would have too little memory for a large
    /// task, there are fewer, with more ranks each.
    static func layout(
        slots: Int?, ranks: Int?, coreCount: Int, memoryByteCount: UInt64
    ) -> (slots: Int, ranks: Int) {
        if let slots { return (slots, ranks ?? max(1, coreCount / slots)) }
        if let ranks { return (bounded(coreCount / ranks, memoryByteCount), ranks) }
        let most = bounded(coreCount, memoryByteCount)
        // The most slots of equal ranks that leave no core without one, or the most at all.
        let slots = (1...most).last { coreCount % $0 == 0 && $0 * 2 > most } ?? most
        return (slots, max(1, coreCount / slots))
    }

    /// The number of slots, at least 1, that have a fair amount of memory each.
    private static func bounded(_ slotCount: Int, _ memoryByteCount: UInt64) -> Int {
        max(1, min(slotCount, 1024, Int(clamping: memoryByteCount / fairSlotMemoryByteCount)))
    }

    /// Nearly every task fits into as much: a chunk of 16 MiB takes an eighth of it, and one of 128 MiB just so.
    private static let fairSlotMemoryByteCount: UInt64 = 1 << 30

    /// `nil` when the machine has none.
    private static var hostName: String? {
        let name = ThisProcess.hostName
        return name.isEmpty ? nil : name
    }
}
