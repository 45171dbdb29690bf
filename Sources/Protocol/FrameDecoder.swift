import NIOCore

/// Cuts a stream of bytes into frames.
///
/// The header is checked as soon as its twelve bytes are there, before a byte of payload is waited for, so a peer can
/// make us hold at most one payload of a kind that is allowed at that moment. Until `allow(_:)` says otherwise only
/// handshake frames are, which bounds what an unauthenticated peer can make us buffer.
public struct FrameDecoder: NIOSingleStepByteToMessageDecoder {
    public typealias InboundOut = Frame

    public private(set) var allowedKinds: Set<FrameKind>

    public init(allowing kinds: Set<FrameKind> = [.handshake, .goodbye]) { allowedKinds = kinds }

    /// From the next frame on, exactly `kinds` are accepted.
    public mutating func allow(_ kinds: Set<FrameKind>) { allowedKinds = kinds }

    /// Takes the next frame from `buffer`.
    /// - Returns: `nil` while bytes are missing; then `buffer` is unchanged.
    /// - Throws: `ProtocolViolation`; nothing that follows in the stream can be trusted.
    public mutating func decode(buffer: inout ByteBuffer) throws -> Frame? {
        guard let header = try FrameHeader.peek(at: buffer) else { return nil }
        guard allowedKinds.contains(header.kind) else {
            let names = FrameKind.allCases.filter(allowedKinds.contains).map { "\($0)" }.joined(separator: ", ")
            throw ProtocolViolation(field: "frame kind", value: "\(header.kind)", allowed: "at this point: \(names)")
        }
        let frameByteCount = FrameHeader.byteCount + Int(header.payloadByteCount)
        guard buffer.readableBytes >= frameByteCount else { return nil }
        buffer.moveReaderIndex(forwardBy: FrameHeader.byteCount)
        guard let payload = buffer.readSlice(length: Int(header.payloadByteCount)) else {
            preconditionFailure("a frame of \(frameByteCount) bytes is there, but its payload cannot be read")
        }
        return Frame(kind: header.kind, stream: header.stream, payload: payload)
    }

    /// The stream ended: bytes of an unfinished frame are an error.
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
        guard let header = try? FrameHeader.peek(at: buffer), allowedKinds.contains(header.kind) else { return nil }
        return FrameHeader.byteCount + Int(header.payloadByteCount)
    }
}

/// Writes frames.
public struct FrameEncoder: Sendable, MessageToByteEncoder {
    public typealias OutboundIn = Frame

    public init() {}

    public func encode(data frame: Frame, out buffer: inout ByteBuffer) throws {
        try Self.header(kind: frame.kind, stream: frame.stream, payloadByteCount: frame.payload.readableBytes)
            .encode(into: &buffer)
        buffer.writeImmutableBuffer(frame.payload)
    }

    /// The header for a payload of `payloadByteCount` bytes.
    /// - Throws: `OversizedPayload` when a frame of that kind may not be that long.
    public static func header(
        kind: FrameKind, stream: UInt32, payloadByteCount: Int
    ) throws(OversizedPayload) -> FrameHeader {
        guard payloadByteCount <= kind.payloadByteCountLimit else {
            throw OversizedPayload(kind: kind, byteCount: payloadByteCount)
        }
        return FrameHeader(payloadByteCount: UInt32(payloadByteCount), kind: kind, stream: stream)
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
