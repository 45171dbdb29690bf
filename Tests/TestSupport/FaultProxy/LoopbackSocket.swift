import Foundation
import Transport

/// A system call on a socket failed.
public struct SocketError: Error, CustomStringConvertible {
    public let description: String

    init(_ action: String) { description = "\(action): \(String(cString: strerror(errno)))" }
}

/// The system calls of a `FaultProxy`, blocking.
enum LoopbackSocket {
    /// The outcome of a read of a given number of bytes.
    enum Reading {
        case bytes([UInt8])
        /// The peer closed its sending half; fewer bytes came before.
        case end([UInt8])
        case failed
        /// The alarm went off.
        case aborted
    }

    enum Writing { case done, failed, aborted }

    /// A listening socket on a port of its own.
    static func listen() throws(SocketError) -> (descriptor: Int32, port: Int) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw SocketError("cannot open a socket") }
        let bound = withAddress(port: 0) { bind(descriptor, $0, $1) }
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let named = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard bound == 0, named == 0, Glibc.listen(descriptor, 256) == 0 else {
            defer { close(descriptor) }
            throw SocketError("cannot listen on 127.0.0.1")
        }
        return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
    }

    /// - Returns: `nil` once the listener is shut down.
    static func accept(_ listener: Int32) -> Int32? {
        while true {
            var poll = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
            guard Glibc.poll(&poll, 1, -1) >= 0 || errno == EINTR else { return nil }
            // No process may be started in between: it would keep the connection open.
            let descriptor = ChildProcess.withoutStarting {
                let descriptor = Glibc.accept(listener, nil, nil)
                if descriptor >= 0 { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
                return descriptor
            }
            if descriptor >= 0 {
                sendAtOnce(descriptor)
                return descriptor
            }
            // The initiator may be gone again.
            guard errno == EINTR || errno == ECONNABORTED else { return nil }
        }
    }

    static func connect(to endpoint: Endpoint) throws(SocketError) -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw SocketError("cannot open a socket") }
        guard withAddress(port: UInt16(endpoint.port), { Glibc.connect(descriptor, $0, $1) }) == 0 else {
            defer { close(descriptor) }
            throw SocketError("cannot connect to \(endpoint)")
        }
        sendAtOnce(descriptor)
        return descriptor
    }

    /// Closes so that the peer is told by a reset that something is wrong.
    static func reset(_ descriptor: Int32) {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
        close(descriptor)
    }

    static func read(_ descriptor: Int32, byteCount: Int, _ alarm: Int32) -> Reading {
        var bytes = [UInt8](repeating: 0, count: byteCount)
        var filled = 0
        while filled < byteCount {
            guard wait(descriptor, POLLIN, alarm) else { return .aborted }
            let count = bytes.withUnsafeMutableBytes { memory in
                recv(descriptor, memory.baseAddress.map { $0 + filled }, byteCount - filled, 0)
            }
            if count > 0 {
                filled += count
            } else if count == 0 {
                return .end(Array(bytes.prefix(filled)))
            } else if errno != EINTR {
                return .failed
            }
        }
        return .bytes(bytes)
    }

    static func write(_ bytes: some Collection<UInt8>, to descriptor: Int32, _ alarm: Int32) -> Writing {
        var rest = ArraySlice(bytes)
        while !rest.isEmpty {
            guard wait(descriptor, POLLOUT, alarm) else { return .aborted }
            let flags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
            let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, flags) }
            if count >= 0 {
                rest.removeFirst(count)
            } else if errno != EINTR && errno != EAGAIN {
                return .failed
            }
        }
        return .done
    }

    /// Lets time pass.
    /// - Returns: whether the alarm did not go off.
    static func pause(_ duration: Duration, _ alarm: Int32) -> Bool {
        var poll = pollfd(fd: alarm, events: Int16(POLLIN), revents: 0)
        return Glibc.poll(&poll, 1, Int32(duration / .milliseconds(1))) == 0
    }

    /// - Returns: whether the socket is ready, and not the alarm.
    private static func wait(_ descriptor: Int32, _ events: Int32, _ alarm: Int32) -> Bool {
        var polls = [
            pollfd(fd: alarm, events: Int16(POLLIN), revents: 0),
            pollfd(fd: descriptor, events: Int16(events), revents: 0),
        ]
        while poll(&polls, 2, -1) < 0 && errno == EINTR {}
        return polls[0].revents == 0
    }

    private static func sendAtOnce(_ descriptor: Int32) {
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    }

    private static func withAddress<Result>(
        port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}

/// Runs blocking work on a thread of its own.
func startThread(_ body: @escaping @Sendable () -> Void) {
    let thread = Thread(block: body)
    thread.stackSize = 1 << 20
    thread.start()
}
