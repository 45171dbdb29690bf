import Glibc
import Names
import SystemCalls

/// Keeps a second `tessera up` or `tessera down` away. It ends with this value, and with the process.
struct ClusterLock: ~Copyable {
    private let file: OwnedDescriptor

    init(_ places: ClusterPlaces) throws(PrivateClusterError) {
        let path = places.lock
        while true {
            guard
                let file = OwnedDescriptor(
                    result: BytePath(text: path).withCString { open($0, O_RDWR | O_CREAT | O_CLOEXEC, 0o600) })
            else { throw .files(path, "cannot be opened") }
            guard flock(file.number, LOCK_EX | LOCK_NB) == 0 else {
                throw PrivateClusterError(
                    .busy,
                    "another 'tessera up' or 'tessera down' is at work on \(ClusterPlaces.shown(places.directory)); "
                        + "wait until it has ended")
            }
            // A purge may have removed the file while it was being opened.
            var held = stat()
            var named = stat()
            if fstat(file.number, &held) == 0, BytePath(text: path).withCString({ stat($0, &named) }) == 0,
                held.st_ino == named.st_ino, held.st_dev == named.st_dev
            {
                self.file = file
                return
            }
        }
    }
}

extension PrivateClusterError {
    /// The error of the system call that just failed.
    static func files(_ path: String, _ what: String, _ reason: SystemError = .last) -> PrivateClusterError {
        PrivateClusterError(.files, "\(ClusterPlaces.shown(path)) \(what): \(reason)")
    }
}
