import CISAL

/// CRC-64/XZ: detects every error burst of up to 64 bits, and any other damage but for one in 2^64.
///
/// Reflected polynomial 0xC96C5795D7870F42 (ECMA-182), initial value and final inversion all ones; of the ASCII text
/// "123456789" it is 0x995DC9BBDF1939FA. Computed by ISA-L, with carry-less multiplication where the processor has it.
public struct CRC64: Sendable {
    public private(set) var value: UInt64 = 0

    public init() {}

    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress else { return }
        value = crc64_ecma_refl(value, base.assumingMemoryBound(to: UInt8.self), UInt64(bytes.count))
    }

    /// The number's eight bytes, least significant first.
    public mutating func update(_ number: UInt64) {
        withUnsafeBytes(of: number.littleEndian) { update($0) }
    }
}
