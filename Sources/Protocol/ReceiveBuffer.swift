import NIOCore

/// Collects received bytes until they form a preface or a frame, and holds no more memory than the frame needs.
///
/// ```
///   read     | frame | frame | fra         the frames are slices of the read: nothing is copied
///   read     me | frame | f                "frame" is put together in memory of its own, of the frame's size
/// ```
///
/// Without that copy the bytes in front of an incomplete frame would be kept, read after read, as long as the connection lives;
/// and a task that still holds one of the earlier frames would make each append copy all of them.
public struct ReceiveBuffer {
    /// Received bytes that are not part of a returned frame.
    private(set) var bytes = ByteBuffer()
    private var decoder: FrameDecoder

    public init(allowing kinds: Set<FrameKind> = [.handshake]) { decoder = FrameDecoder(allowing: kinds) }

    /// Bytes of the incomplete frame.
    public var byteCount: Int { bytes.readableBytes }

    /// The first received bytes that are not part of a returned frame, as many as a preface has or fewer.
    public var start: [UInt8] { Array(bytes.readableBytesView.prefix(Preface.byteCount)) }

    /// Bytes of memory that the incomplete frame occupies; 0 between frames.
    public var capacity: Int { bytes.capacity }

    /// From the next frame on, exactly `kinds` are accepted.
    public mutating func allow(_ kinds: Set<FrameKind>) { decoder.allow(kinds) }

    /// Appends received bytes to the incomplete frame.
    public mutating func append(_ read: ByteBuffer) {
        guard bytes.readableBytes > 0 else {
            bytes = read
            return
        }
        let needed = max(
            decoder.byteCountOfNextFrame(in: bytes) ?? 0, bytes.readableBytes + read.readableBytes)
        if bytes.readerIndex > 0 {
            var moved = ByteBufferAllocator().buffer(capacity: needed)
            moved.writeBuffer(&bytes)
            bytes = moved
        } else {
            bytes.reserveCapacity(needed)
        }
        bytes.writeImmutableBuffer(read)
    }

    /// Takes the preface that a connection begins with.
    /// - Returns: `nil` while bytes are missing.
    public mutating func nextPreface() throws(ProtocolViolation) -> Preface? {
        let preface = try Preface.decode(from: &bytes)
        releaseWhenEmpty()
        return preface
    }

    /// Takes the next frame.
    /// - Returns: `nil` while bytes are missing.
    /// - Throws: `ProtocolViolation`, as soon as the frame's header is there; nothing that follows can be trusted.
    public mutating func nextFrame() throws(ProtocolViolation) -> Frame? {
        let frame = try decoder.decode(buffer: &bytes)
        releaseWhenEmpty()
        return frame
    }

    /// Drops the received bytes.
    public mutating func discard() { bytes = ByteBuffer() }

    /// A connection that waits keeps no memory; only a task that holds a frame does.
    private mutating func releaseWhenEmpty() {
        if bytes.readableBytes == 0 { bytes = ByteBuffer() }
    }
}
