import Glibc
import JobModel
import SystemCalls

/// The parameters of a slot's world.
struct WorldConfiguration: Sendable {
    /// Ranks in the world, at least 1.
    var rankCount: Int
    /// The program of a rank; by default `tessera-rank` next to this program.
    var rankExecutable: String
    /// Open MPI's launcher.
    var mpirun: String
    /// A directory on a memory file system, in which the world's private directory is created.
    var baseDirectory: String
    /// Time from the start of mpirun until every rank has said hello.
    var startTimeout: Duration
    /// Time in which a cancelled order must end; after it the world is killed.
    var cancelTimeout: Duration
    /// Memory for an order, its files included. The ranks refuse an order that they know to need more.
    var memoryByteCount: UInt64
    /// The most address space that a rank may use, so that a faulty decoder ends its rank and not the machine.
    ///
    /// By default the world's memory plus what a rank maps before its first order: its program, Open MPI, its threads' stacks
    /// and what its allocator reserves for them.
    var rankAddressSpaceByteCount: UInt64
    /// The most bytes in one MPI message; longer ones go in pieces. Below 2 GiB.
    var messageByteCount = 1 << 30

    init(
        rankCount: Int, rankExecutable: String? = nil, mpirun: String = "/usr/bin/mpirun",
        baseDirectory: String = "/dev/shm", startTimeout: Duration = .seconds(30),
        cancelTimeout: Duration = .seconds(2), memoryByteCount: UInt64 = Machine.memoryByteCount,
        rankAddressSpaceByteCount: UInt64? = nil
    ) {
        precondition(rankCount > 0, "a world of \(rankCount) ranks")
        self.rankCount = rankCount
        self.rankExecutable = rankExecutable ?? ThisProcess.pathBesideExecutable("tessera-rank")
        self.mpirun = mpirun
        self.baseDirectory = baseDirectory
        self.startTimeout = startTimeout
        self.cancelTimeout = cancelTimeout
        self.memoryByteCount = memoryByteCount
        self.rankAddressSpaceByteCount = rankAddressSpaceByteCount ?? memoryByteCount + Self.emptyRankByteCount
    }

    /// Whether the launcher has the name of one. Another program that ends without a word is taken for a mistake.
    var isNamedAsLauncher: Bool {
        let name = mpirun.split(separator: "/").last ?? ""
        return ["mpirun", "mpiexec", "orterun"].contains { name.hasPrefix($0) }
    }

    private static let emptyRankByteCount: UInt64 = 1 << 30
}

/// The command that starts a world: program, arguments and environment. No shell is involved.
struct WorldCommand: Sendable {
    let executable: String
    let arguments: [String]
    let environment: [String]

    /// The ranks are local, and all that Open MPI needs to know is said here: settings of a cluster's Open MPI, which are for
    /// jobs on many machines, must not reach them (decision 47). They would come from files in the user's home and in `/etc`,
    /// from the default file of hosts, and from variables; none of them is read or passed on.
    ///
    /// - Parameters:
    ///   - parent: the process with which the world ends.
    ///   - host: the machine's name.
    ///   - token: lets the ranks prove that they are ours. It is in the environment, which only this user can read, not in the
    ///     arguments, which every user can.
    init(
        _ configuration: WorldConfiguration, socket: String, session: String, token: String, parent: pid_t,
        host: String = ThisProcess.hostName
    ) {
        // Local transports only, nothing bound to a core, no remote launcher, every file in our own directory. `ob1` and
        // the exclusions spare Open MPI the search for network hardware.
        let parameters: KeyValuePairs = [
            "btl": "self,vader", "btl_vader_single_copy_mechanism": "none", "btl_vader_backing_directory": session,
            "pml": "ob1", "osc": "^ucx", "plm": "isolated", "oob_tcp_if_include": "lo", "orte_tmpdir_base": session,
            "mpi_yield_when_idle": "1", "orte_base_help_aggregate": "0", "odls_base_sigkill_timeout": "0",
            "orte_default_hostfile": "none", "btl_base_warn_component_unused": "0",
        ]
        executable = configuration.rankExecutable
        arguments =
            [executable, "--launch", String(parent), configuration.mpirun, "-n", String(configuration.rankCount)]
            + ["--oversubscribe", "--bind-to", "none"]
            + (Array(parameters) + Self.parameters(forHost: host)).flatMap { ["--mca", $0.key, $0.value] }
            + [executable]

        var environment = Self.inherited.compactMap { name in
            ThisProcess.environment(name).map { "\(name)=\($0)" }
        }
        if geteuid() == 0 {
            environment += ["OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1"]
        }
        // A crash is reported in one line. The runtime's backtrace takes half a second, and would fill the whole output tail. An
        // operator who wants it sets the variable for the worker.
        if ThisProcess.environment("SWIFT_BACKTRACE") == nil { environment.append("SWIFT_BACKTRACE=enable=no") }
        environment += [
            // No settings files, neither in /etc nor in the home directory, which is the session's.
            "OMPI_MCA_mca_base_param_files=none", "PMIX_MCA_mca_base_param_files=none", "HOME=\(session)",
            // PMIx keeps its data in the processes, not in 8 MiB of shared memory for each world.
            "PMIX_MCA_gds=hash",
            "TMPDIR=\(session)", "TESSERA_RANK_SOCKET=\(socket)", "TESSERA_RANK_TOKEN=\(token)",
            "TESSERA_RANK_REVISION=\(JobOptions.currentResultRevision)",
            "TESSERA_RANK_ADDRESS_SPACE=\(configuration.rankAddressSpaceByteCount)",
            "TESSERA_RANK_MEMORY=\(configuration.memoryByteCount)",
            "TESSERA_RANK_MESSAGE=\(configuration.messageByteCount)",
        ]
        self.environment = environment
    }

    /// The variables of the worker's environment that the ranks get, which leaves out its secrets.
    private static let inherited = ["PATH", "LANG", "LD_LIBRARY_PATH", "SWIFT_BACKTRACE"]

    /// What Open MPI 4.1 needs on a machine whose name it cannot use: it compresses the names of nodes by an algorithm that
    /// knows letters, digits and hyphens only ("my_host" and "(none)" end it), and its PMIx overflows a buffer by a name of 57
    /// bytes or more. It ignores the domain, from the first dot on.
    static func parameters(forHost host: String) -> [(key: String, value: String)] {
        let name = host.prefix { $0 != "." }
        let isPlain = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        if isPlain && name.utf8.count <= 40 { return [] }
        // Names as they are, and without what they begin with: of a name of one machine, nothing is needed. A list of prefixes
        // has commas between them.
        let prefix = name.prefix { $0 != "," }
        return [("regx", "naive")] + (prefix.isEmpty ? [] : [("orte_strip_prefix", String(prefix))])
    }

    /// Starts the command with output and errors going to `output`.
    ///
    /// To be called on a thread that lives as long as the world may.
    ///
    /// - Parameter output: closed on return, so that only the command has it open.
    /// - Returns: the process, which leads its process group.
    func spawn(output: consuming OwnedDescriptor) throws(WorldError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output.number, 1)
        posix_spawn_file_actions_adddup2(&actions, output.number, 2)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        // A process group of its own, so that a Ctrl-C reaches the worker only, which then ends the world.
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))

        var process: pid_t = 0
        let code = withCStrings(arguments) { argv in
            withCStrings(environment) { envp in posix_spawn(&process, executable, &actions, &attributes, argv, envp) }
        }
        guard code == 0 else {
            let reason = "cannot start \(executable): \(SystemError(code: code))"
            // Others, such as a limit of processes, pass.
            if [ENOENT, EACCES, ENOEXEC, ELOOP, ENOTDIR].contains(code) { throw .notLauncher(reason) }
            throw .notStarted(reason, outputTail: "")
        }
        return process
    }
}
