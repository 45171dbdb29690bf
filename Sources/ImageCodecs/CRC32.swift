/// The checksum of PNG chunks (ISO 3309, reflected polynomial 0xEDB88320), in plain Swift.
///
/// Eight table look-ups take eight bytes at a time ("slicing by 8", Kounavis and Berry 2005).
public struct CRC32: Sendable {
    private var register: UInt32 = 0xffff_ffff

    public init() {}

    /// The checksum of all bytes so far.
    public var value: UInt32 { ~register }

    public static func checksum(_ bytes: [UInt8]) -> UInt32 {
        var crc = CRC32()
        crc.update(bytes)
        return crc.value
    }

    public mutating func update(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { update($0) }
    }

    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        CRC32.tables.withUnsafeBufferPointer { tables in
            var crc = register
            var rest = start
            var count = bytes.count
            while count >= 8 {
                let low = UInt32(littleEndian: rest.loadUnaligned(as: UInt32.self)) ^ crc
                let high = UInt32(littleEndian: (rest + 4).loadUnaligned(as: UInt32.self))
                crc =
                    tables[0x700 + Int(low & 0xff)] ^ tables[0x600 + Int(low >> 8 & 0xff)]
                    ^ tables[0x500 + Int(low >> 16 & 0xff)] ^ tables[0x400 + Int(low >> 24)]
                    ^ tables[0x300 + Int(high & 0xff)] ^ tables[0x200 + Int(high >> 8 & 0xff)]
                    ^ tables[0x100 + Int(high >> 16 & 0xff)] ^ tables[Int(high >> 24)]
                rest += 8
                count -= 8
            }
            while count > 0 {
                crc = tables[Int((crc ^ UInt32(rest.load(as: UInt8.self))) & 0xff)] ^ crc >> 8
                rest += 1
                count -= 1
            }
            register = crc
        }
    }

    /// Eight tables of 256: entry `256 k + b` is the register after byte `b` and `k` zero bytes.
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var crc = UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? 0xedb8_8320 ^ crc >> 1 : crc >> 1 }
            tables[byte] = crc
        }
        for index in 256..<tables.count {
            let before = tables[index - 256]
            tables[index] = tables[Int(before & 0xff)] ^ before >> 8
        }
        return tables
    }()
}
