import Glibc
import SystemCalls

/// Removes the directories in shared memory that a worker leaves when it is killed: they would take memory until the next worker
/// starts there.
///
/// It is a process of its own, the worker's program once more, that waits for its standard input to end, whose other end only
/// the worker holds. It belongs to no process and no terminal, so it also outlives a worker that is killed with all its
/// descendants. What it cannot outlive is the end of a container or of a control group; then `/dev/shm` ends too, or the next
/// worker's start sweeps (decision 48).
enum ScratchSweeper {
    /// The first argument of the program that is a sweeper; the directory follows.
    static let argument = "--sweep-after-end"

    /// Starts the sweeper for the worker that calls.
    ///
    /// - Returns: the end of a pair of sockets to hold for life; `nil` when it could not be started, which costs only the sweeping.
    static func start(_ base: String, program: String? = ThisProcess.executablePath) -> OwnedDescriptor? {
        var ends: [CInt] = [-1, -1]
        guard let path = realpath(base, nil) else { return nil }
        defer { free(path) }
        let kind = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard let program, socketpair(AF_UNIX, kind, 0, &ends) == 0 else { return nil }
        let waiting = OwnedDescriptor(ends[0])
        let held = OwnedDescriptor(ends[1])
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, waiting.number, 0)
        // Nobody who reads the worker's output waits for the sweeper.
        for number: CInt in [1, 2] { posix_spawn_file_actions_addopen(&actions, number, "/dev/null", O_WRONLY, 0) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        // With its own signals, and in a group of its own from the first moment.
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP))
        var child: pid_t = 0
        let code = withCStrings([program, argument, String(cString: path)]) { argv in
            withCStrings([]) { envp in posix_spawn(&child, program, &actions, &attributes, argv, envp) }
        }
        _ = consume waiting
        guard code == 0 else { return nil }
        // The child ends as soon as the sweeper has left it.
        while waitpid(child, nil, 0) < 0 && errno == EINTR {}
        return held
    }

    /// The life of a sweeper; called before the process has a second thread.
    static func run(_ base: String) -> Never {
        // A stop of the worker reaches its whole group, session or control group; this process then has work to do.
        for number in [SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE] { signal(number, SIG_IGN) }
        do {
            try ThisProcess.leaveFamily()
        } catch {
            exit(1)
        }
        ThisProcess.rename("tessera-sweeper")
        ThisProcess.closeInheritedFiles()
        // The worker's own directory may be removed or unmounted.
        _ = chdir("/")
        var byte: UInt8 = 0
        while true {
            let count = read(0, &byte, 1)
            if count == 0 || (count < 0 && errno != EINTR) { break }
        }
        // The ranks are being killed at this moment; one of them may still create a file in a directory that is being removed.
        let deadline = ContinuousClock.now + .seconds(10)
        while WorldDirectory.sweep(base) > 0 && ContinuousClock.now < deadline { usleep(20_000) }
        exit(0)
    }
}
