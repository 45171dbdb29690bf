import NIOCore

/// Collects what a connection reads until it is a preface or a frame, and holds no more memory than the frame needs.
///
/// ```
///   read     | frame | frame | fra         the frames are slices of the read: nothing is copied
///   read     me | frame | f                "frame" is put together in memory of its own, of the frame's size
/// ```
///
/// Without that move the bytes that were cut off before an unfinished frame would stay in front of it, read after read,
/// for as long as the connection lives; and whoever still holds one of the frames cut off would make each append copy
/// them all.
public struct ReceiveBuffer {
    /// What came and was not cut off yet.
    private(set) var bytes = ByteBuffer()
    private var decoder: FrameDecoder

    public init(allowing kinds: Set<FrameKind> = [.handshake]) { decoder = FrameDecoder(allowing: kinds) }

    /// Bytes that came and are no whole frame yet.
    public var byteCount: Int { bytes.readableBytes }

    /// Bytes of memory that the unfinished frame keeps alive; 0 between frames.
    public var capacity: Int { bytes.capacity }

    /// From the next frame on, exactly `kinds` are accepted.
    public mutating func allow(_ kinds: Set<FrameKind>) { decoder.allow(kinds) }

    /// Puts what was read behind the bytes of an unfinished frame.
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

    /// Forgets what came: nobody wants it any more.
    public mutating func discard() { bytes = ByteBuffer() }

    /// A connection that waits keeps no memory, only whoever holds a frame does.
    private mutating func releaseWhenEmpty() {
        if bytes.readableBytes == 0 { bytes = ByteBuffer() }
    }
}
