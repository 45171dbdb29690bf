import NIOCore

/// Tells from the first bytes of a connection whether its peer encrypts; collects a TLS peer's hello as a whole.
///
/// A TLS channel costs tens of kilobytes, and is made only for a peer that has sent a whole hello: until then, a connection costs
/// these bytes.
package struct FirstBytes: Sendable {
    package enum Verdict: Hashable, Sendable {
        /// More bytes are needed.
        case waits
        /// The peer begins with a preface, or with what this side does not know.
        case plain
        /// The peer has sent a whole TLS hello.
        case encrypted
        /// The peer's hello is longer than any that a peer of ours would send.
        case tooLong(byteCount: Int)
    }

    /// The longest hello. OpenSSL's are 200 to 300 bytes; those with keys of post-quantum methods less than 2,000.
    package static let limit = 4 << 10
    /// A record of the handshake (RFC 8446, section 5.1).
    package static let handshakeRecord: UInt8 = 0x16
    private static let headerByteCount = 5

    package private(set) var bytes = ByteBuffer()

    package init() {}

    package mutating func append(_ more: ByteBuffer) -> Verdict {
        // Most peers decide it with their first read, whose buffer is passed on as it is.
        if bytes.readableBytes == 0 { bytes = more } else { bytes.writeImmutableBuffer(more) }
        guard let first = bytes.getInteger(at: bytes.readerIndex, as: UInt8.self) else { return .waits }
        guard first == Self.handshakeRecord else { return .plain }
        guard let length = bytes.getInteger(at: bytes.readerIndex + 3, as: UInt16.self) else { return .waits }
        let whole = Self.headerByteCount + Int(length)
        if whole > Self.limit { return .tooLong(byteCount: whole) }
        return bytes.readableBytes >= whole ? .encrypted : .waits
    }
}
