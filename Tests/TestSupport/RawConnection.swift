import Glibc
import NIOCore
import Protocol
import Transport

/// A TCP connection whose every byte the test decides: what a stranger, or a broken program, may send.
public final class RawConnection {
    private let socket: Int32
    private var encoder = FrameEncoder()
    private var received = ByteBuffer()
    private var decoder = FrameDecoder(allowing: Set(FrameKind.allCases))
    private var isPrefaceSeen = false

    /// Lets this process, and those that it starts from now on, have `count` files open.
    /// - Throws: when that is above the hard limit.
    public static func allowOpenFiles(_ count: Int) throws {
        var limits = rlimit()
        getrlimit(Int32(RLIMIT_NOFILE.rawValue), &limits)
        guard limits.rlim_cur < UInt(count) else { return }
        limits.rlim_cur = UInt(count)
        guard setrlimit(Int32(RLIMIT_NOFILE.rawValue), &limits) == 0 else {
            throw failure("\(count) open files are not allowed (ulimit -Hn: \(limits.rlim_max))")
        }
    }

    /// - Parameter source: the address to come from; on loopback any of 127.0.0.0/8 will do.
    public init(to endpoint: Endpoint, from source: String? = nil) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard socket >= 0 else { throw RawConnection.failure("no socket") }
        // Nothing here waits longer than any limit of the master by far.
        var patience = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        if let source {
            var on: Int32 = 1
            // The port is chosen by connect, for the pair of addresses.
            setsockopt(socket, Int32(IPPROTO_IP), 24, &on, socklen_t(MemoryLayout<Int32>.size))
            try RawConnection.call(Glibc.bind, socket, source, 0)
        }
        try RawConnection.call(Glibc.connect, socket, endpoint.host, UInt16(endpoint.port))
    }

    deinit { close(socket) }

    /// Sends what the peer still takes; a closed connection is not an error.
    public func send(_ bytes: some Sequence<UInt8>) {
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count <= 0 { return }
            rest = rest.dropFirst(count)
        }
    }

    public func send(_ message: some FrameMessage) throws { send(try message.frame(stream: 0)) }

    /// Sends a frame with its checksums and its number.
    public func send(_ frame: Frame) {
        var buffer = ByteBuffer()
        encoder.encode(frame, into: &buffer)
        send(buffer.readableBytesView)
    }

    public func sendPreface() {
        var buffer = ByteBuffer()
        Preface().encode(into: &buffer)
        send(buffer.readableBytesView)
    }

    /// The next frame from the peer, behind its preface; `nil` when it has closed the connection.
    public func nextFrame() throws -> Frame? {
        while true {
            if !isPrefaceSeen, try Preface.decode(from: &received) != nil { isPrefaceSeen = true }
            if isPrefaceSeen, let frame = try decoder.decode(buffer: &received) { return frame }
            guard let bytes = try nextBytes() else { return nil }
            received.writeBytes(bytes)
        }
    }

    /// What the peer has sent, at least a byte of it; `nil` when it has closed the connection.
    public func nextBytes() throws -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = bytes.withUnsafeMutableBytes { recv(socket, $0.baseAddress, $0.count, 0) }
        // A reset is an end as well: it comes when the peer left bytes of ours unread.
        if count == 0 || (count < 0 && errno == ECONNRESET) { return nil }
        guard count > 0 else { throw RawConnection.failure("nothing came") }
        return Array(bytes[..<count])
    }

    /// The bytes that the peer sends until it closes the connection.
    public func bytesToEnd() throws -> [UInt8] {
        var all: [UInt8] = []
        while let bytes = try nextBytes() { all += bytes }
        return all
    }

    /// Everything that the peer says until it closes the connection.
    public func framesToEnd() throws -> [Frame] {
        var frames: [Frame] = []
        while let frame = try nextFrame() { frames.append(frame) }
        return frames
    }

    private static func call(
        _ function: (Int32, UnsafePointer<sockaddr>?, socklen_t) -> Int32, _ socket: Int32, _ host: String,
        _ port: UInt16
    ) throws {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        guard inet_pton(AF_INET, host, &address.sin_addr) == 1 else { throw failure("\(host) is not an IPv4 address") }
        let result = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                function(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw failure("\(host):\(port)") }
    }

    private static func failure(_ what: String) -> DidNotHappen {
        DidNotHappen(description: "\(what): \(String(cString: strerror(errno)))")
    }
}
