import NIOCore

/// What a frame carries. The kind decides how long its payload may be.
public enum FrameKind: UInt8, Sendable, Hashable, CaseIterable {
    /// A `WireHandshake`, before anything else.
    case handshake = 1
    /// A `WireControl`.
    case control = 2
    /// Raw bytes of a blob, on bulk connections.
    case data = 3
    /// A `WireRefusal` that says why the sender closes the connection; nothing follows it.
    case goodbye = 4

    /// The most payload bytes that a frame of this kind may carry.
    public var payloadByteCountLimit: Int {
        switch self {
        case .handshake, .goodbye: 8 << 10
        case .control: 64 << 10
        case .data: 1 << 20
        }
    }
}

/// The twelve bytes before each payload, big-endian.
///
/// ```
///   0       1       2       3       4       5       6       7       8       9      10      11
/// +-------+-------+-------+-------+-------+-------+-------+-------+-------+-------+-------+-------+
/// |        payload length         | kind  | flags | reserved (0)  |             stream            |
/// +-------+-------+-------+-------+-------+-------+-------+-------+-------+-------+-------+-------+
/// ```
public struct FrameHeader: Hashable, Sendable {
    public static let byteCount = 12

    public let payloadByteCount: UInt32
    public let kind: FrameKind
    /// Ties a reply to its request; 0 when the message belongs to neither.
    public let stream: UInt32

    public init(payloadByteCount: UInt32, kind: FrameKind, stream: UInt32) {
        self.payloadByteCount = payloadByteCount
        self.kind = kind
        self.stream = stream
    }

    public func encode(into buffer: inout ByteBuffer) {
        buffer.writeInteger(payloadByteCount)
        buffer.writeInteger(kind.rawValue)
        buffer.writeInteger(UInt8(0))
        buffer.writeInteger(UInt16(0))
        buffer.writeInteger(stream)
    }

    /// Reads the header at the reader index without consuming it. Every field is checked; the length against its kind.
    /// - Returns: `nil` while bytes are missing.
    public static func peek(at buffer: ByteBuffer) throws(ProtocolViolation) -> FrameHeader? {
        let start = buffer.readerIndex
        guard buffer.readableBytes >= byteCount,
            let length = buffer.getInteger(at: start, as: UInt32.self),
            let rawKind = buffer.getInteger(at: start + 4, as: UInt8.self),
            let flags = buffer.getInteger(at: start + 5, as: UInt8.self),
            let reserved = buffer.getInteger(at: start + 6, as: UInt16.self),
            let stream = buffer.getInteger(at: start + 8, as: UInt32.self)
        else { return nil }
        guard let kind = FrameKind(rawValue: rawKind) else {
            throw ProtocolViolation("frame kind", rawKind, allowed: "1 (handshake), 2 (control), 3 (data), 4 (goodbye)")
        }
        guard flags == 0 else { throw ProtocolViolation("frame flags", flags, allowed: "0") }
        guard reserved == 0 else { throw ProtocolViolation("frame reserved bytes", reserved, allowed: "0") }
        guard length <= kind.payloadByteCountLimit else {
            throw ProtocolViolation(
                "frame length", length, allowed: "at most \(kind.payloadByteCountLimit) bytes in a \(kind) frame")
        }
        return FrameHeader(payloadByteCount: length, kind: kind, stream: stream)
    }
}

/// One frame: a header's facts and the payload it announced.
public struct Frame: Hashable, Sendable {
    public let kind: FrameKind
    public let stream: UInt32
    public let payload: ByteBuffer

    public init(kind: FrameKind, stream: UInt32, payload: ByteBuffer) {
        self.kind = kind
        self.stream = stream
        self.payload = payload
    }
}
