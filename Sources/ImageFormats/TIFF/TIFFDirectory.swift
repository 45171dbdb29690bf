/// A field of a directory: its type, the count of its values, and where they are.
package struct TIFFField: Hashable, Sendable {
    package let tag: TIFFTag
    package let type: TIFFType
    package let count: UInt64
    /// Where the values begin: in the directory itself if they are few.
    package let offset: UInt64
    /// The higher 32 bits of a single number, in Hamamatsu's slides.
    package var highBits: UInt64 = 0

    /// Bytes of all values.
    package var byteCount: UInt64 { count.multipliedReportingOverflow(by: UInt64(type.byteCount)).partialValue }
}

/// A directory of a TIFF file (IFD): the fields of one image.
///
///     classic:  u16 count | entries of 12 bytes | u32 offset of the next directory, or 0
///               entry:  u16 tag | u16 type | u32 count | 4 bytes: the values, or their offset
///     BigTIFF:  u64 count | entries of 20 bytes | u64 offset of the next directory, or 0
///               entry:  u16 tag | u16 type | u64 count | 8 bytes: the values, or their offset
///     NDPI:     u16 count | entries as in classic files | u64 offset of the next directory, or 0 | u32 for each entry: the
///               higher bits of its offset, or of its value where that is a single number of 32 bits
///
/// Fields of unknown types, and those whose values would be beyond the end of the file, are as if they were not there;
/// of two with one tag, the first counts.
package struct TIFFDirectory: Sendable {
    /// Libtiff's limit for a BigTIFF file.
    package static let maximumFieldCount: UInt64 = 4_096

    package let offset: UInt64
    /// The offset of the next directory; 0 after the last.
    package let next: UInt64
    private let fields: [TIFFTag: TIFFField]
    /// Fields in the file, whatever they are.
    package let fieldCount: Int

    package init(at offset: UInt64, in source: TIFFSource) throws {
        let countByteCount: UInt64 = source.form == .big ? 8 : 2
        let entryByteCount = source.form == .big ? 20 : 12
        let what = "a directory"
        let count = try source.number(at: offset, byteCount: Int(countByteCount), what)
        guard (1...Self.maximumFieldCount).contains(count) else {
            throw CodecError.corrupt(
                "The TIFF file is damaged: its directory at byte \(offset) has \(count) fields; 1 to "
                    + "\(Self.maximumFieldCount) are read.")
        }
        let entriesOffset = offset + countByteCount
        let entries = try source.bytes(at: entriesOffset, count: Int(count) * entryByteCount, what)
        let order = source.order
        let end = entriesOffset + count * UInt64(entryByteCount)
        let highBits = try Self.highBits(count: Int(count), at: end + UInt64(source.offsetByteCount), in: source)
        var fields: [TIFFTag: TIFFField] = [:]
        for index in 0..<Int(count) {
            let start = entries.startIndex + index * entryByteCount
            let tag = TIFFTag(number: UInt16(order.number(entries[start..<start + 2])))
            guard let type = TIFFType(rawValue: UInt16(order.number(entries[start + 2..<start + 4]))) else { continue }
            let valuesStart = start + 4 + source.entryValueByteCount
            let count = order.number(entries[start + 4..<valuesStart])
            let (byteCount, overflow) = count.multipliedReportingOverflow(by: UInt64(type.byteCount))
            guard !overflow, fields[tag] == nil else { continue }
            var valuesOffset = entriesOffset + UInt64(valuesStart - entries.startIndex)
            let isInside = byteCount <= UInt64(source.entryValueByteCount)
            if !isInside {
                valuesOffset = order.number(entries[valuesStart..<valuesStart + source.entryValueByteCount])
                valuesOffset |= highBits[index]
                guard valuesOffset <= source.byteCount, byteCount <= source.byteCount - valuesOffset else {
                    try Self.check(tag, source)
                    continue
                }
            }
            fields[tag] = TIFFField(
                tag: tag, type: type, count: count, offset: valuesOffset,
                highBits: isInside && count == 1 && type.isLong ? highBits[index] : 0)
        }
        self.fields = fields
        fieldCount = Int(count)
        self.offset = offset
        // Some writers leave out the offset of the next directory at the end of the file.
        next =
            source.byteCount - end < UInt64(source.offsetByteCount)
            ? 0 : try source.number(at: end, byteCount: source.offsetByteCount, what)
    }

    /// The higher halves behind a directory of Hamamatsu's; in other files, and where a file ends before them, zeros.
    private static func highBits(count: Int, at offset: UInt64, in source: TIFFSource) throws -> [UInt64] {
        guard source.form == .hamamatsu, source.byteCount >= UInt64(4 * count),
            offset <= source.byteCount - UInt64(4 * count)
        else { return [UInt64](repeating: 0, count: count) }
        let bytes = try source.bytes(at: offset, count: 4 * count, "a directory")
        return stride(from: bytes.startIndex, to: bytes.endIndex, by: 4).map {
            source.order.number(bytes[$0..<$0 + 4]) << 32
        }
    }

    /// The picture cannot be had without where its parts are.
    private static func check(_ tag: TIFFTag, _ source: TIFFSource) throws(CodecError) {
        let needed: [TIFFTag] = [.stripOffsets, .stripByteCounts, .tileOffsets, .tileByteCounts, .colorMap]
        if needed.contains(tag) {
            throw .corrupt(
                "The TIFF file is truncated or damaged: the values of its field \(tag.number) are beyond its end at byte "
                    + "\(source.byteCount). Send it again in full.")
        }
    }

    package subscript(_ tag: TIFFTag) -> TIFFField? { fields[tag] }

    /// All fields in the order of their tags.
    package var sortedFields: [TIFFField] { fields.values.sorted { $0.tag.number < $1.tag.number } }

    /// The values of a field as they are in the file.
    package func bytes(_ tag: TIFFTag, in source: TIFFSource) throws -> [UInt8]? {
        guard let field = fields[tag] else { return nil }
        return Array(try source.bytes(at: field.offset, count: Int(field.byteCount), "field \(tag.number)"))
    }

    /// The numbers of a field of whole numbers without a sign; `nil` when there is none, or it has fewer than `count`.
    ///
    /// - Parameter count: how many are wanted; those beyond are not looked at.
    package func numbers(_ tag: TIFFTag, count: Int, in source: TIFFSource) throws -> [UInt64]? {
        guard let field = fields[tag], field.type.isUnsigned, field.count >= UInt64(count) else { return nil }
        let size = field.type.byteCount
        var numbers: [UInt64] = []
        numbers.reserveCapacity(count)
        let perRead = 8_192
        var index = 0
        while index < count {
            let part = min(perRead, count - index)
            let bytes = try source.bytes(
                at: field.offset + UInt64(index * size), count: part * size, "field \(tag.number)")
            for start in stride(from: bytes.startIndex, to: bytes.endIndex, by: size) {
                numbers.append(source.order.number(bytes[start..<start + size]) | field.highBits)
            }
            index += part
        }
        return numbers
    }

    /// The first number of a field of floating-point numbers of 32 bits.
    package func float(_ tag: TIFFTag, in source: TIFFSource) throws -> Float? {
        guard let field = fields[tag], field.type == .float, field.count >= 1 else { return nil }
        let bits = try source.number(at: field.offset, byteCount: 4, "field \(tag.number)")
        return Float(bitPattern: UInt32(truncatingIfNeeded: bits))
    }

    /// The first number of a field.
    package func number(_ tag: TIFFTag, in source: TIFFSource) throws -> UInt64? {
        try numbers(tag, count: 1, in: source)?.first
    }
}
