import CMessagePassing
import Glibc

/// Ties the life of this process to that of the one that started it.
public enum ProcessLife {
    /// From now on this process is killed when the thread that started it ends; that survives `exec`.
    ///
    /// - Parameter parent: who must still be the parent, else it may have gone before it could be followed.
    /// - Returns: 0, or an error number; `ESRCH` when the parent is gone.
    public static func follow(parent: pid_t) -> Int32 { tsr_mpi_follow_parent(parent, SIGKILL) }

    /// Closes every file but the three standard ones.
    public static func closeInheritedFiles() { tsr_mpi_close_from(3) }

    /// Writes a line to the standard error stream, which mpirun hands on to the worker.
    public static func say(_ line: String) {
        var rest = Array("tessera-rank: \(line)\n".utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
            if count < 0 && errno != EINTR { return }
            rest.removeFirst(max(count, 0))
        }
    }
}
