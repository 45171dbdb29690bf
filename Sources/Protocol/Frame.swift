import Checksums
import NIOCore

/// The content of a frame. The kind decides how long its payload may be.
public enum FrameKind: UInt8, Sendable, Hashable, CaseIterable {
    /// A `WireHandshake`, before anything else.
    case handshake = 1
    /// A `WireControl`.
    case control = 2
    /// Raw bytes of a blob, on data connections.
    case data = 3
    /// A `WireRefusal` that says why the sender closes the connection; nothing follows it.
    case goodbye = 4

    /// The most payload bytes that a frame of this kind may carry.
    public var payloadByteCountLimit: Int {
        switch self {
        // Strangers may fill one: with all else that a connection needs it stays below 16 KiB of the master's memory.
        case .handshake: 2 << 10
        case .goodbye: 8 << 10
        case .control: 64 << 10
        case .data: 1 << 20
        }
    }
}

/// The twenty bytes before each payload, big-endian.
///
/// ```
///   0       1       2       3       4       5       6       7       8       9      10      11
/// +-------+-------+-------+-------+-------+-------+-------+-------+-------+-------+-------+-------+
/// |        payload length         | kind  | flags | reserved (0)  |             stream            |
/// +-------+-------+-------+-------+-------+-------+-------+-------+-------+-------+-------+-------+
/// |       payload checksum        |        header checksum        |
/// +-------+-------+-------+-------+-------+-------+-------+-------+
///  12      13      14      15      16      17      18      19
/// ```
///
/// The header checksum covers the frame's number as well, which does not travel: so a frame that came twice, or before
/// another one, is found out like one whose bits were changed. Numbers count each direction's frames from 0.
public struct FrameHeader: Hashable, Sendable {
    public static let byteCount = 20

    public let payloadByteCount: UInt32
    public let kind: FrameKind
    /// Ties a reply to its request; 0 when the message belongs to neither.
    public let stream: UInt32
    /// 0 for data: what a blob's bytes must be is said by its SHA-256.
    public let payloadChecksum: UInt32

    public init(payloadByteCount: UInt32, kind: FrameKind, stream: UInt32, payloadChecksum: UInt32) {
        self.payloadByteCount = payloadByteCount
        self.kind = kind
        self.stream = stream
        self.payloadChecksum = payloadChecksum
    }

    /// Writes the header of the frame with this number.
    public func encode(number: UInt32, into buffer: inout ByteBuffer) {
        let start = buffer.writerIndex
        buffer.writeInteger(payloadByteCount)
        buffer.writeInteger(kind.rawValue)
        buffer.writeInteger(UInt8(0))
        buffer.writeInteger(UInt16(0))
        buffer.writeInteger(stream)
        buffer.writeInteger(payloadChecksum)
        buffer.writeInteger(Self.checksum(number: number, of: buffer, at: start))
    }

    /// Reads the header at the reader index without consuming it. Every field is checked; the length against its kind.
    /// - Parameter number: how many frames came before it.
    /// - Returns: `nil` while bytes are missing.
    public static func peek(at buffer: ByteBuffer, number: UInt32) throws(ProtocolViolation) -> FrameHeader? {
        let start = buffer.readerIndex
        guard buffer.readableBytes >= byteCount,
            let length = buffer.getInteger(at: start, as: UInt32.self),
            let rawKind = buffer.getInteger(at: start + 4, as: UInt8.self),
            let flags = buffer.getInteger(at: start + 5, as: UInt8.self),
            let reserved = buffer.getInteger(at: start + 6, as: UInt16.self),
            let stream = buffer.getInteger(at: start + 8, as: UInt32.self),
            let payloadChecksum = buffer.getInteger(at: start + 12, as: UInt32.self),
            let headerChecksum = buffer.getInteger(at: start + 16, as: UInt32.self)
        else { return nil }
        let expected = checksum(number: number, of: buffer, at: start)
        guard headerChecksum == expected else {
            throw .damage(field: "frame header checksum", value: headerChecksum, expected: expected)
        }
        guard let kind = FrameKind(rawValue: rawKind) else {
            throw ProtocolViolation("frame kind", rawKind, allowed: "1 (handshake), 2 (control), 3 (data), 4 (goodbye)")
        }
        guard flags == 0 else { throw ProtocolViolation("frame flags", flags, allowed: "0") }
        guard reserved == 0 else { throw ProtocolViolation("frame reserved bytes", reserved, allowed: "0") }
        guard length <= kind.payloadByteCountLimit else {
            throw ProtocolViolation(
                "frame length", length, allowed: "at most \(kind.payloadByteCountLimit) bytes in a \(kind) frame")
        }
        return FrameHeader(payloadByteCount: length, kind: kind, stream: stream, payloadChecksum: payloadChecksum)
    }

    /// The checksum over the frame's number and the sixteen bytes at `start`, which must be there.
    private static func checksum(number: UInt32, of buffer: ByteBuffer, at start: Int) -> UInt32 {
        var checksum = CRC32C()
        checksum.update(number)
        buffer.withVeryUnsafeBytes { checksum.update(UnsafeRawBufferPointer(rebasing: $0[start..<start + 16])) }
        return checksum.value
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

extension Frame {
    /// The checksum that the header carries for the payload.
    ///
    /// TCP's own sum of 16 bits lets one damaged segment in 65,536 through, and knows nothing of what a faulty network card or
    /// middle box changes. A flipped bit in a control message could not be told from another message. Data is compared with
    /// its digest instead.
    var payloadChecksum: UInt32 {
        guard kind != .data else { return 0 }
        var checksum = CRC32C()
        payload.withUnsafeReadableBytes { checksum.update($0) }
        return checksum.value
    }
}
