import Glibc

extension ThisProcess {
    /// Opens the standard descriptors that the process was started without, so that no file of ours gets their numbers: a write
    /// to standard output or standard error then fails, as does a read from standard input, and nothing is damaged or lost
    /// unnoticed. To be called before anything else is opened.
    package static func openMissingStandardFiles() {
        for (number, mode) in [(STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_RDONLY)]
        where fcntl(number, F_GETFD) < 0 && errno == EBADF {
            // The lowest free number is this one, since those below it are open.
            _ = open("/dev/null", mode)
        }
    }
}
