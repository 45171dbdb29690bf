/// Puts the checksums of frames right, so that the fuzzer gets behind them. Plain, slow, and independent of what is tested.
enum FrameForge {
    private static let headerByteCount = 20

    /// The stream with the checksums of every whole header put right, and of its payload as far as that is there.
    static func withRightChecksums(_ stream: [UInt8]) -> [UInt8] {
        var stream = stream
        var offset = 0
        var number: UInt32 = 0
        while offset + headerByteCount <= stream.count {
            let length = stream[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
            let isData = stream[offset + 4] == 3
            let payload = stream[(offset + headerByteCount)...].prefix(length)
            stream.replaceSubrange(offset + 12..<offset + 16, with: bigEndian(isData ? 0 : crc32c(payload)))
            let covered = bigEndian(number) + stream[offset..<offset + 16]
            stream.replaceSubrange(offset + 16..<offset + 20, with: bigEndian(crc32c(covered[...])))
            offset += headerByteCount + payload.count
            number &+= 1
        }
        return stream
    }

    /// RFC 3720, appendix B.4.
    private static func crc32c(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        ~bytes.reduce(~0) { crc, byte in
            (0..<8).reduce(crc ^ UInt32(byte)) { value, _ in value >> 1 ^ (value & 1 == 1 ? 0x82f6_3b78 : 0) }
        }
    }
}

/// A number's four bytes, the highest first.
func bigEndian(_ value: UInt32) -> [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) } }
