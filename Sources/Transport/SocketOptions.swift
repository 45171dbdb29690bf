import Glibc
import NIOCore

/// The socket options of both sides.
enum SocketOptions {
    /// A peer whose machine is gone is noticed within a minute, also on a connection on which nothing is sent: the first probe
    /// after half of it, three probes in the other half.
    private static let probing: [(name: CInt, value: Int)] = [
        (TCP_KEEPIDLE, 30), (TCP_KEEPINTVL, 10), (TCP_KEEPCNT, 3),
    ]

    /// On the channel's event loop, before it is active.
    static func set(on channel: any Channel) throws {
        guard let options = channel.syncOptions else { return }
        try options.setOption(.tcpOption(.tcp_nodelay), value: 1)
        try options.setOption(.socketOption(.so_keepalive), value: 1)
        for (name, value) in probing {
            try options.setOption(.tcpOption(NIOBSDSocket.Option(rawValue: name)), value: value)
        }
    }
}
