import ByteCoding

/// Frames messages on the socket between a worker and a rank: `u32 length, little-endian | message`.
///
/// ```
///   0        4      5
///   +--------+------+---------
///   | length | kind | fields ...      length counts what follows it: 1 ... 1 MiB
///   +--------+------+---------
/// ```
public enum RankFrame {
    /// The most bytes of a message, kind included.
    public static let maximumByteCount = 1 << 20

    /// The framed message.
    ///
    /// - Throws: when the message is above the limit.
    public static func encode(_ message: some BinaryCodable) throws(BinaryCodingError) -> [UInt8] {
        let bytes = message.encoded()
        guard bytes.count <= maximumByteCount else {
            throw BinaryCodingError("a message of \(bytes.count) bytes is above the limit of \(maximumByteCount)")
        }
        var writer = BinaryWriter()
        writer.write(UInt32(bytes.count))
        return writer.bytes + bytes
    }
}

/// Cuts the bytes that a socket delivers, in whatever pieces, into messages.
public struct RankFrameReader: Sendable {
    private var buffer: [UInt8] = []

    public init() {}

    public mutating func append(_ bytes: some Sequence<UInt8>) { buffer.append(contentsOf: bytes) }

    /// The next whole message, or `nil` until more bytes are appended.
    ///
    /// - Throws: when the length is out of range or the message is not a `Message`: the peer is to be closed.
    public mutating func next<Message: BinaryCodable>(
        _: Message.Type = Message.self
    ) throws(BinaryCodingError) -> Message? {
        guard buffer.count >= 4 else { return nil }
        var header = BinaryReader(buffer[..<4])
        let count = Int(try header.read(UInt32.self))
        guard (1...RankFrame.maximumByteCount).contains(count) else {
            throw BinaryCodingError("a message of \(count) bytes; 1 to \(RankFrame.maximumByteCount) are allowed")
        }
        guard buffer.count >= 4 + count else { return nil }
        var reader = BinaryReader(buffer[4..<4 + count])
        let message = try Message(from: &reader)
        try reader.finish()
        buffer.removeFirst(4 + count)
        return message
    }
}
