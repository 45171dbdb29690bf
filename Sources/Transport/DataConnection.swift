import JobModel
import NIOCore
import Protocol

/// A frame that arrived on a data connection.
public enum DataFrame: Sendable {
    case control(WireControl)
    /// At least one and at most 1 MiB of a blob's bytes.
    case data(ByteBuffer)
}

/// An authenticated connection that carries blobs, one request at a time, seen from either end.
///
/// One task sends and one task receives at a time.
public final class DataConnection: Sendable {
    /// The data bytes that senders put into one frame.
    public static let preferredDataByteCount = 512 << 10

    let frames: FrameConnection

    /// The address that it was made to, by the side that made it.
    let dialed: Endpoint?

    init(_ frames: FrameConnection, dialed: Endpoint? = nil) {
        self.frames = frames
        self.dialed = dialed
    }

    /// The side that opened the connection.
    public var peer: Peer { frames.peer }
    /// The other side's name and version as it says; a label, never a reason to trust it.
    public var software: String { frames.agreement.software }
    /// The secret that both sides have proved.
    public var secret: SharedSecret { frames.agreement.secret }
    /// The generation of the master's state; `nil` when the master does not say.
    public var generation: Generation? { frames.agreement.generation }
    /// The peer's address and port, for logs and listings.
    public var remoteAddress: String { frames.remoteAddress }

    /// The next frame.
    /// - Throws: `ConnectionClosed` at the connection's end, `ProtocolViolation` when a message does not parse.
    public func receive() async throws -> DataFrame {
        guard let frame = try await frames.queue.next() else { throw await closed }
        return frame.kind == .data ? .data(frame.payload) : .control(try frames.decodeControl(frame))
    }

    /// Queues a message behind the data sent before it; returns at once.
    public func send(_ message: WireControl) { frames.send(message, stream: 0) }

    /// Queues a message behind the data sent before it; returns at once.
    public func send(_ body: WireControl.OneOf_Body) { frames.send(WireControl(body), stream: 0) }

    /// Sends a blob's bytes, cut into frames of at most 1 MiB; returns when the window has room for more.
    /// - Throws: `ConnectionClosed`, or `CancellationError` after cancellation, which closes the connection.
    public func send(data: ByteBuffer) async throws { try await frames.send(data: data) }

    /// Whether a frame, or the end of the connection, waits to be received. A sender checks it to notice a refusal early.
    public var hasReceived: Bool { frames.queue.hasFrames }

    /// Ends the connection at once.
    public func close() { frames.close() }

    /// Tells the peer why, then ends the connection; messages queued before are sent first.
    public func close(_ refusal: WireRefusal) { frames.close(goodbye: refusal) }

    /// Waits for the end of the connection and says why it ended.
    public var closed: ConnectionClosed { get async { await frames.closed } }
}
