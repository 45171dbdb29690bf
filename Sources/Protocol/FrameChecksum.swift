import NIOCore

/// CRC-32C (Castagnoli; RFC 3720, appendix B.4), by which a frame shows that it arrived as it was sent.
///
/// TCP's own sum of 16 bits lets one damaged segment in 65,536 through, and knows nothing of what a faulty network card or
/// middle box changes behind its back. A flipped bit in a message could not be told from another message.
struct FrameChecksum {
    private static let table: [UInt32] = (0..<256).map { (byte: UInt32) in
        (0..<8).reduce(byte) { value, _ in value & 1 == 0 ? value >> 1 : value >> 1 ^ 0x82f6_3b78 }
    }

    private var register = UInt32.max

    var value: UInt32 { ~register }

    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        var register = register
        Self.table.withUnsafeBufferPointer { table in
            for byte in bytes { register = register >> 8 ^ table[Int((register ^ UInt32(byte)) & 0xff)] }
        }
        self.register = register
    }

    /// Adds a number's four bytes, the highest first.
    mutating func add(_ number: UInt32) { withUnsafeBytes(of: number.bigEndian) { add($0) } }

    static func of(_ payload: ByteBuffer) -> UInt32 {
        var checksum = FrameChecksum()
        payload.withUnsafeReadableBytes { checksum.add($0) }
        return checksum.value
    }
}
