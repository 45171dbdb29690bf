/// CRC-64/XZ: detects every error burst of up to 64 bits, and any other damage but for one in 2^64.
///
/// Reflected polynomial 0xC96C5795D7870F42 (ECMA-182), initial value and final inversion all ones; of the ASCII text
/// "123456789" it is 0x995DC9BBDF1939FA.
struct CRC64 {
    private var register: UInt64 = .max

    var value: UInt64 { ~register }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        var register = register
        Self.table.withUnsafeBufferPointer { table in
            for byte in bytes {
                register = table[Int(UInt8(truncatingIfNeeded: register) ^ byte)] ^ (register >> 8)
            }
        }
        self.register = register
    }

    /// The number's eight bytes, least significant first.
    mutating func update(_ number: UInt64) {
        withUnsafeBytes(of: number.littleEndian) { update($0) }
    }

    private static let table: [UInt64] = (0..<256).map { index in
        (0..<8).reduce(UInt64(index)) { rest, _ in rest & 1 == 0 ? rest >> 1 : rest >> 1 ^ 0xC96C_5795_D787_0F42 }
    }
}

/// The checksum of a row of the `record` table: of every column that is not the checksum itself.
func recordChecksum(sequence: Int64, job: Int64, kind: Int64, body: UnsafeRawBufferPointer) -> Int64 {
    var checksum = CRC64()
    checksum.update(UInt64(bitPattern: sequence))
    checksum.update(UInt64(bitPattern: job))
    checksum.update(UInt64(bitPattern: kind))
    checksum.update(body)
    return Int64(bitPattern: checksum.value)
}
