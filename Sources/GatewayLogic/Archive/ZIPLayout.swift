/// The records of a ZIP file whose members are stored as they are, in the order in which it is written.
///
/// Sizes are known before a member is written and its CRC-32 after it, so each member has a data descriptor. Every size and
/// offset is in its ZIP64 form, which all unpackers of today read (APPNOTE 6.3.10, 4.3 and 4.5.3); names are UTF-8.
///
///     (local header, bytes, data descriptor)*, central directory, ZIP64 end record and locator, end record
package struct ZIPLayout: Sendable {
    private struct Entry: Sendable {
        let name: [UInt8]
        let byteCount: UInt64
        let crc32: UInt32
        let offset: UInt64
    }

    private var entries: [Entry] = []
    private var offset: UInt64 = 0
    private var open: (name: [UInt8], byteCount: UInt64, offset: UInt64)?
    /// The time of all members, in MS-DOS form.
    private let time: UInt16
    private let date: UInt16

    /// - Parameter secondsSince1970: the time that all members get, in UTC.
    package init(secondsSince1970: UInt64) {
        (time, date) = Self.dosTime(secondsSince1970)
    }

    /// The local header of the next member.
    package mutating func begin(_ name: String, byteCount: UInt64) -> [UInt8] {
        precondition(open == nil, "a member is still being written")
        let bytes = Array(name.utf8.prefix(0xFFFF))
        open = (bytes, byteCount, offset)
        var header = Fields()
        header.u32(0x0403_4B50)
        header.u16(45)
        header.u16(Self.flags)
        header.u16(0)
        header.u16(time)
        header.u16(date)
        header.u32(0)
        header.u32(0xFFFF_FFFF)
        header.u32(0xFFFF_FFFF)
        header.u16(UInt16(bytes.count))
        header.u16(20)
        header.bytes += bytes
        header.u16(1)
        header.u16(16)
        // The standard wants zeros where a descriptor follows; readers of streams do better with the sizes.
        header.u64(byteCount)
        header.u64(byteCount)
        offset += UInt64(header.bytes.count) + byteCount
        return header.bytes
    }

    /// The data descriptor behind the bytes of the member.
    package mutating func end(crc32: UInt32) -> [UInt8] {
        guard let member = open.take() else { preconditionFailure("no member was begun") }
        entries.append(Entry(name: member.name, byteCount: member.byteCount, crc32: crc32, offset: member.offset))
        var descriptor = Fields()
        descriptor.u32(0x0807_4B50)
        descriptor.u32(crc32)
        descriptor.u64(member.byteCount)
        descriptor.u64(member.byteCount)
        offset += UInt64(descriptor.bytes.count)
        return descriptor.bytes
    }

    /// The end of the file.
    package func finish() -> [UInt8] {
        var directory = Fields()
        for entry in entries {
            directory.u32(0x0201_4B50)
            directory.u16(3 << 8 | 45)
            directory.u16(45)
            directory.u16(Self.flags)
            directory.u16(0)
            directory.u16(time)
            directory.u16(date)
            directory.u32(entry.crc32)
            directory.u32(0xFFFF_FFFF)
            directory.u32(0xFFFF_FFFF)
            directory.u16(UInt16(entry.name.count))
            directory.u16(28)
            directory.u16(0)
            directory.u16(0)
            directory.u16(0)
            // A regular file that everybody may read.
            directory.u32(0o100644 << 16)
            directory.u32(0xFFFF_FFFF)
            directory.bytes += entry.name
            directory.u16(1)
            directory.u16(24)
            directory.u64(entry.byteCount)
            directory.u64(entry.byteCount)
            directory.u64(entry.offset)
        }
        let directoryByteCount = UInt64(directory.bytes.count)
        directory.u32(0x0606_4B50)
        directory.u64(44)
        directory.u16(3 << 8 | 45)
        directory.u16(45)
        directory.u32(0)
        directory.u32(0)
        directory.u64(UInt64(entries.count))
        directory.u64(UInt64(entries.count))
        directory.u64(directoryByteCount)
        directory.u64(offset)
        directory.u32(0x0706_4B50)
        directory.u32(0)
        directory.u64(offset + directoryByteCount)
        directory.u32(1)
        directory.u32(0x0605_4B50)
        directory.u16(0)
        directory.u16(0)
        let count = UInt16(clamping: entries.count)
        directory.u16(count)
        directory.u16(count)
        directory.u32(UInt32(clamping: directoryByteCount))
        directory.u32(UInt32(clamping: offset))
        directory.u16(0)
        return directory.bytes
    }

    /// Bit 3: a data descriptor follows; bit 11: the name is UTF-8.
    private static let flags: UInt16 = 1 << 3 | 1 << 11

    /// Little-endian fields.
    private struct Fields {
        var bytes: [UInt8] = []
        mutating func u16(_ value: UInt16) { append(value) }
        mutating func u32(_ value: UInt32) { append(value) }
        mutating func u64(_ value: UInt64) { append(value) }

        private mutating func append(_ value: some FixedWidthInteger) {
            withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
        }
    }

    /// - Returns: time and date as MS-DOS had them: two seconds, minutes, hours; day, month, years since 1980.
    private static func dosTime(_ seconds: UInt64) -> (UInt16, UInt16) {
        let clock = seconds % 86_400
        // Days to a date, after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
        let days = seconds / 86_400 + 719_468
        let era = days / 146_097
        let dayOfEra = days % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shifted + 2) / 5 + 1
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let years = min(max(year, 1980), 2107) - 1980
        let (hours, minutes, halfSeconds) = (clock / 3600, clock % 3600 / 60, clock % 60 / 2)
        return (UInt16(hours << 11 | minutes << 5 | halfSeconds), UInt16(years << 9 | month << 5 | day))
    }
}
