import JobModel
import NIOCore
import SwiftProtobuf

/// A protobuf message that fills a frame of its own kind.
public protocol FrameMessage: SwiftProtobuf.Message {
    static var frameKind: FrameKind { get }
}

extension WireHandshake: FrameMessage {
    public static var frameKind: FrameKind { .handshake }
}

extension WireControl: FrameMessage {
    public static var frameKind: FrameKind { .control }
}

extension WireRefusal: FrameMessage {
    public static var frameKind: FrameKind { .goodbye }
}

extension FrameMessage {
    /// The message in a frame of its own.
    /// - Throws: `OversizedPayload`.
    public func frame(stream: UInt32) throws -> Frame {
        let payload: [UInt8] = try serializedBytes()
        guard payload.count <= Self.frameKind.payloadByteCountLimit else {
            throw OversizedPayload(kind: Self.frameKind, byteCount: payload.count)
        }
        return Frame(kind: Self.frameKind, stream: stream, payload: ByteBuffer(bytes: payload))
    }

    /// The message in `payload`; fields that this version does not know are kept and ignored.
    public init(decoding payload: ByteBuffer) throws(ProtocolViolation) {
        do {
            try self.init(serializedBytes: Array(payload.readableBytesView))
        } catch {
            throw ProtocolViolation(
                field: "\(Self.frameKind) payload", value: "\(payload.readableBytes) bytes",
                allowed: "a \(Self.protoMessageName) message (\(error))")
        }
    }
}

extension WireControl {
    /// The message that carries `body`.
    public init(_ body: OneOf_Body) {
        self.init()
        self.body = body
    }

    /// How many payload bytes the message takes on the wire.
    public func payloadByteCount() throws -> Int { try (serializedBytes() as [UInt8]).count }

    /// Whether the message can be sent; a listing that does not fit is to be sent in parts.
    public var fitsFrame: Bool {
        // A message that cannot be serialised fits nothing either.
        guard let byteCount = try? payloadByteCount() else { return false }
        return byteCount <= FrameKind.control.payloadByteCountLimit
    }
}

extension WireHandshake {
    public init(_ step: OneOf_Step) {
        self.init()
        self.step = step
    }
}
