/// IP addresses that begin with the same bits, such as 10.0.0.0/8 or 2001:db8::/32.
package struct AddressBlock: Hashable, Sendable {
    /// 4 or 16, the most significant first.
    private let bytes: [UInt8]
    private let bitCount: Int

    /// - Returns: `nil` for another number of bytes than 4 and 16, and for more bits than they have. An IPv4 address that is mapped
    ///   into IPv6 stands for itself.
    package init?(bytes: [UInt8], bitCount: Int? = nil) {
        let own = Self.unmapped(bytes)
        let bitCount = bitCount ?? own.count * 8
        guard own.count == 4 || own.count == 16, (0...own.count * 8).contains(bitCount) else { return nil }
        self.bytes = own
        self.bitCount = bitCount
    }

    /// The block of an IPv4 (`size` 4) or IPv6 (16) address whose other bytes are zero.
    fileprivate init(_ leading: [UInt8], _ bitCount: Int, size: Int) {
        bytes = leading + Array(repeating: 0, count: size - leading.count)
        self.bitCount = bitCount
    }

    package func contains(_ address: [UInt8]) -> Bool {
        let address = Self.unmapped(address)
        guard address.count == bytes.count else { return false }
        return (0..<bitCount).allSatisfy { bit in
            let mask: UInt8 = 0x80 >> UInt8(bit % 8)
            return bytes[bit / 8] & mask == address[bit / 8] & mask
        }
    }

    /// The bytes of an address: an IPv4 address that is mapped into IPv6 (`::ffff:10.0.0.1`) stands for itself.
    private static func unmapped(_ bytes: [UInt8]) -> [UInt8] {
        let isMapped =
            bytes.count == 16 && bytes.prefix(10).allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
        return isMapped ? Array(bytes.suffix(4)) : bytes
    }

    // MARK: The internet

    /// Whether an address is one of the whole internet: not of this machine, a private network, a link, a cloud's metadata, a
    /// group, or of nobody, by IANA's registries of special-purpose addresses.
    package static func isPublic(_ address: [UInt8]) -> Bool {
        let address = unmapped(address)
        return (address.count == 4 || assigned.contains(address)) && !special.contains { $0.contains(address) }
    }

    /// The addresses of IPv6 that were ever assigned for use on the internet.
    private static let assigned = AddressBlock([0x20], 3, size: 16)

    private static let special: [AddressBlock] =
        [
            ([0], 8), ([10], 8), ([100, 64], 10), ([127], 8), ([169, 254], 16), ([172, 16], 12), ([192, 0, 0], 24),
            ([192, 0, 2], 24), ([192, 88, 99], 24), ([192, 168], 16), ([198, 18], 15), ([198, 51, 100], 24),
            ([203, 0, 113], 24), ([224], 3),
        ].map { AddressBlock($0, $1, size: 4) }
        + [
            // Protocol assignments, Teredo among them; documentation; 6to4, which has an IPv4 address in it; documentation.
            ([0x20, 0x01], 23), ([0x20, 0x01, 0x0D, 0xB8], 32), ([0x20, 0x02], 16), ([0x3F, 0xFF], 20),
        ].map { AddressBlock($0, $1, size: 16) }
}
