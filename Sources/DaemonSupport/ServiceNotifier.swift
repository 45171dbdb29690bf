import Glibc
import LogHandlers
import SystemCalls

/// Tells the service manager how the daemon is, by the protocol of sd_notify(3): datagrams to the socket that NOTIFY_SOCKET
/// names. Without that variable nothing is sent.
///
/// The socket is spoken to directly, not through libsystemd, which reads the environment at every call: the environment is
/// read once here, when no other thread can be changing it.
package struct ServiceNotifier: Sendable {
    /// After this long without `watchdogPing` the service manager gives the daemon up; ping at half of it. `nil` when it does
    /// not watch this process.
    package let watchdogInterval: Duration?

    private let socketPath: String?

    /// - Parameter environment: by default the process's.
    package init(environment: ((String) -> String?)? = nil) {
        let value = environment ?? ThisProcess.environment
        socketPath = value("NOTIFY_SOCKET")
        let isForUs = value("WATCHDOG_PID").map { $0 == String(getpid()) } ?? true
        watchdogInterval =
            isForUs ? value("WATCHDOG_USEC").flatMap(Int64.init).flatMap { $0 > 0 ? .microseconds($0) : nil } : nil
    }

    /// The daemon serves.
    @discardableResult
    package func ready(status: String? = nil) -> Bool {
        send(["READY=1"] + Self.status(status))
    }

    /// The daemon is about to end.
    @discardableResult
    package func stopping(status: String? = nil) -> Bool {
        send(["STOPPING=1"] + Self.status(status))
    }

    /// The daemon is alive.
    @discardableResult
    package func watchdogPing() -> Bool {
        send(["WATCHDOG=1"])
    }

    private static func status(_ text: String?) -> [String] {
        text.map { ["STATUS=\(LogLine.escaped($0))"] } ?? []
    }

    /// - Returns: whether the service manager has it; nothing depends on that.
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
