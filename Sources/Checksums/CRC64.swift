import CISAL

/// CRC-64/XZ, the checksum of what is stored: it detects every error burst of up to 64 bits, and any other damage except one
/// case in 2^64.
///
/// Reflected polynomial 0xC96C5795D7870F42 (ECMA-182), initial value and final inversion all ones; 0x995DC9BBDF1939FA for the
/// ASCII text "123456789". Computed with carry-less multiplication where the processor has it.
public struct CRC64: Sendable {
    public private(set) var value: UInt64 = 0

    public init() {}

    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        value = crc64_ecma_refl(value, bytePointer(bytes), UInt64(bytes.count))
    }

    /// Adds the eight bytes of a number, least significant first.
    public mutating func update(_ number: UInt64) {
        withUnsafeBytes(of: number.littleEndian) { update($0) }
    }
}
