import Glibc
import SystemCalls

/// A directory of sockets on which daemons say that they serve, by the protocol of sd_notify(3). It is removed at the end of
/// this value's life: what daemons say later reaches nobody, which they do not mind.
final class ReadinessSockets {
    let directory: String

    /// - Parameter environment: `XDG_RUNTIME_DIR` is where sockets belong, where it leaves room for their names.
    init(environment: [String: String]) throws(PrivateClusterError) {
        let runtime = environment["XDG_RUNTIME_DIR"].flatMap { path in
            path.hasPrefix("/") && path.utf8.count <= 60 && access(path, W_OK) == 0 ? path : nil
        }
        let pattern = (runtime ?? "/tmp") + "/tessera-up-XXXXXX"
        var template = Array(pattern.utf8CString)
        guard mkdtemp(&template) != nil else { throw .files(pattern, "cannot be made") }
        directory = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit { removeTree(directory) }

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
