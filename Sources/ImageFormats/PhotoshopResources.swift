/// The resources in which Photoshop, and JPEG and TIFF files after it, keep IPTC's records.
///
///     resource:  "8BIM" | u16 kind | a name: its length, its characters, even in all | u32 length | data, even in all
package enum PhotoshopResources {
    private static let mark = Array("8BIM".utf8)
    private static let recordsKind: UInt32 = 0x0404

    /// A resource that holds the records.
    package static func wrapping(_ records: [UInt8]) -> [UInt8] {
        mark + [0x04, 0x04, 0, 0] + bigEndianBytes(UInt32(records.count)) + records
            + (records.count % 2 == 0 ? [] : [0])
    }

    /// The records in a run of resources; `nil` where there are none, or the run is malformed before them.
    package static func records(in resources: [UInt8]) -> [UInt8]? {
        var rest = resources[...]
        while rest.count >= 12, rest.starts(with: mark) {
            let kind: UInt32 = bigEndianInteger([0, 0] + rest.dropFirst(4).prefix(2))
            let name = Int(rest[rest.startIndex + 6]) + 1
            let head = 6 + name + name % 2
            guard rest.count >= head + 4 else { return nil }
            let count: UInt32 = bigEndianInteger(rest.dropFirst(head).prefix(4))
            guard rest.count - head - 4 >= Int(count) else { return nil }
            let data = rest.dropFirst(head + 4).prefix(Int(count))
            if kind == recordsKind { return Array(data) }
            rest = rest.dropFirst(head + 4 + Int(count) + Int(count % 2))
        }
        return nil
    }
}
