/// Bounds on the time, memory and traffic that one peer may use. docs/protocol.md lists them.
public struct TransportLimits: Sendable, Hashable {
    /// Time from the connection's start to its authentication.
    public var handshake: Duration = .seconds(2)
    /// Time from the start of an attempt to an established TCP connection.
    public var connect: Duration = .seconds(5)
    /// Time for which an initiator keeps trying while the master has too many connections of its address.
    public var admission: Duration = .seconds(5)
    /// Time from a frame's first byte to its last, or to its next `frameProgressByteCount`.
    public var wholeFrame: Duration = .seconds(10)
    /// Bytes of a frame after which its time limit starts again. No control frame is longer, its header aside.
    public var frameProgressByteCount = 64 << 10
    /// Time without a byte from the peer on a data connection. Control connections have heartbeats, or may be quiet.
    public var dataIdle: Duration = .seconds(60)
    /// Time without a frame from the master on a client's control connection, while a request waits and a sign of life was
    /// asked for.
    public var silence: Duration = .seconds(15)
    /// Time in which the peer reads none of our writes.
    public var writeStall: Duration = .seconds(10)
    /// Control bytes that may wait for a peer that does not read.
    public var outboundByteCount = 8 << 20
    /// Data bytes of one transfer that may be under way before the sender waits.
    public var dataWindowByteCount = 4 << 20
    /// Frames that a peer may send per second, on average over ten seconds.
    public var framesPerSecond = 5_000
    /// Bytes of control frames that a peer may send per second, on average over ten seconds.
    public var controlBytesPerSecond = 16 << 20
    /// Cancellations that a client may ask for per second, on average over ten seconds: each takes a transaction.
    public var cancellationsPerSecond = 100
    /// Encrypted connections in all that have not authenticated yet: each holds its channel's keys and buffers.
    public var encryptedHandshakes = 1_024
    /// Established and unauthenticated connections in all.
    public var connections = 20_000
    /// Established and unauthenticated connections from one address.
    public var connectionsPerAddress = 100
    /// Connections from one address that have not authenticated yet.
    public var unauthenticatedPerAddress = 4

    public init() {}
}
