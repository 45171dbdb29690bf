import JobModel
import NIOCore

/// The first eight bytes that either side sends: seven of magic, one of major version.
///
/// ```
///   0    1    2    3    4    5    6    7
/// +----+----+----+----+----+----+----+-------+
/// | T  | E  | S  | S  | E  | R  | A  | major |
/// +----+----+----+----+----+----+----+-------+
/// ```
public struct Preface: Hashable, Sendable {
    public static let byteCount = 8
    public static let magic = Array("TESSERA".utf8)
    /// The major version that this code speaks. Different major versions do not understand each other.
    public static let currentMajorVersion: UInt8 = 2
    /// The minor version that this code speaks. Peers announce theirs in the handshake; both keep to the lower one.
    public static let currentMinorVersion: UInt32 = 2
    /// The first minor version in which a job can name the format of its results, and what of its files is decoded.
    public static let formatsMinorVersion: UInt32 = 1
    /// The first minor version in which a client can ask which rows of a result are finished.
    public static let segmentsMinorVersion: UInt32 = 2

    public let majorVersion: UInt8

    public init(majorVersion: UInt8 = Preface.currentMajorVersion) { self.majorVersion = majorVersion }

    public func encode(into buffer: inout ByteBuffer) {
        buffer.writeBytes(Self.magic)
        buffer.writeInteger(majorVersion)
    }

    /// Reads a preface, refusing other magic at its first wrong byte.
    /// - Returns: `nil` while bytes are missing; then `buffer` is unchanged.
    public static func decode(from buffer: inout ByteBuffer) throws(ProtocolViolation) -> Preface? {
        let seen = buffer.readableBytesView.prefix(magic.count)
        guard magic.starts(with: seen) else {
            throw ProtocolViolation(
                field: "preface", value: Hexadecimal.text(seen), allowed: "the bytes of \"TESSERA\"")
        }
        guard buffer.readableBytes >= byteCount else { return nil }
        buffer.moveReaderIndex(forwardBy: magic.count)
        guard let version: UInt8 = buffer.readInteger() else { return nil }
        return Preface(majorVersion: version)
    }
}
