import Glibc
import LogHandlers
import Synchronization
import SystemCalls

/// Reports the daemon's state to the service manager by the protocol of sd_notify(3): datagrams to the socket in
/// NOTIFY_SOCKET. Without that variable nothing is sent.
///
/// Does not use libsystemd, which reads the environment at every call: here it is read once, when no other thread can be
/// changing it.
package struct ServiceNotifier: Sendable {
    /// The time after the last `watchdogPing` at which the service manager kills the daemon; ping at half of it. `nil` when it
    /// does not watch this process.
    package let watchdogInterval: Duration?

    private let socketPath: String?

    /// Whether this process has said that it serves.
    static let hasServed = Atomic(false)

    /// - Parameter environment: looks up a variable; by default in the environment of the process.
    package init(environment: ((String) -> String?)? = nil) {
        let value = environment ?? ThisProcess.environment
        socketPath = value("NOTIFY_SOCKET")
        let isForUs = value("WATCHDOG_PID").map { $0 == String(getpid()) } ?? true
        watchdogInterval =
            isForUs ? value("WATCHDOG_USEC").flatMap(Int64.init).flatMap { $0 > 0 ? .microseconds($0) : nil } : nil
    }

    /// Reports that the daemon serves.
    @discardableResult
    package func ready(status: String? = nil) -> Bool {
        Self.hasServed.store(true, ordering: .releasing)
        return send(["READY=1"] + Self.status(status))
    }

    /// Reports what the daemon does, in a sentence that `systemctl status` shows.
    @discardableResult
    package func status(_ text: String) -> Bool { send(Self.status(text)) }

    /// Reports that the daemon is about to end.
    @discardableResult
    package func stopping(status: String? = nil) -> Bool {
        send(["STOPPING=1"] + Self.status(status))
    }

    /// Reports that the daemon is alive.
    @discardableResult
    package func watchdogPing() -> Bool {
        send(["WATCHDOG=1"])
    }

    private static func status(_ text: String?) -> [String] {
        text.map { ["STATUS=\(LogLine.escaped($0))"] } ?? []
    }

    /// - Returns: whether the datagram was sent; nothing depends on it.
    private func send(_ assignments: [String]) -> Bool {
        guard let address = socketPath.flatMap(Self.address(of:)) else { return false }
        let kind = CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard let descriptor = OwnedDescriptor(result: socket(AF_UNIX, kind, 0)) else { return false }
        let message = Array(assignments.joined(separator: "\n").utf8)
        let sentCount = address.withAddress {
            sendto(descriptor.number, message, message.count, CInt(MSG_NOSIGNAL), $0, $1)
        }
        return sentCount == message.count
    }

    /// The address of an absolute path, or of an abstract name that begins with "@"; `nil` for anything else.
    private static func address(of path: String) -> UnixSocketAddress? {
        path.hasPrefix("/") || path.hasPrefix("@") ? UnixSocketAddress(path: path) : nil
    }
}
