import Pipelines

/// The few numbers of EXIF data (a TIFF header and its directories) that processing makes wrong.
///
///     "II" 2a 00 | u32 offset of the first directory     little-endian; "MM" 00 2a: big-endian
///     directory:  u16 count | entry | entry | ... | u32 offset of the next directory, or 0
///     entry:      u16 tag | u16 type | u32 count | 4 bytes: the value, or the offset of a longer one
///
/// The first directory is of the image, the next of its thumbnail; one entry of the first has the offset of what EXIF adds.
/// Whatever is not as it should be is left as it is.
package struct EXIFData {
    package private(set) var bytes: [UInt8]
    let isBigEndian: Bool

    /// - Returns: `nil` for bytes that do not begin as EXIF data do.
    package init?(_ bytes: [UInt8]) {
        guard bytes.count >= 8 else { return nil }
        if bytes.starts(with: [0x4d, 0x4d, 0, 0x2a]) {
            isBigEndian = true
        } else if bytes.starts(with: [0x49, 0x49, 0x2a, 0]) {
            isBigEndian = false
        } else {
            return nil
        }
        self.bytes = bytes
    }

    /// Changes data in place, if they are EXIF data.
    static func edit(_ data: inout [UInt8], _ body: (inout EXIFData) -> Void) {
        guard var edited = EXIFData(data) else { return }
        body(&edited)
        data = edited.bytes
    }

    private enum Tag {
        static let width = 0x0100
        static let height = 0x0101
        static let stripOffsets = 0x0111
        static let orientation = 0x0112
        static let stripByteCounts = 0x0117
        static let horizontalResolution = 0x011a
        static let verticalResolution = 0x011b
        static let thumbnailOffset = 0x0201
        static let thumbnailByteCount = 0x0202
        static let exifDirectory = 0x8769
        static let positionDirectory = 0x8825
        static let exifWidth = 0xa002
        static let exifHeight = 0xa003
        static let interoperabilityDirectory = 0xa005
    }

    private static let entryByteCount = 12

    private struct Entry {
        let tag: Int
        let type: Int
        let count: Int
        /// Where the entry is.
        let offset: Int

        /// Bytes of the value. Types from 1 on are byte, text, short, long, rational, and the signed ones; numbers of an
        /// unknown type have as many as the longest.
        var valueByteCount: Int {
            let sizes = [8, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8]
            return count * (type < sizes.count ? sizes[type] : 8)
        }
    }

    /// The entries of a directory.
    private struct Directory {
        let range: Range<Int>
        let entries: [Entry]
        /// Where the offset of the next directory is; `nil` where the data end before.
        let next: Int?

        func entry(_ tag: Int) -> Entry? { entries.first { $0.tag == tag } }
    }

    // MARK: What is read and changed

    /// How the picture is to be shown: 1 as it is stored, 2 to 8 mirrored or turned; 1 where nothing else is said.
    package var orientation: UInt8 {
        guard let value = directory(at: firstOffset)?.entry(Tag.orientation).flatMap(value), (1...8).contains(value)
        else {
            return 1
        }
        return UInt8(value)
    }

    /// Makes true of an output what a pipeline makes wrong.
    mutating func adapt(to output: ImageShape, _ effect: MetadataEffect) {
        if effect.contains(.exchangesAxes) { exchangeResolutions() }
        if effect.contains(.setsOrientation) { setUpright() }
        if effect.contains(.changesPixels) { removeThumbnail() }
        setSize(width: output.width, height: output.height)
    }

    /// Says that the image is stored as it is to be shown: Orientation is 1.
    mutating func setUpright() {
        guard let entry = directory(at: firstOffset)?.entry(Tag.orientation), entry.type == 3, entry.count == 1 else {
            return
        }
        put(1, at: entry.offset + 8, count: 2)
    }

    /// Exchanges the horizontal and the vertical resolution, where there are both.
    mutating func exchangeResolutions() {
        guard let directory = directory(at: firstOffset), let first = directory.entry(Tag.horizontalResolution),
            let second = directory.entry(Tag.verticalResolution)
        else { return }
        for index in 2..<Self.entryByteCount { bytes.swapAt(first.offset + index, second.offset + index) }
    }

    /// Puts the size of the image right where it is said.
    mutating func setSize(width: Int, height: Int) {
        guard let first = directory(at: firstOffset) else { return }
        let exif = first.entry(Tag.exifDirectory).flatMap(value).flatMap(directory)
        for (entry, side) in [
            (first.entry(Tag.width), width), (first.entry(Tag.height), height),
            (exif?.entry(Tag.exifWidth), width), (exif?.entry(Tag.exifHeight), height),
        ] {
            if let entry, value(entry) != nil { set(entry, to: side) }
        }
    }

    /// Removes the thumbnail: the link to its directory, and the bytes that belong to nothing else.
    mutating func removeThumbnail() {
        guard let first = directory(at: firstOffset), let link = first.next else { return }
        let offset = number(at: link, count: 4)
        guard offset != 0 else { return }
        var removed: [Range<Int>] = []
        if let second = directory(at: offset) {
            removed.append(second.range)
            removed += second.entries.compactMap(valueRange)
            for (start, length) in [
                (Tag.thumbnailOffset, Tag.thumbnailByteCount), (Tag.stripOffsets, Tag.stripByteCounts),
            ] {
                guard let start = second.entry(start).flatMap(value), let length = second.entry(length).flatMap(value),
                    start <= bytes.count
                else { continue }
                removed.append(start..<start + min(length, bytes.count - start))
            }
        }
        for index in link..<link + 4 { bytes[index] = 0 }
        let kept = keptRanges(first)
        var end = kept.map(\.upperBound).max() ?? 0
        for range in removed where !kept.contains(where: { $0.overlaps(range) }) {
            for index in range { bytes[index] = 0 }
        }
        // Bytes that nothing known points to may belong to a maker's notes, which point where they like.
        if let last = bytes.lastIndex(where: { $0 != 0 }) { end = max(end, last + 1) }
        bytes.removeSubrange(min(end, bytes.count)...)
    }

    /// Without GPS data: its directory has no entries any more, and they and their values are zeros.
    ///
    /// - Returns: `nil` where it is not by the book, or the data do not begin as EXIF data: then nothing of them is to be left.
    static func withoutLocation(_ data: [UInt8]) -> [UInt8]? {
        guard let exif = EXIFData(data), let first = exif.directory(at: exif.firstOffset) else { return nil }
        guard let entry = first.entry(Tag.positionDirectory) else { return data }
        guard let directory = exif.directory(at: exif.number(at: entry.offset + 8, count: 4)) else { return nil }
        var stripped = data
        for entry in directory.entries where entry.valueByteCount > 4 {
            guard let range = exif.valueRange(entry), range.lowerBound >= 8 else { return nil }
            for position in range { stripped[position] = 0 }
        }
        for position in directory.range { stripped[position] = 0 }
        return stripped
    }

    // MARK: Directories

    /// Where the first directory is, its entries, and the offset of the next one, as they are stored.
    var firstDirectory: (range: Range<Int>, entries: [[UInt8]], next: [UInt8])? {
        guard let directory = directory(at: firstOffset) else { return nil }
        return (
            directory.range,
            directory.entries.map { Array(bytes[$0.offset..<$0.offset + Self.entryByteCount]) },
            directory.next.map { Array(bytes[$0..<$0 + 4]) } ?? [0, 0, 0, 0]
        )
    }

    private var firstOffset: Int { number(at: 4, count: 4) }

    /// What the directories of the image, and their values, occupy.
    private func keptRanges(_ first: Directory) -> [Range<Int>] {
        var directories = [first]
        for tag in [Tag.exifDirectory, Tag.positionDirectory] {
            if let found = first.entry(tag).flatMap(value).flatMap(directory) { directories.append(found) }
        }
        for found in directories {
            if let inner = found.entry(Tag.interoperabilityDirectory).flatMap(value).flatMap(directory) {
                directories.append(inner)
            }
        }
        return [0..<8] + directories.flatMap { [$0.range] + $0.entries.compactMap(valueRange) }
    }

    /// Where the value is, if it is not in its entry.
    private func valueRange(_ entry: Entry) -> Range<Int>? {
        guard entry.valueByteCount > 4 else { return nil }
        let start = number(at: entry.offset + 8, count: 4)
        guard start <= bytes.count, entry.valueByteCount <= bytes.count - start else { return nil }
        return start..<start + entry.valueByteCount
    }

    /// The directory at `offset`; `nil` where it is not within the data. Of several entries of a tag, the first counts.
    private func directory(at offset: Int) -> Directory? {
        guard offset >= 8, offset <= bytes.count - 2 else { return nil }
        let count = number(at: offset, count: 2)
        let start = offset + 2
        guard count * Self.entryByteCount <= bytes.count - start else { return nil }
        let entries = (0..<count).map { index in
            let place = start + index * Self.entryByteCount
            return Entry(
                tag: number(at: place, count: 2), type: number(at: place + 2, count: 2),
                count: number(at: place + 4, count: 4), offset: place)
        }
        let end = start + count * Self.entryByteCount
        let hasNext = bytes.count - end >= 4
        return Directory(range: offset..<(hasNext ? end + 4 : end), entries: entries, next: hasNext ? end : nil)
    }

    /// One whole number of 16 or 32 bits; `nil` for other values.
    private func value(_ entry: Entry) -> Int? {
        guard entry.count == 1 else { return nil }
        return switch entry.type {
        case 3: number(at: entry.offset + 8, count: 2)
        case 4: number(at: entry.offset + 8, count: 4)
        default: nil
        }
    }

    /// Sets one whole number; it becomes one of 32 bits where 16 are too few.
    private mutating func set(_ entry: Entry, to value: Int) {
        let type = entry.type == 3 && value <= 0xffff ? 3 : 4
        put(type, at: entry.offset + 2, count: 2)
        put(0, at: entry.offset + 8, count: 4)
        put(value, at: entry.offset + 8, count: type == 3 ? 2 : 4)
    }

    private func number(at offset: Int, count: Int) -> Int {
        let part = bytes[offset..<offset + count]
        return isBigEndian ? part.reduce(0) { $0 << 8 | Int($1) } : part.reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    private mutating func put(_ value: Int, at offset: Int, count: Int) {
        for index in 0..<count {
            let shift = 8 * (isBigEndian ? count - 1 - index : index)
            bytes[offset + index] = UInt8(truncatingIfNeeded: value >> shift)
        }
    }
}

/// Properties of an XMP packet that say the same as EXIF's.
enum XMPText {
    /// An iTXt chunk's keyword and, with the two zeros behind it, that its text is not compressed.
    private static let start = Array("XML:com.adobe.xmp".utf8) + [0, 0, 0]
    private static let orientation = Array("tiff:Orientation".utf8)
    /// What is between the property's name and its value: `="6"` or `>6<`.
    private static let punctuation = Set(" \t\r\n=\"'>".utf8)

    /// Makes true of an output what a pipeline makes wrong, if `data` is an iTXt chunk with an uncompressed packet.
    static func adapt(_ data: inout [UInt8], to output: ImageShape, _ effect: MetadataEffect) {
        guard data.starts(with: start) else { return }
        if effect.contains(.setsOrientation) { setUpright(in: &data) }
        if effect.contains(.changesPixels) { setSize(width: output.width, height: output.height, in: &data) }
    }

    /// Says that the image is stored as it is to be shown.
    static func setUpright(in data: inout [UInt8]) {
        replaceNumbers(of: orientation, in: &data, from: 0) { digits in
            digits.count == 1 && (0x32...0x38).contains(digits[digits.startIndex]) ? [0x31] : nil
        }
    }

    /// Puts the size of the image right where a packet says it.
    static func setSize(width: Int, height: Int, in packet: inout [UInt8]) {
        for (name, side) in [
            ("exif:PixelXDimension", width), ("exif:PixelYDimension", height), ("tiff:ImageWidth", width),
            ("tiff:ImageLength", height),
        ] {
            replaceNumbers(of: Array(name.utf8), in: &packet, from: 0) { _ in Array(String(side).utf8) }
        }
    }

    /// - Parameter replacement: of the digits of a value; `nil` to leave them.
    private static func replaceNumbers(
        of property: [UInt8], in data: inout [UInt8], from position: Int,
        _ replacement: (ArraySlice<UInt8>) -> [UInt8]?
    ) {
        var position = position
        while let found = data[position...].firstRange(of: property) {
            position = found.upperBound
            var value = found.upperBound
            while value < data.count, value - found.upperBound < 8, punctuation.contains(data[value]) { value += 1 }
            guard value > found.upperBound else { continue }
            let digits = data[value...].prefix { (0x30...0x39).contains($0) }
            guard !digits.isEmpty, let new = replacement(digits) else { continue }
            data.replaceSubrange(digits.indices, with: new)
        }
    }
}
