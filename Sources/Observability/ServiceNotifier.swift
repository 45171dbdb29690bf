import Glibc

/// Tells the service manager how the daemon is, by the protocol of sd_notify(3): datagrams to the socket that NOTIFY_SOCKET
/// names. Without that variable nothing is sent.
///
/// The socket is spoken to directly, not through libsystemd, which reads the environment at every call: the environment is
/// read once here, when no other thread can be changing it.
public struct ServiceNotifier: Sendable {
    /// After this long without `watchdogPing` the service manager gives the daemon up; ping at half of it. `nil` when it does
    /// not watch this process.
    public let watchdogInterval: Duration?

    private let socketPath: String?

    /// - Parameter environment: by default the process's.
    public init(environment: ((String) -> String?)? = nil) {
        let value = environment ?? ProcessEnvironment.value
        socketPath = value("NOTIFY_SOCKET")
        let isForUs = value("WATCHDOG_PID").map { $0 == String(getpid()) } ?? true
        watchdogInterval =
            isForUs ? value("WATCHDOG_USEC").flatMap(Int64.init).flatMap { $0 > 0 ? .microseconds($0) : nil } : nil
    }

    /// The daemon serves.
    @discardableResult
    public func ready(status: String? = nil) -> Bool {
        send(["READY=1"] + Self.status(status))
    }

    /// The daemon is about to end.
    @discardableResult
    public func stopping(status: String? = nil) -> Bool {
        send(["STOPPING=1"] + Self.status(status))
    }

    /// One line on what it does, for `systemctl status`.
    @discardableResult
    public func status(_ text: String) -> Bool {
        send(Self.status(text))
    }

    /// The daemon is alive.
    @discardableResult
    public func watchdogPing() -> Bool {
        send(["WATCHDOG=1"])
    }

    /// Starting or stopping takes until at least `duration` from now: for recoveries and drains longer than the unit's limit.
    @discardableResult
    public func extendTimeout(by duration: Duration) -> Bool {
        let (seconds, attoseconds) = duration.components
        return send(["EXTEND_TIMEOUT_USEC=\(seconds * 1_000_000 + attoseconds / 1_000_000_000_000)"])
    }

    private static func status(_ text: String?) -> [String] {
        text.map { ["STATUS=\(LogLine.escaped($0))"] } ?? []
    }

    /// - Returns: whether the service manager has it; nothing depends on that.
    private func send(_ assignments: [String]) -> Bool {
        guard let socketPath, let (address, size) = Self.address(of: socketPath) else { return false }
        let descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        let message = Array(assignments.joined(separator: "\n").utf8)
        let sentCount = withUnsafePointer(to: address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                sendto(descriptor, message, message.count, CInt(MSG_NOSIGNAL), address, size)
            }
        }
        return sentCount == message.count
    }

    /// A path, or an abstract name if it begins with "@". `nil` for anything else, such as a path that is too long.
    private static func address(of path: String) -> (sockaddr_un, socklen_t)? {
        var bytes = Array(path.utf8)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        guard let first = bytes.first, first == UInt8(ascii: "/") || first == UInt8(ascii: "@"),
            bytes.count < MemoryLayout.size(ofValue: address.sun_path)
        else { return nil }
        let isAbstract = first == UInt8(ascii: "@")
        if isAbstract { bytes[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let pathOffset = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 2
        return (address, socklen_t(pathOffset + bytes.count + (isAbstract ? 0 : 1)))
    }
}
