import CISAL

/// Adler-32, the checksum of a zlib stream's uncompressed bytes (RFC 1950).
///
/// Two sums modulo 65521: `a` of the bytes plus 1, and `b` of all values that `a` went through; the checksum is
/// `b << 16 | a`. Both are linear in the bytes, so the checksums of two neighbouring runs give that of both.
public enum Adler32 {
    /// The checksum of no bytes.
    public static let empty: UInt32 = 1

    private static let modulus: UInt64 = 65521

    public static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        bytes.isEmpty ? empty : isal_adler32(empty, bytePointer(bytes), UInt64(bytes.count))
    }

    public static func checksum(_ bytes: [UInt8]) -> UInt32 { bytes.withUnsafeBytes { checksum($0) } }

    /// The checksum of a run of bytes followed by another one.
    ///
    /// The second run's `a` starts at 1 when the run is taken alone, and at the first run's `a` when it follows: every one of
    /// its bytes adds that difference to `b` once more.
    public static func combine(_ first: UInt32, _ second: UInt32, secondByteCount: UInt64) -> UInt32 {
        let a1 = UInt64(first & 0xffff)
        let b1 = UInt64(first >> 16)
        let a2 = UInt64(second & 0xffff)
        let b2 = UInt64(second >> 16)
        let offset = (a1 + modulus - 1) % modulus
        let a = (offset + a2) % modulus
        let b = (b1 + b2 + offset * (secondByteCount % modulus)) % modulus
        return UInt32(b << 16 | a)
    }

    /// The checksum of runs that follow one another, each with its own checksum and byte count.
    public static func combine(_ runs: some Sequence<(adler32: UInt32, byteCount: UInt64)>) -> UInt32 {
        runs.reduce(empty) { combine($0, $1.adler32, secondByteCount: $1.byteCount) }
    }
}
