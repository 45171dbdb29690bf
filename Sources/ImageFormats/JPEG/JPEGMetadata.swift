import JobModel

/// The segments of a JPEG file that are metadata, and the other way round.
///
///     APP0   JFIF: the resolution
///     APP1   EXIF data; an XMP packet; or a part of what such a packet has no room for
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

    /// Bytes of the first part of a profile up to what its colours are.
    static let profileStartByteCount = profileMark.count + 2 + 20

    /// Whether an APP2 segment begins a profile of four inks.
    static func beginsProfileOfInks(_ start: [UInt8]) -> Bool {
        start.count >= profileStartByteCount && start.starts(with: profileMark) && start[profileMark.count] == 1
            && start[(profileStartByteCount - 4)...].starts(with: "CMYK".utf8)
    }

    // MARK: Writing

    /// What has no place, or does not fit the segments that other programs read, is left out.
    package static func framed(_ metadata: ImageMetadata) -> [UInt8] {
        var framed: [UInt8] = []
        func add(_ marker: JPEGMarker, _ data: [UInt8]) {
            if data.count <= JPEGMarker.maximumDataByteCount { framed += marker.segment(data) }
        }
        if let density = metadata.resolution.flatMap(density) { add(.application(0), density) }
        if let exif = exif(metadata) { add(.application(1), exifMark + exif) }
        if let xmp = metadata.xmp { framed += packet(xmp) }
        if let profile = metadata.profileOfColors(isGray: metadata.isOfGray) {
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

    /// The EXIF data, as much of them as fits a segment: the texts that it has fields for, and the thumbnail, come last.
    private static func exif(_ metadata: ImageMetadata) -> [UInt8]? {
        let all = [metadata.exifWithTexts(saysResolution: false), metadata.exif].compactMap { $0 }
        let small = all.last.map { exif in
            var small = exif
            EXIFData.edit(&small) { $0.removeThumbnail() }
            return small
        }
        return (all + [small].compactMap { $0 }).first {
            EXIFData($0) != nil && exifMark.count + $0.count <= JPEGMarker.maximumDataByteCount
        }
    }

    /// The bytes of another part of a packet that a segment has, as Adobe's specification advises.
    private static let maximumExtensionByteCount = 65_400

    /// The segments of a packet: one, or one and those of its other part.
    ///
    ///     mark | 32 digits of the part's digest | u32 bytes of the whole part | u32 offset | bytes
    private static func packet(_ packet: [UInt8]) -> [UInt8] {
        let room = JPEGMarker.maximumDataByteCount - packetMark.count
        if packet.count <= room { return JPEGMarker.application(1).segment(packetMark + packet) }
        guard let split = XMPPacket.split(packet, maximumByteCount: room) else { return [] }
        let head = packetExtensionMark + split.digest + bigEndianBytes(UInt32(split.other.count))
        return JPEGMarker.application(1).segment(packetMark + split.packet)
            + parts(split.other, maximumExtensionByteCount).flatMap { part in
                JPEGMarker.application(1).segment(head + bigEndianBytes(UInt32(part.startIndex)) + part)
            }
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
        case .application(1): [exifMark, packetMark, packetExtensionMark].contains { data.starts(with: $0) }
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
        /// Parts of what a packet has no room for.
        private var packetParts: [[UInt8]] = []
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

        /// Whether segments of a kind may be metadata.
        package static func takes(_ marker: JPEGMarker) -> Bool {
            (0xe0...0xef).contains(marker.code) || marker == .comment
        }

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
            takePacketParts()
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
                if fits(data) { packetParts.append(Array(data.dropFirst(packetExtensionMark.count))) }
            }
        }

        /// Puts the parts that belong to the packet into it, if they are all there.
        private mutating func takePacketParts() {
            guard !packetParts.isEmpty else { return }
            guard let xmp = metadata.xmp, let digest = XMPPacket.extensionDigest(in: xmp) else {
                return ignored.add(packetParts.reduce(0) { $0 + $1.count }, count: packetParts.count)
            }
            let own = packetParts.filter { $0.count > 40 && $0.starts(with: digest) }
                .sorted { Self.place(of: $0) < Self.place(of: $1) }
            let other = own.flatMap { $0.dropFirst(40) }
            var next = 0
            let isComplete = own.allSatisfy { part in
                defer { next += part.count - 40 }
                return Self.place(of: part) == next && bigEndianInteger(part[32..<36]) == other.count
            }
            if !own.isEmpty, isComplete, String(validating: other, as: UTF8.self) != nil,
                let merged = XMPPacket.merged(xmp, other)
            {
                metadata.xmp = merged
                packetParts.removeAll { $0.count > 40 && $0.starts(with: digest) }
            }
            if !packetParts.isEmpty {
                ignored.add(packetParts.reduce(0) { $0 + $1.count }, count: packetParts.count)
            }
        }

        private static func place(of part: [UInt8]) -> Int { Int(bigEndianInteger(part[36..<40])) }

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
