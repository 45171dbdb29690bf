/// The profile, the texts and the other data of a picture in a TIFF file besides its pixels, taken from the directory of its page.
package struct TIFFMetadata {
    package private(set) var metadata = ImageMetadata()
    /// Fields above the limit of metadata: their number and bytes.
    package private(set) var overLimit = (count: 0 as UInt32, byteCount: 0 as UInt64)
    /// Directories of EXIF data that are damaged.
    package private(set) var ignoredCount: UInt32 = 0

    private let source: TIFFSource
    private let directory: TIFFDirectory
    private let limit: UInt64

    package init(_ directory: TIFFDirectory, in source: TIFFSource, limits: DecodingLimits) throws {
        self.source = source
        self.directory = directory
        limit = limits.maximumMetadataByteCount
        metadata.profile = try blob(.profile)
        metadata.xmp = try blob(.xmp)
        metadata.iptc = try iptc()
        metadata.resolution = try resolution()
        for (tag, keyword) in Self.keywords {
            guard let bytes = try blob(tag), let text = Self.text(bytes) else { continue }
            metadata.texts.append(.init(keyword: keyword, text: text))
        }
        metadata.exif = try exif()
    }

    /// The fields that are texts, and PNG's words for them.
    package static let keywords: [(tag: TIFFTag, keyword: String)] = [
        (.imageDescription, "Description"), (.software, "Software"), (.artist, "Author"), (.copyright, "Copyright"),
    ]

    private mutating func blob(_ tag: TIFFTag) throws -> [UInt8]? {
        guard let field = directory[tag], field.byteCount > 0 else { return nil }
        guard field.byteCount <= limit else {
            overLimit.count += 1
            overLimit.byteCount += field.byteCount
            return nil
        }
        return try directory.bytes(tag, in: source)
    }

    /// The records. Writers that follow Adobe's example call them LONG, with zeros behind them; some of these put them into the
    /// other byte order, so that each record's first byte, 1c, is a fourth.
    private mutating func iptc() throws -> [UInt8]? {
        guard var bytes = try blob(.iptc) else { return nil }
        guard directory[.iptc]?.type == .long else { return bytes }
        if bytes[0] != 0x1c, bytes[3] == 0x1c {
            for start in stride(from: 0, to: bytes.count, by: 4) { bytes[start..<start + 4].reverse() }
        }
        while bytes.last == 0 { bytes.removeLast() }
        return bytes
    }

    private func resolution() throws -> ImageMetadata.Resolution? {
        guard let horizontal = try rational(.xResolution), let vertical = try rational(.yResolution) else { return nil }
        let unit: ImageMetadata.Resolution.Unit
        switch try directory.number(.resolutionUnit, in: source) ?? 2 {
        case 1: unit = .none
        case 3: unit = .centimetre
        default: unit = .inch
        }
        return ImageMetadata.Resolution(horizontal: horizontal, vertical: vertical, unit: unit)
    }

    private func rational(_ tag: TIFFTag) throws -> Double? {
        guard let field = directory[tag], field.type == .rational, field.count >= 1 else { return nil }
        let bytes = try source.bytes(at: field.offset, count: 8, "field \(tag.number)")
        let denominator = source.order.number(bytes.suffix(4))
        let numerator = source.order.number(bytes.prefix(4))
        guard denominator > 0, numerator > 0 else { return nil }
        return Double(numerator) / Double(denominator)
    }

    /// The text up to its first zero: UTF-8, as most write it, or Latin-1.
    private static func text(_ bytes: [UInt8]) -> String? {
        let characters = bytes.prefix { $0 != 0 }
        if characters.isEmpty { return nil }
        return String(validating: characters, as: UTF8.self)
            ?? String(String.UnicodeScalarView(characters.map { UnicodeScalar($0) }))
    }

    // MARK: EXIF

    /// Fields of the image's directory that EXIF data has in its first one.
    private static let mainTags: [TIFFTag] = [.make, .model, .orientation, .dateTime]
    /// What points elsewhere in the file, and is not followed: the directory of interoperability.
    private static let dropped: [TIFFTag] = [40965]

    /// EXIF data as other formats have it: a TIFF header and directories of its own, with the directories of EXIF and GPS. An
    /// image that is to be shown turned has it in any case, since that is where other formats say so.
    ///
    ///     header | main directory | EXIF directory | GPS directory
    private mutating func exif() throws -> [UInt8]? {
        let parts = try [TIFFTag.exifIFD, .gpsIFD].compactMap { tag in
            try fields(ofDirectoryAt: tag).map { (tag: tag, fields: $0) }
        }
        let isTurned = (2...8).contains(try directory.number(.orientation, in: source) ?? 1)
        guard !parts.isEmpty || isTurned else { return nil }
        let form = TIFFForm(order: source.order)
        var main: [TIFFFieldBytes] = []
        for tag in Self.mainTags {
            guard let field = directory[tag], field.byteCount <= 4_096, let bytes = try directory.bytes(tag, in: source)
            else { continue }
            main.append(TIFFFieldBytes(tag, field.type, bytes: bytes))
        }
        func assembled(_ offsets: [UInt64]) -> [[UInt8]] {
            let pointers = zip(parts, offsets).map { TIFFFieldBytes($0.tag, .long, [$1], source.order) }
            return [form.header(firstDirectory: 8), form.directory(main + pointers, at: 8)]
        }
        var block = assembled(parts.map { _ in 0 }).flatMap { $0 }
        var offsets: [UInt64] = []
        for part in parts {
            offsets.append(UInt64(block.count))
            block += form.directory(part.fields, at: UInt64(block.count))
        }
        let start = assembled(offsets).flatMap { $0 }
        block.replaceSubrange(0..<start.count, with: start)
        guard UInt64(block.count) <= limit else {
            overLimit.count += 1
            overLimit.byteCount += UInt64(block.count)
            return nil
        }
        return block
    }

    /// The fields of a directory that a field points to, as far as they can be copied; `nil` where there is none.
    private mutating func fields(ofDirectoryAt tag: TIFFTag) throws -> [TIFFFieldBytes]? {
        guard let offset = try directory.number(tag, in: source) else { return nil }
        do {
            let directory = try TIFFDirectory(at: offset, in: source)
            var fields: [TIFFFieldBytes] = []
            var byteCount: UInt64 = 0
            for field in directory.sortedFields {
                let isCopied: Bool =
                    switch field.type {
                    case .directory, .directory8, .long8, .signedLong8: false
                    default: field.count > 0 && !Self.dropped.contains(field.tag)
                    }
                byteCount += isCopied ? field.byteCount : 0
                guard isCopied, byteCount <= limit, let bytes = try directory.bytes(field.tag, in: source) else {
                    continue
                }
                fields.append(TIFFFieldBytes(field.tag, field.type, bytes: bytes))
            }
            guard byteCount <= limit else {
                overLimit.count += 1
                overLimit.byteCount += byteCount
                return nil
            }
            return fields.isEmpty ? nil : fields
        } catch is CodecError {
            ignoredCount += 1
            return nil
        }
    }
}
