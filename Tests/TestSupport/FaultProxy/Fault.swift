import Protocol
import Transport

/// The two directions of a connection.
public enum FlowDirection: String, Sendable, Hashable, CaseIterable {
    case toMaster = "to the master"
    case fromMaster = "from the master"

    public var opposite: FlowDirection { self == .toMaster ? .fromMaster : .toMaster }
}

/// What a `FaultProxy` can do to a connection when a certain frame passes.
public enum Fault: Sendable, Hashable {
    /// The frame, and all frames behind it, are delayed.
    case delay(Duration)
    /// From this frame on both directions trickle.
    case slow(bytesPerSecond: Int)
    /// Part of the frame arrives, that many bytes of it; then both ends are reset.
    case cut(afterByteCount: Int)
    /// One end is closed, and the other is not told: what it sends is lost, and it receives nothing.
    case halfOpen(unaware: End)
    /// From this frame on nothing arrives in its direction, not even the connection's end. The other direction works.
    case silence
    /// One bit of the frame is changed: bit `bit` counted from its beginning, modulo its length.
    case corrupt(bit: Int)
    /// The frame arrives twice.
    case duplicate

    public enum End: String, Sendable, Hashable {
        case initiator
        case master
    }
}

/// A frame that is about to pass through a `FaultProxy`.
public struct FrameSighting: Sendable {
    public enum Content: Sendable {
        case handshake(WireHandshake)
        case control(WireControl.OneOf_Body)
        case data(byteCount: Int)
        case goodbye(WireRefusal)
        /// A payload that is not a message.
        case other
    }

    /// The connection, counted by the proxy from 0.
    public let connection: Int
    /// What the initiator announced itself as; `nil` before it did.
    public let peer: Peer?
    public let direction: FlowDirection
    /// How many frames came before it in its direction.
    public let number: Int
    public let stream: UInt32
    public let byteCount: Int
    public let content: Content

    /// The control message, if it is one.
    public var message: WireControl.OneOf_Body? {
        if case .control(let body) = content { body } else { nil }
    }

    public var isData: Bool {
        if case .data = content { true } else { false }
    }
}

extension FrameSighting: CustomStringConvertible {
    public var description: String {
        let name =
            switch content {
            case .handshake: "handshake"
            case .control(let body): "\(body)".prefix { $0 != "(" }.description
            case .data(let byteCount): "data of \(byteCount) bytes"
            case .goodbye(let refusal): "goodbye (\(refusal.code))"
            case .other: "no message"
            }
        let kind = peer.map { "\($0.role)'s \($0.channel)" } ?? "new"
        return "frame \(number) \(direction.rawValue) of \(kind) connection \(connection): \(name)"
    }
}

extension FrameSighting {
    /// - Parameter bytes: the whole frame, its header valid as far as the length goes.
    init(connection: Int, peer: Peer?, direction: FlowDirection, number: Int, bytes: [UInt8]) {
        self.connection = connection
        self.peer = peer
        self.direction = direction
        self.number = number
        byteCount = bytes.count
        stream = bytes[8..<12].reduce(0) { $0 << 8 | UInt32($1) }
        let payload = bytes[FrameHeader.byteCount...]
        content =
            switch FrameKind(rawValue: bytes[4]) {
            case .handshake: (try? WireHandshake(serializedBytes: Array(payload))).map { .handshake($0) } ?? .other
            case .control: (try? WireControl(serializedBytes: Array(payload)))?.body.map { .control($0) } ?? .other
            case .data: .data(byteCount: payload.count)
            case .goodbye: (try? WireRefusal(serializedBytes: Array(payload))).map { .goodbye($0) } ?? .other
            case nil: .other
            }
    }
}
