/// Profile, texts and other data that belong to a picture besides its pixels, as fields of a TIFF file of ours: little-endian, in the order of their tags.
///
/// Its form on the way to the program that puts the file together:
///
///     record:  u16 tag | u16 type | u32 bytes | bytes          a directory's bytes are records
package struct TIFFOutputMetadata: Hashable, Sendable {
    package struct Directory: Hashable, Sendable {
        package let tag: TIFFTag
        package let fields: [TIFFFieldBytes]
    }

    /// More than what the limits of metadata let through, each to its most.
    package static let maximumByteCount = 128 << 20

    package private(set) var fields: [TIFFFieldBytes] = []
    /// The directories of EXIF and GPS.
    package private(set) var directories: [Directory] = []

    // MARK: From a picture

    /// What has no place in TIFF is left out.
    package init(_ metadata: ImageMetadata) {
        var fields: [TIFFTag: TIFFFieldBytes] = [:]
        func add(_ tag: TIFFTag, _ bytes: [UInt8]?) {
            guard let type = Self.types[tag], let bytes, !bytes.isEmpty else { return }
            fields[tag] = TIFFFieldBytes(tag, type, bytes: bytes)
        }
        add(.profile, metadata.profileOfColors(isGray: metadata.isOfGray))
        add(.xmp, metadata.xmp)
        add(.iptc, metadata.iptc)
        for (tag, keyword) in TIFFMetadata.keywords {
            add(
                tag,
                metadata.texts.first { $0.keyword == keyword }.map {
                    TIFFFieldBytes(tag, text: Array($0.text.utf8)).bytes
                })
        }
        if let exif = metadata.exif, let main = try? take(exif) {
            for field in main where fields[field.tag] == nil { add(field.tag, field.bytes) }
        }
        if let resolution = metadata.resolution.flatMap(Self.resolution) {
            for field in resolution { fields[field.tag] = field }
        }
        self.fields = fields.values.sorted { $0.tag.number < $1.tag.number }
    }

    /// The fields of resolution: whole numbers, or ten thousandths; `nil` for numbers that TIFF cannot hold.
    static func resolution(_ resolution: ImageMetadata.Resolution) -> [TIFFFieldBytes]? {
        let stored = resolution.unit == .metre ? resolution.converted(to: .centimetre) : resolution
        func rational(_ tag: TIFFTag, _ value: Double) -> TIFFFieldBytes? {
            guard value.isFinite, value > 0, value < 4_294_967_295 else { return nil }
            let denominator: Double = value == value.rounded() ? 1 : 10_000
            let numerator = (value * denominator).rounded()
            guard numerator >= 1, numerator <= 4_294_967_295 else { return nil }
            let order = TIFFByteOrder.littleEndian
            return TIFFFieldBytes(
                tag, .rational,
                bytes: order.bytes(UInt64(numerator), count: 4) + order.bytes(UInt64(denominator), count: 4))
        }
        guard let horizontal = rational(.xResolution, stored.horizontal),
            let vertical = rational(.yResolution, stored.vertical)
        else { return nil }
        let unit: UInt64
        switch stored.unit {
        case .none: unit = 1
        case .inch: unit = 2
        case .centimetre, .metre: unit = 3
        }
        return [horizontal, vertical, TIFFFieldBytes(.resolutionUnit, .short, [unit])]
    }

    /// Takes the directories of a block of EXIF data.
    ///
    /// - Returns: the fields of its first directory that an image's directory has too.
    private mutating func take(_ block: [UInt8]) throws -> [TIFFFieldBytes] {
        let source = try TIFFSource(byteCount: UInt64(block.count)) { offset, count in
            Array(block[Int(offset)..<Int(offset) + count])
        }
        let main = try TIFFDirectory(at: source.firstDirectory, in: source)
        for tag in [TIFFTag.exifIFD, .gpsIFD] {
            guard let offset = try main.number(tag, in: source),
                let directory = try? TIFFDirectory(at: offset, in: source)
            else { continue }
            let fields = try directory.sortedFields.compactMap { field in
                Self.isCopied(field.tag, field.type) && field.count > 0
                    ? TIFFFieldBytes(
                        field.tag, field.type,
                        bytes: Self.exchanged(
                            try directory.bytes(field.tag, in: source) ?? [], field.type, source.order)) : nil
            }
            if !fields.isEmpty { directories.append(Directory(tag: tag, fields: fields)) }
        }
        return try Self.copiedTags.compactMap { tag in
            guard let field = main[tag], field.type == Self.types[tag], let bytes = try main.bytes(tag, in: source)
            else {
                return nil
            }
            let swapped = Self.exchanged(bytes, field.type, source.order)
            return tag == .orientation
                ? Self.isOrientation(swapped) ? TIFFFieldBytes(tag, .short, bytes: swapped) : nil
                : TIFFFieldBytes(tag, text: swapped)
        }
    }

    /// Values in the other of the two byte orders, little-endian and `order`, than they are in.
    static func exchanged(_ bytes: [UInt8], _ type: TIFFType, _ order: TIFFByteOrder) -> [UInt8] {
        let size = type.wordByteCount
        guard order == .bigEndian, size > 1 else { return bytes }
        var swapped = bytes
        for start in stride(from: 0, to: bytes.count - size + 1, by: size) { swapped[start..<start + size].reverse() }
        return swapped
    }

    // MARK: Rules

    /// The fields that there may be, with their types.
    private static let types: [TIFFTag: TIFFType] = [
        .imageDescription: .ascii, .make: .ascii, .model: .ascii, .orientation: .short, .xResolution: .rational,
        .yResolution: .rational, .resolutionUnit: .short, .software: .ascii, .dateTime: .ascii, .artist: .ascii,
        .xmp: .byte, .copyright: .ascii, .iptc: .undefined, .profile: .undefined,
    ]

    /// Those of them that EXIF data has in its first directory.
    private static let copiedTags: [TIFFTag] =
        [.make, .model, .orientation, .dateTime] + TIFFMetadata.keywords.map(\.tag)

    /// Whether a field of EXIF or GPS is true in any file: it points nowhere, and says nothing of the size of a JPEG picture.
    private static func isCopied(_ tag: TIFFTag, _ type: TIFFType) -> Bool {
        switch type {
        case .directory, .directory8, .long8, .signedLong8: false
        default: ![40965, 0xa002, 0xa003].contains(tag)
        }
    }

    private static func isOrientation(_ bytes: [UInt8]) -> Bool {
        bytes.count == 2 && (1...8).contains(bytes[0]) && bytes[1] == 0
    }

    private static func isWellFormed(_ field: TIFFFieldBytes) -> Bool {
        guard types[field.tag] == field.type, !field.bytes.isEmpty else { return false }
        return switch field.tag {
        case .orientation: isOrientation(field.bytes)
        case .resolutionUnit: field.bytes.count == 2
        case .xResolution, .yResolution: field.bytes.count == 8
        default: field.type != .ascii || field.bytes.firstIndex(of: 0) == field.bytes.count - 1
        }
    }

    // MARK: The form in which it is sent

    package var framed: [UInt8] {
        var records = fields
        records += directories.map { TIFFFieldBytes($0.tag, .directory, bytes: Self.framed($0.fields)) }
        return Self.framed(records.sorted { $0.tag.number < $1.tag.number })
    }

    private static func framed(_ fields: [TIFFFieldBytes]) -> [UInt8] {
        let order = TIFFByteOrder.littleEndian
        return fields.flatMap { field in
            order.bytes(UInt64(field.tag.number), count: 2) + order.bytes(UInt64(field.type.rawValue), count: 2)
                + order.bytes(UInt64(field.bytes.count), count: 4) + field.bytes
        }
    }

    /// Reads what `framed` returned.
    ///
    /// - Throws: `CodecError` (corrupt) unless all of it is metadata that there may be, in order.
    package init(framed: [UInt8]) throws(CodecError) {
        guard framed.count <= Self.maximumByteCount else {
            throw .corrupt("The metadata has \(framed.count) bytes; at most \(Self.maximumByteCount) are written.")
        }
        for field in try Self.fields(framed[...]) {
            if [.exifIFD, .gpsIFD].contains(field.tag), field.type == .directory {
                let inner = try Self.fields(field.bytes[...])
                guard !inner.isEmpty, inner.allSatisfy({ Self.isCopied($0.tag, $0.type) }) else {
                    throw .corrupt(
                        "The metadata has a directory \(field.tag.number) that is empty, or has what is not copied.")
                }
                directories.append(Directory(tag: field.tag, fields: inner))
            } else {
                guard Self.isWellFormed(field) else {
                    throw .corrupt("The metadata has a field \(field.tag.number) that is malformed, or no metadata.")
                }
                fields.append(field)
            }
        }
    }

    private static func fields(_ records: ArraySlice<UInt8>) throws(CodecError) -> [TIFFFieldBytes] {
        let order = TIFFByteOrder.littleEndian
        var rest = records
        var fields: [TIFFFieldBytes] = []
        while !rest.isEmpty {
            guard rest.count >= 8 else { throw .corrupt("The metadata is truncated.") }
            let tag = TIFFTag(number: UInt16(order.number(rest.prefix(2))))
            let type = TIFFType(rawValue: UInt16(order.number(rest.dropFirst(2).prefix(2))))
            let count = Int(order.number(rest.dropFirst(4).prefix(4)))
            rest = rest.dropFirst(8)
            guard let type, count > 0, count <= rest.count, type == .directory || count % type.byteCount == 0 else {
                throw .corrupt("The metadata has a field \(tag.number) of a wrong type or size.")
            }
            guard fields.last.map({ $0.tag.number < tag.number }) ?? true,
                UInt64(fields.count) < TIFFDirectory.maximumFieldCount
            else { throw .corrupt("The metadata has a field \(tag.number) out of order, or there twice.") }
            fields.append(TIFFFieldBytes(tag, type, bytes: Array(rest.prefix(count))))
            rest = rest.dropFirst(count)
        }
        return fields
    }

    /// Takes the fields of a file of ours that are metadata.
    package init(_ directory: TIFFDirectory, in source: TIFFSource) throws {
        func bytes(_ fields: [TIFFField], of directory: TIFFDirectory) throws -> [TIFFFieldBytes] {
            try fields.map { TIFFFieldBytes($0.tag, $0.type, bytes: try directory.bytes($0.tag, in: source) ?? []) }
        }
        let own = directory.sortedFields.filter { !TIFFOutput.tags.contains($0.tag) }
        var records = try bytes(own.filter { ![.exifIFD, .gpsIFD].contains($0.tag) }, of: directory)
        for field in own where [.exifIFD, .gpsIFD].contains(field.tag) {
            let part = try TIFFDirectory(at: try directory.number(field.tag, in: source) ?? 0, in: source)
            records.append(
                TIFFFieldBytes(field.tag, .directory, bytes: Self.framed(try bytes(part.sortedFields, of: part))))
        }
        try self.init(framed: Self.framed(records.sorted { $0.tag.number < $1.tag.number }))
    }
}
