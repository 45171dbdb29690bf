import JobModel

/// The segments of a JPEG file that are metadata, and the other way round.
///
///     APP0   JFIF: the resolution
///     APP1   EXIF data; or an XMP packet
///     APP2   a part of an ICC profile
///     APP13  a part of Photoshop's resources, with IPTC's records
///     COM    a comment
///
/// Framed, for a file: whole segments, one after the other, the first of which may be APP0.
package enum JPEGMetadata {
    private static let densityMark = Array("JFIF\0".utf8)
    private static let exifMark = Array("Exif\0\0".utf8)
    private static let packetMark = Array("http://ns.adobe.com/xap/1.0/\0".utf8)
    private static let packetExtensionMark = Array("http://ns.adobe.com/xmp/extension/\0".utf8)
    private static let profileMark = Array("ICC_PROFILE\0".utf8)
    private static let resourcesMark = Array("Photoshop 3.0\0".utf8)
    private static let commentKeyword = "Comment"

    /// The EXIF data of an APP1 segment.
    static func exif(in data: [UInt8]) -> EXIFData? {
        data.starts(with: exifMark) ? EXIFData(Array(data.dropFirst(exifMark.count))) : nil
    }

    // MARK: Writing

    /// What has no place, or does not fit the segments that other programs read, is left out.
    package static func framed(_ metadata: ImageMetadata) -> [UInt8] {
        var framed: [UInt8] = []
        func add(_ marker: JPEGMarker, _ data: [UInt8]) {
            if data.count <= JPEGMarker.maximumDataByteCount { framed += marker.segment(data) }
        }
        if let density = metadata.resolution.flatMap(density) { add(.application(0), density) }
        if let exif = metadata.exif, EXIFData(exif) != nil { add(.application(1), exifMark + exif) }
        if let xmp = metadata.xmp { add(.application(1), packetMark + xmp) }
        if let profile = metadata.profile {
            let parts = parts(profile, JPEGMarker.maximumDataByteCount - profileMark.count - 2)
            // The parts are numbered in a byte.
            if parts.count <= 255 {
                for (index, part) in parts.enumerated() {
                    add(.application(2), profileMark + [UInt8(index + 1), UInt8(parts.count)] + part)
                }
            }
        }
        if let iptc = metadata.iptc {
            let resources = PhotoshopResources.wrapping(iptc)
            for part in parts(resources, JPEGMarker.maximumDataByteCount - resourcesMark.count) {
                add(.application(13), resourcesMark + part)
            }
        }
        for text in metadata.texts where text.keyword == commentKeyword { add(.comment, Array(text.text.utf8)) }
        return framed
    }

    private static func parts(_ bytes: [UInt8], _ byteCount: Int) -> [ArraySlice<UInt8>] {
        stride(from: 0, to: bytes.count, by: byteCount).map { bytes[$0..<min($0 + byteCount, bytes.count)] }
    }

    /// JFIF 1.01; no thumbnail.
    ///
    ///     "JFIF" 0 | u16 version | u8 unit: none, inch, centimetre | u16 horizontal | u16 vertical | u8 0 | u8 0
    private static func density(_ resolution: ImageMetadata.Resolution) -> [UInt8]? {
        // PNG's numbers, in metres, were those of an inch more often than not.
        let unit: ImageMetadata.Resolution.Unit = resolution.unit == .metre ? .inch : resolution.unit
        let converted = resolution.converted(to: unit)
        let numbers = [converted.horizontal, converted.vertical].map { $0.rounded() }
        guard numbers.allSatisfy({ (1...65_535).contains($0) }) else { return nil }
        return densityMark + [1, 1, unit.rawValue]
            + numbers.flatMap { bigEndianBytes(UInt32($0)).suffix(2) } + [0, 0]
    }

    /// The segment of a file that says no resolution: pixels are square.
    static let noDensity: [UInt8] = JPEGMarker.application(0).segment(densityMark + [1, 1, 0, 0, 1, 0, 1, 0, 0])

    /// Cuts framed metadata in two: JFIF's segment, and the others.
    ///
    /// - Throws: `CodecError` (corrupt) unless it is whole segments that a file of ours has between its start and its tables.
    static func split(framed: [UInt8]) throws(CodecError) -> (density: [UInt8], others: ArraySlice<UInt8>) {
        var density = noDensity
        var start = 0
        var offset = 0
        while offset < framed.count {
            guard framed.count - offset >= 4, framed[offset] == 0xff else {
                throw .corrupt("The metadata has no segment at byte \(offset) of \(framed.count).")
            }
            let marker = JPEGMarker(framed[offset + 1])
            let length = Int(bigEndianInteger(framed[offset + 2..<offset + 4]))
            guard length >= 2, length + 2 <= framed.count - offset else {
                throw .corrupt("The metadata is truncated at byte \(offset) of \(framed.count).")
            }
            let end = offset + 2 + length
            guard isMetadata(marker, framed[offset + 4..<end], isFirst: offset == 0) else {
                throw .corrupt("The metadata has a segment \(marker) of \(length - 2) bytes, which is not metadata.")
            }
            if marker == .application(0) {
                density = Array(framed[..<end])
                start = end
            }
            offset = end
        }
        return (density, framed[start...])
    }

    private static func isMetadata(_ marker: JPEGMarker, _ data: ArraySlice<UInt8>, isFirst: Bool) -> Bool {
        switch marker {
        case .application(0): isFirst && data.count == 14 && data.starts(with: densityMark)
        case .application(1): data.starts(with: exifMark) || data.starts(with: packetMark)
        case .application(2): data.starts(with: profileMark) && data.count > profileMark.count + 2
        case .application(13): data.starts(with: resourcesMark)
        case .comment: true
        default: false
        }
    }

    // MARK: Reading

    /// Takes the metadata out of a file's segments, in their order, up to the limits.
    package struct Collector {
        private let maximumByteCount: Int
        private var metadata = ImageMetadata()
        private var textByteCount = 0
        private var profileParts: [[UInt8]] = []
        private var resources: [UInt8] = []
        private var hasDensity = false
        /// Segments that were passed over although the output could have needed them.
        private var ignored = Parts()
        /// Metadata above the limit.
        private var overLimit = Parts()

        private struct Parts {
            var count: UInt32 = 0
            var byteCount: UInt64 = 0

            mutating func add(_ byteCount: Int, count: Int = 1) {
                self.count += UInt32(clamping: count)
                self.byteCount += UInt64(byteCount)
            }
        }

        package init(limits: DecodingLimits) { maximumByteCount = Int(clamping: limits.maximumMetadataByteCount) }

        package mutating func take(_ marker: JPEGMarker, _ data: [UInt8]) {
            switch marker {
            case .application(0): takeDensity(data)
            case .application(1): takeFirst(data)
            case .application(2) where data.starts(with: profileMark):
                profileParts.append(Array(data.dropFirst(profileMark.count)))
            case .application(13) where data.starts(with: resourcesMark):
                guard fits(data) else { return }
                resources += data.dropFirst(resourcesMark.count)
            case .comment:
                guard fits(data) else { return }
                let bytes = data.last == 0 ? data.dropLast() : data[...]
                let text =
                    String(validating: bytes, as: UTF8.self)
                    ?? String(String.UnicodeScalarView(bytes.map { UnicodeScalar($0) }))
                metadata.texts.append(.init(keyword: commentKeyword, text: text))
            default: break
            }
        }

        /// The metadata, and what was left out. To be called behind the last segment.
        package mutating func finish() -> (metadata: ImageMetadata, remarks: [ImageRemark]) {
            takeProfile()
            metadata.iptc = PhotoshopResources.records(in: resources)
            let remarks = [(ImageRemark.Code.metadataOverLimit, overLimit), (.partsIgnored, ignored)]
                .filter { $0.1.count > 0 }
                .map { ImageRemark($0.0, count: $0.1.count, byteCount: $0.1.byteCount) }
            return (metadata, remarks)
        }

        /// Counts text, of which all together is limited.
        private mutating func fits(_ data: [UInt8]) -> Bool {
            guard data.count <= maximumByteCount - textByteCount else {
                overLimit.add(data.count)
                return false
            }
            textByteCount += data.count
            return true
        }

        private mutating func takeDensity(_ data: [UInt8]) {
            guard data.count >= 14, data.starts(with: densityMark), !hasDensity else { return }
            hasDensity = true
            let horizontal = bigEndianInteger(data[8..<10])
            let vertical = bigEndianInteger(data[10..<12])
            guard data[7] <= 2, horizontal > 0, vertical > 0,
                let unit = ImageMetadata.Resolution.Unit(rawValue: data[7]), unit != .none || horizontal != vertical
            else { return }
            metadata.resolution = .init(horizontal: Double(horizontal), vertical: Double(vertical), unit: unit)
        }

        /// EXIF data, a packet, or the rest of one that is too long for a segment.
        private mutating func takeFirst(_ data: [UInt8]) {
            if data.starts(with: exifMark) {
                guard metadata.exif == nil, let exif = exif(in: data) else { return ignored.add(data.count) }
                guard exif.bytes.count <= maximumByteCount else { return overLimit.add(exif.bytes.count) }
                metadata.exif = exif.bytes
            } else if data.starts(with: packetMark) {
                let packet = data.dropFirst(packetMark.count)
                guard metadata.xmp == nil, String(validating: packet, as: UTF8.self) != nil else {
                    return ignored.add(data.count)
                }
                if fits(data) { metadata.xmp = Array(packet) }
            } else if data.starts(with: packetExtensionMark) {
                ignored.add(data.count)
            }
        }

        /// Every part says its number, from 1, and how many there are.
        private mutating func takeProfile() {
            guard !profileParts.isEmpty else { return }
            let byteCount = profileParts.reduce(0) { $0 + max(0, $1.count - 2) }
            let sorted = profileParts.sorted { $0.first ?? 0 < $1.first ?? 0 }
            let isComplete = sorted.enumerated().allSatisfy { index, part in
                part.count > 2 && Int(part[0]) == index + 1 && Int(part[1]) == sorted.count
            }
            guard isComplete else { return ignored.add(byteCount, count: profileParts.count) }
            guard byteCount <= maximumByteCount else { return overLimit.add(byteCount, count: profileParts.count) }
            metadata.profile = sorted.flatMap { $0.dropFirst(2) }
        }
    }
}
