import NIOCore

/// Cuts a stream of bytes into frames.
///
/// The header is checked as soon as its twenty bytes are there, before a byte of payload is waited for, so a peer can
/// make us hold at most one payload of a kind that is allowed at that moment. Until `allow(_:)` says otherwise only
/// handshake frames are, which bounds what an unauthenticated peer can make us buffer.
public struct FrameDecoder: NIOSingleStepByteToMessageDecoder {
    public typealias InboundOut = Frame

    public private(set) var allowedKinds: Set<FrameKind>
    /// The number of the next frame.
    private var number: UInt32 = 0

    public init(allowing kinds: Set<FrameKind> = [.handshake]) { allowedKinds = kinds }

    /// From the next frame on, exactly `kinds` are accepted.
    public mutating func allow(_ kinds: Set<FrameKind>) { allowedKinds = kinds }

    /// Takes the next frame from `buffer`.
    /// - Returns: `nil` while bytes are missing; then `buffer` is unchanged.
    /// - Throws: `ProtocolViolation`; nothing that follows in the stream can be trusted.
    public mutating func decode(buffer: inout ByteBuffer) throws(ProtocolViolation) -> Frame? {
        guard let header = try FrameHeader.peek(at: buffer, number: number) else { return nil }
        guard allowedKinds.contains(header.kind) else {
            let names = FrameKind.allCases.filter(allowedKinds.contains).map { "\($0)" }.joined(separator: ", ")
            throw ProtocolViolation(field: "frame kind", value: "\(header.kind)", allowed: "at this point: \(names)")
        }
        let frameByteCount = FrameHeader.byteCount + Int(header.payloadByteCount)
        guard buffer.readableBytes >= frameByteCount else { return nil }
        let payloadIndex = buffer.readerIndex + FrameHeader.byteCount
        guard let payload = buffer.getSlice(at: payloadIndex, length: Int(header.payloadByteCount)) else {
            preconditionFailure("a frame of \(frameByteCount) bytes is there, but its payload cannot be read")
        }
        let frame = Frame(kind: header.kind, stream: header.stream, payload: payload)
        guard frame.payloadChecksum == header.payloadChecksum else {
            throw ProtocolViolation.damage(
                field: "frame payload checksum", value: header.payloadChecksum, expected: frame.payloadChecksum)
        }
        buffer.moveReaderIndex(forwardBy: frameByteCount)
        number &+= 1
        return frame
    }

    /// The stream ended: bytes of an incomplete frame are an error.
    public mutating func decodeLast(buffer: inout ByteBuffer, seenEOF: Bool) throws -> Frame? {
        if let frame = try decode(buffer: &buffer) { return frame }
        guard buffer.readableBytes == 0 else {
            throw ProtocolViolation("bytes after the last frame", buffer.readableBytes, allowed: "whole frames")
        }
        return nil
    }

    /// How many bytes the frame at the reader index occupies in all, once its header is there; for reserving room.
    public func byteCountOfNextFrame(in buffer: ByteBuffer) -> Int? {
        // A header that does not parse is reported by `decode`, which reads the same bytes.
        guard let header = try? FrameHeader.peek(at: buffer, number: number), allowedKinds.contains(header.kind) else {
            return nil
        }
        return FrameHeader.byteCount + Int(header.payloadByteCount)
    }
}

/// Writes one connection's frames, one after the other.
public struct FrameEncoder: Sendable {
    /// The number of the next frame.
    private var number: UInt32 = 0

    public init() {}

    /// Writes a whole frame.
    public mutating func encode(_ frame: Frame, into buffer: inout ByteBuffer) {
        buffer.reserveCapacity(minimumWritableBytes: FrameHeader.byteCount + frame.payload.readableBytes)
        encodeHeader(of: frame, into: &buffer)
        buffer.writeImmutableBuffer(frame.payload)
    }

    /// Writes the header alone; the payload has to follow it.
    /// - Precondition: the payload is not longer than its kind allows; `FrameMessage.frame` has checked.
    public mutating func encodeHeader(of frame: Frame, into buffer: inout ByteBuffer) {
        let byteCount = frame.payload.readableBytes
        precondition(byteCount <= frame.kind.payloadByteCountLimit, "\(byteCount) bytes in a \(frame.kind) frame")
        FrameHeader(
            payloadByteCount: UInt32(byteCount), kind: frame.kind, stream: frame.stream,
            payloadChecksum: frame.payloadChecksum
        ).encode(number: number, into: &buffer)
        number &+= 1
    }
}

/// A message that we made does not fit its frame. It is not sent.
public struct OversizedPayload: Error, Hashable, CustomStringConvertible {
    public let kind: FrameKind
    public let byteCount: Int

    public init(kind: FrameKind, byteCount: Int) {
        self.kind = kind
        self.byteCount = byteCount
    }

    public var description: String {
        "a \(kind) message of \(byteCount) bytes does not fit a frame: at most \(kind.payloadByteCountLimit) bytes; "
            + "send it in parts"
    }
}
