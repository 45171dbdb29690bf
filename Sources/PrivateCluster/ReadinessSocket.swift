import Glibc
import SystemCalls

/// A directory of sockets on which daemons say that they serve, by the protocol of sd_notify(3). It is removed at the end of
/// this value's life: what daemons say later reaches nobody, which they do not mind. A process that is killed leaves the
/// directory, and its path in `ClusterPlaces.sockets`, where the next one finds it.
///
/// Only the holder of the cluster's lock may have one.
final class ReadinessSockets {
    private static let namePrefix = "tessera-up-"

    let directory: String
    private let places: ClusterPlaces

    /// - Parameter environment: `XDG_RUNTIME_DIR` is where sockets belong, where it leaves room for their names.
    init(_ places: ClusterPlaces, environment: [String: String]) throws(PrivateClusterError) {
        Self.removeLeftovers(of: places)
        self.places = places
        let runtime = environment["XDG_RUNTIME_DIR"].flatMap { path in
            path.hasPrefix("/") && path.utf8.count <= 60 && access(path, W_OK) == 0 ? path : nil
        }
        let name = Self.namePrefix + String(UInt64.random(in: .min ... .max), radix: 36)
        directory = "\(runtime ?? "/tmp")/\(name)"
        // Written down before it is made.
        do throws(SystemError) {
            try replaceFile(at: places.sockets, with: Array("\(directory)\n".utf8), mode: 0o600)
        } catch {
            throw PrivateClusterError(.files, "\(ClusterPlaces.shown(places.sockets)) cannot be written: \(error)")
        }
        guard mkdir(directory, 0o700) == 0 else { throw .files(directory, "cannot be made") }
    }

    deinit { Self.removeLeftovers(of: places) }

    /// Removes the directory that is written down, if it is one of this user's that was made here.
    static func removeLeftovers(of places: ClusterPlaces) {
        guard let text = smallFile(at: places.sockets) else { return }
        let path = String(text.prefix { $0 != "\n" })
        var status = stat()
        if path.hasPrefix("/"), path.split(separator: "/").last?.hasPrefix(namePrefix) == true,
            lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid()
        {
            removeTree(path)
        }
        unlink(places.sockets)
    }

    func path(of role: DaemonRole) -> String { "\(directory)/\(role.rawValue)" }

    func open(for role: DaemonRole) throws(PrivateClusterError) -> ReadinessSocket {
        let path = path(of: role)
        let kind = CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        guard let address = UnixSocketAddress(path: path),
            let socket = OwnedDescriptor(result: socket(AF_UNIX, kind, 0)),
            address.withAddress({ bind(socket.number, $0, $1) }) == 0
        else { throw .files(path, "cannot be made") }
        return ReadinessSocket(socket)
    }
}

/// The socket of one daemon.
final class ReadinessSocket {
    private let socket: OwnedDescriptor

    init(_ socket: consuming OwnedDescriptor) { self.socket = socket }

    /// Readable when the daemon has said something. Borrowed.
    var descriptor: CInt { socket.number }

    /// Reads what has arrived.
    /// - Returns: whether the daemon has said that it serves.
    func isReady() -> Bool {
        var isReady = false
        while let message = socket.read(upTo: 4096) { isReady = isReady || Self.saysReady(message) }
        return isReady
    }

    static func saysReady(_ message: [UInt8]) -> Bool {
        message.split(separator: UInt8(ascii: "\n")).contains { $0.elementsEqual("READY=1".utf8) }
    }
}
