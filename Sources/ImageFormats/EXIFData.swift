/// The few numbers of EXIF data (a TIFF header and its directory) that processing makes wrong.
///
///     "II" 2a 00 | u32 offset of the directory          little-endian; "MM" 00 2a: big-endian
///     directory:  u16 count | entry | entry | ...
///     entry:      u16 tag | u16 type | u32 count | 4 bytes: the value, or the offset of a longer one
///
/// Whatever is not as it should be is left as it is.
enum EXIFData {
    private static let orientation: UInt16 = 0x0112
    private static let horizontalResolution: UInt16 = 0x011a
    private static let verticalResolution: UInt16 = 0x011b
    private static let location: UInt16 = 0x8825
    private static let entryByteCount = 12
    /// Of the types from 1 on: byte, text, short, long, rational, and the signed ones.
    private static let typeByteCounts = [8, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8]

    /// Says that the image is stored as it is to be shown: Orientation is 1.
    static func setUpright(in data: inout [UInt8]) {
        guard let isBigEndian = isBigEndian(data), let entry = entries(of: data)[orientation] else { return }
        // One number of 16 bits.
        guard number(data[entry + 2..<entry + 4], isBigEndian) == 3,
            number(data[entry + 4..<entry + 8], isBigEndian) == 1
        else { return }
        data[entry + 8] = isBigEndian ? 0 : 1
        data[entry + 9] = isBigEndian ? 1 : 0
    }

    /// Without GPS data: its directory has no entries any more, and they and their values are zeros. Where it is not by the book,
    /// nothing is left of all the data.
    static func withoutLocation(_ data: [UInt8]) -> [UInt8]? {
        guard let isBigEndian = isBigEndian(data) else { return nil }
        guard let entry = entries(of: data)[location] else { return data }
        let directory = number(data[entry + 8..<entry + 12], isBigEndian)
        guard directory >= 8, directory <= data.count - 2 else { return nil }
        let count = number(data[directory..<directory + 2], isBigEndian)
        let end = directory + 2 + count * entryByteCount
        guard end <= data.count else { return nil }
        var stripped = data
        for field in stride(from: directory + 2, to: end, by: entryByteCount) {
            let type = number(data[field + 2..<field + 4], isBigEndian)
            let valueCount = number(data[field + 4..<field + 8], isBigEndian)
            let byteCount = valueCount * (typeByteCounts.indices.contains(type) ? typeByteCounts[type] : 8)
            guard byteCount > 4 else { continue }
            let offset = number(data[field + 8..<field + 12], isBigEndian)
            guard offset >= 8, offset <= data.count, byteCount <= data.count - offset else { return nil }
            for position in offset..<offset + byteCount { stripped[position] = 0 }
        }
        for position in directory..<end { stripped[position] = 0 }
        return stripped
    }

    /// Exchanges the horizontal and the vertical resolution, where there are both.
    static func exchangeResolutions(in data: inout [UInt8]) {
        let entries = entries(of: data)
        guard let first = entries[horizontalResolution], let second = entries[verticalResolution] else { return }
        for index in 2..<entryByteCount { data.swapAt(first + index, second + index) }
    }

    /// Where each tag's first entry of the first directory is.
    private static func entries(of data: [UInt8]) -> [UInt16: Int] {
        guard let isBigEndian = isBigEndian(data), data.count >= 8 else { return [:] }
        let directory = number(data[4..<8], isBigEndian)
        guard directory <= data.count - 2 else { return [:] }
        let count = number(data[directory..<directory + 2], isBigEndian)
        guard count * entryByteCount <= data.count - directory - 2 else { return [:] }
        var entries: [UInt16: Int] = [:]
        for index in 0..<count {
            let entry = directory + 2 + index * entryByteCount
            let tag = UInt16(truncatingIfNeeded: number(data[entry..<entry + 2], isBigEndian))
            if entries[tag] == nil { entries[tag] = entry }
        }
        return entries
    }

    private static func isBigEndian(_ data: [UInt8]) -> Bool? {
        if data.starts(with: [0x4d, 0x4d, 0, 0x2a]) { return true }
        return data.starts(with: [0x49, 0x49, 0x2a, 0]) ? false : nil
    }

    /// The value of up to four bytes.
    private static func number(_ bytes: ArraySlice<UInt8>, _ isBigEndian: Bool) -> Int {
        isBigEndian
            ? bytes.reduce(0) { $0 << 8 | Int($1) } : bytes.reversed().reduce(0) { $0 << 8 | Int($1) }
    }
}

/// The orientation in an XMP packet, which says the same as EXIF's.
enum XMPText {
    /// An iTXt chunk's keyword and, with the two zeros behind it, that its text is not compressed.
    private static let start = Array("XML:com.adobe.xmp".utf8) + [0, 0, 0]
    private static let property = Array("tiff:Orientation".utf8)
    /// What is between the property's name and its value: `="6"` or `>6<`.
    private static let punctuation = Set(" \t\r\n=\"'>".utf8)

    /// Says that the image is stored as it is to be shown, if `data` is an iTXt chunk with an uncompressed packet.
    static func setUpright(in data: inout [UInt8]) {
        if data.starts(with: start) { setUpright(in: &data, from: start.count) }
    }

    /// Says so in a packet that begins at `position`.
    static func setUpright(in data: inout [UInt8], from position: Int) {
        var position = position
        while let found = data[position...].firstRange(of: property) {
            position = found.upperBound
            var value = found.upperBound
            while value < data.count, value - found.upperBound < 8, punctuation.contains(data[value]) { value += 1 }
            guard value > found.upperBound, value < data.count, (0x32...0x38).contains(data[value]) else { continue }
            if value + 1 < data.count, (0x30...0x39).contains(data[value + 1]) { continue }
            data[value] = 0x31
        }
    }
}
