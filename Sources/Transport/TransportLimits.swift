/// Bounds on what one peer may cost us. The defaults are those of docs/protocol.md.
public struct TransportLimits: Sendable, Hashable {
    /// From the connection's start to its authentication.
    public var handshake: Duration = .seconds(2)
    /// From a connection attempt's start to an established TCP connection.
    public var connect: Duration = .seconds(5)
    /// How long an initiator keeps trying while the master has too many connections of its address.
    public var admission: Duration = .seconds(5)
    /// From a frame's first byte to its last, or to its next `frameProgressByteCount`.
    public var wholeFrame: Duration = .seconds(10)
    /// So much of a frame shows that the peer sends it as fast as its link can. No control frame is longer, but for its header.
    public var frameProgressByteCount = 64 << 10
    /// Without a byte from the peer on a bulk connection. Control connections have their heartbeats or may be quiet.
    public var bulkIdle: Duration = .seconds(60)
    /// Without a frame from the master on a client's control connection, while a request waits and a sign of life was asked
    /// for.
    public var silence: Duration = .seconds(15)
    /// Without one of our writes being taken by the peer.
    public var writeStall: Duration = .seconds(10)
    /// Control bytes that may wait for a peer that does not read.
    public var outboundByteCount = 8 << 20
    /// Data bytes of one bulk transfer that may be under way before the sender waits.
    public var bulkWindowByteCount = 4 << 20
    /// Frames that a peer may send in a second, on average over ten.
    public var framesPerSecond = 5_000
    /// The same of the bytes of control frames.
    public var controlBytesPerSecond = 16 << 20
    /// Cancellations that a client may ask for in a second, on average over ten: each takes a transaction.
    public var cancellationsPerSecond = 100
    /// Established and unauthenticated connections in all.
    public var connections = 20_000
    /// Established and unauthenticated connections from one address.
    public var connectionsPerAddress = 100
    /// Connections from one address that have not authenticated yet.
    public var unauthenticatedPerAddress = 4

    public init() {}
}
