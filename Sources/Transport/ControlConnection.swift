import JobModel
import NIOCore
import Protocol

/// An authenticated connection that carries control messages, seen from either end.
public final class ControlConnection: Sendable {
    let frames: FrameConnection

    init(_ frames: FrameConnection) { self.frames = frames }

    /// The side that opened the connection.
    public var peer: Peer { frames.peer }
    /// The other side's name and version as it says, e.g. `tessera-worker 0.1.0`; a label, never a reason to trust it.
    public var software: String { frames.agreement.software }
    /// The lower of both sides' minor versions: what either may send.
    public var minorVersion: UInt32 { min(frames.agreement.minorVersion, Preface.currentMinorVersion) }
    /// The secret that both sides have proved.
    public var secret: SharedSecret { frames.agreement.secret }
    /// The generation of the master's state; `nil` when the master does not say.
    public var generation: Generation? { frames.agreement.generation }
    /// The peer's address and port, for logs and listings.
    public var remoteAddress: String { frames.remoteAddress }

    /// The peer's messages in order, to one iteration at a time. Reading stops while no task asks for the next message.
    ///
    /// It ends when either side closed the connection, and throws `ConnectionClosed` when it broke or
    /// `ProtocolViolation` when a message does not parse (the connection is closed then).
    public var inbound: Inbound { Inbound(frames: frames) }

    /// Queues a message; returns at once. Messages leave in the order of the calls from one task.
    ///
    /// A peer that leaves too much unread, or reads nothing for too long, is closed with code `slow-peer`; so is, with code
    /// `oversized`, a connection whose message does not fit a control frame (`WireControl.fitsFrame` tells before).
    /// After the end of the connection messages are dropped; `closed` says why it ended.
    public func send(_ message: WireControl, stream: UInt32 = 0) { frames.send(message, stream: stream) }

    /// Queues a message; returns at once.
    public func send(_ body: WireControl.OneOf_Body, stream: UInt32 = 0) {
        frames.send(WireControl(body), stream: stream)
    }

    /// Queues a message that was encoded before, for several connections.
    public func send(_ message: EncodedControl, stream: UInt32) {
        frames.send(control: Frame(kind: .control, stream: stream, payload: message.payload))
    }

    /// Whether more than a few messages wait for the peer to read them.
    public var isBehind: Bool { frames.isBehind }

    /// Ends the connection at once, and `inbound` with it. Queued messages that are not sent yet are lost.
    public func close() { frames.close() }

    /// Ends the connection at once because the peer is silent; `inbound` throws.
    public func giveUp(_ reason: String) { frames.giveUp(reason) }

    /// Tells the peer why, then ends the connection; messages queued before are sent first.
    public func close(_ refusal: WireRefusal) { frames.close(goodbye: refusal) }

    /// Waits for the end of the connection and says why it ended.
    public var closed: ConnectionClosed { get async { await frames.closed } }

    /// The peer's messages.
    public struct Inbound: AsyncSequence, Sendable {
        public typealias Element = (stream: UInt32, message: WireControl)

        let frames: FrameConnection

        public struct AsyncIterator: AsyncIteratorProtocol {
            let frames: FrameConnection

            public mutating func next() async throws -> Element? {
                guard let frame = try await frames.queue.next() else { return nil }
                return (frame.stream, try frames.decodeControl(frame))
            }
        }

        public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(frames: frames) }
    }
}

/// A message that is encoded once and sent on several connections.
public struct EncodedControl: Sendable {
    let payload: ByteBuffer

    /// - Throws: `OversizedPayload`.
    public init(_ body: WireControl.OneOf_Body) throws { payload = try WireControl(body).frame(stream: 0).payload }
}
