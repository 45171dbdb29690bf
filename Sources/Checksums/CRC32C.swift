import CISAL

/// CRC-32C (Castagnoli; RFC 3720, appendix B.4), the checksum of frames on the wire.
///
/// Reflected polynomial 0x82F63B78, initial value and final inversion all ones; 0xE3069283 for the ASCII text "123456789".
/// Computed by the processor's own instruction where it has one.
public struct CRC32C: Sendable {
    private var register = UInt32.max

    public init() {}

    /// The checksum of all bytes so far.
    public var value: UInt32 { ~register }

    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes
        while !rest.isEmpty {
            // The library counts in a C `int`, and declares the bytes mutable without writing to them.
            let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(Int(Int32.max)))
            register = crc32_iscsi(UnsafeMutablePointer(mutating: bytePointer(piece)), Int32(piece.count), register)
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(piece.count))
        }
    }

    /// Adds the four bytes of a number, most significant first.
    public mutating func update(_ number: UInt32) {
        withUnsafeBytes(of: number.bigEndian) { update($0) }
    }
}
