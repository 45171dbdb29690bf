// What a format says by fields of its own and another by EXIF data only.

extension ImageMetadata {
    /// EXIF data for a format that has no other place for texts: with those that EXIF has fields for, unless it says them.
    ///
    /// - Parameter saysResolution: whether the format has no other place for the resolution either.
    func exifWithTexts(saysResolution: Bool) -> [UInt8]? {
        var fields = TIFFMetadata.keywords.compactMap { tag, keyword in
            texts.first { $0.keyword == keyword && !$0.text.isEmpty }.map {
                TIFFFieldBytes(tag, text: Array($0.text.utf8))
            }
        }
        if saysResolution, let resolution { fields += TIFFOutputMetadata.resolution(resolution) ?? [] }
        guard !fields.isEmpty else { return exif }
        return EXIFData.with(fields, in: exif ?? EXIFData.empty) ?? exif
    }
}

extension EXIFData {
    /// A header and a directory without entries.
    static let empty: [UInt8] = [0x49, 0x49, 0x2a, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0]

    /// The resolution that the first directory says.
    var resolution: ImageMetadata.Resolution? {
        let data = bytes
        let read = { (offset: UInt64, count: Int) in Array(data[Int(offset)..<Int(offset) + count]) }
        guard let source = try? TIFFSource(byteCount: UInt64(data.count), read: read),
            let main = try? TIFFDirectory(at: source.firstDirectory, in: source)
        else { return nil }
        func value(_ tag: TIFFTag) -> Double? {
            guard let field = main[tag], field.type == .rational, field.count == 1,
                let bytes = try? main.bytes(tag, in: source), bytes.count == 8
            else { return nil }
            let (numerator, denominator) = (source.order.number(bytes.prefix(4)), source.order.number(bytes.suffix(4)))
            return numerator > 0 && denominator > 0 ? Double(numerator) / Double(denominator) : nil
        }
        guard let horizontal = value(.xResolution), let vertical = value(.yResolution) else { return nil }
        let unit: ImageMetadata.Resolution.Unit
        switch (try? main.number(.resolutionUnit, in: source)) ?? 2 {
        case 1: unit = .none
        case 3: unit = .centimetre
        default: unit = .inch
        }
        // Of square pixels nothing is said by a shape.
        if unit == .none, horizontal == vertical { return nil }
        return .init(horizontal: horizontal, vertical: vertical, unit: unit)
    }

    /// Data with more fields in their first directory, which moves to the end for it; nothing else does.
    ///
    /// - Parameter fields: little-endian; those that the directory has are left out.
    /// - Returns: `nil` for data that are not by the book.
    static func with(_ fields: [TIFFFieldBytes], in data: [UInt8]) -> [UInt8]? {
        guard let exif = EXIFData(data), let (range, entries, next) = exif.firstDirectory else { return nil }
        let order: TIFFByteOrder = exif.isBigEndian ? .bigEndian : .littleEndian
        let present = Set(entries.map { order.number($0.prefix(2)) })
        let added = fields.filter { !present.contains(UInt64($0.tag.number)) }
        guard !added.isEmpty, entries.count + added.count <= 0xffff else { return data }
        var extended = data
        for position in range { extended[position] = 0 }
        if extended.count % 2 == 1 { extended.append(0) }
        let start = extended.count
        var values: [UInt8] = []
        let valuesStart = start + 2 + 12 * (entries.count + added.count) + 4
        let own = added.map { field in
            let bytes = TIFFOutputMetadata.exchanged(field.bytes, field.type, order)
            let head =
                order.bytes(UInt64(field.tag.number), count: 2) + order.bytes(UInt64(field.type.rawValue), count: 2)
                + order.bytes(UInt64(bytes.count / field.type.byteCount), count: 4)
            guard bytes.count > 4 else { return head + bytes + [UInt8](repeating: 0, count: 4 - bytes.count) }
            let entry = head + order.bytes(UInt64(valuesStart + values.count), count: 4)
            values += bytes + (bytes.count % 2 == 0 ? [] : [0])
            return entry
        }
        let sorted = (entries + own).sorted { order.number($0.prefix(2)) < order.number($1.prefix(2)) }
        extended += order.bytes(UInt64(sorted.count), count: 2) + sorted.joined() + next + values
        extended.replaceSubrange(4..<8, with: order.bytes(UInt64(start), count: 4))
        return extended
    }
}
