import Checksums
import ImageFormats
import JobModel

// The metadata of other formats as PNG's chunks, and the other way round (PNG, third edition, section 11.3).

extension PNGMetadata {
    /// The most bytes that a compressed chunk is inflated to.
    private static let maximumInflatedByteCount = Int(JobOptions.largestMetadataByteCount)
    private static let packetKeyword = "XML:com.adobe.xmp"
    /// ImageMagick's keyword of IPTC records, which PNG has no chunk for: hexadecimal text.
    private static let recordsKeyword = "Raw profile type iptc"

    init(_ metadata: ImageMetadata) {
        self.init()
        add("cICP", metadata.codePoints)
        add("iCCP", metadata.profile.map { Array("ICC profile\0\0".utf8) + Zlib.deflated($0) })
        add("sRGB", metadata.standardRGBIntent.map { [$0] })
        add("gAMA", metadata.gamma.map { bigEndianBytes($0) })
        add("cHRM", metadata.chromaticities.map { $0.flatMap { bigEndianBytes($0) } })
        add("pHYs", metadata.resolution.flatMap(Self.physicalPixels))
        add("eXIf", metadata.exif)
        add("iTXt", metadata.xmp.map { Array(Self.packetKeyword.utf8) + [0, 0, 0, 0, 0] + $0 })
        add("zTXt", metadata.iptc.map { Array("\(Self.recordsKeyword)\0\0".utf8) + Zlib.deflated(Self.rawProfile($0)) })
        for text in metadata.texts {
            add("iTXt", Array("\(text.keyword)".utf8) + [0, 0, 0, 0, 0] + Array(text.text.utf8))
        }
    }

    /// What is malformed is left out.
    private mutating func add(_ type: StaticString, _ data: [UInt8]?) {
        guard let data else { return }
        _ = keep(PNGChunkType(type), PNGLayout.chunk(PNGChunkType(type), data))
    }

    private static func physicalPixels(_ resolution: ImageMetadata.Resolution) -> [UInt8]? {
        let converted = resolution.converted(to: .metre)
        let numbers = [converted.horizontal, converted.vertical].map { $0.rounded() }
        guard numbers.allSatisfy({ (1...2_147_483_647).contains($0) }) else { return nil }
        return numbers.flatMap { bigEndianBytes(UInt32($0)) } + [converted.unit == .none ? 0 : 1]
    }

    /// `\niptc\n`, the count of bytes in eight columns, and lines of 36 bytes in hexadecimal.
    private static func rawProfile(_ records: [UInt8]) -> [UInt8] {
        let resource = PhotoshopResources.wrapping(records)
        let count = String(resource.count)
        var text = Array("\niptc\n\(String(repeating: " ", count: max(0, 8 - count.count)))\(count)".utf8)
        let digits = Array("0123456789abcdef".utf8)
        for (index, byte) in resource.enumerated() {
            if index % 36 == 0 { text.append(0x0a) }
            text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
        return text + [0x0a]
    }

    /// The records in such a text; `nil` where it is none.
    private static func records(ofRawProfile text: [UInt8]) -> [UInt8]? {
        let words = text.split { $0 == 0x0a }
        // "iptc" by ImageMagick, "IPTC profile" by exiftool.
        guard words.count >= 2, String(decoding: words[0], as: UTF8.self).lowercased().hasPrefix("iptc") else {
            return nil
        }
        var nibbles: [UInt8] = []
        for digit in words[2...].joined() {
            guard let nibble = Character(UnicodeScalar(digit)).hexDigitValue else { return nil }
            nibbles.append(UInt8(nibble))
        }
        let bytes = stride(from: 0, to: nibbles.count - nibbles.count % 2, by: 2).map {
            nibbles[$0] << 4 | nibbles[$0 + 1]
        }
        return PhotoshopResources.records(in: bytes) ?? bytes
    }

    /// The chunks in no format's form.
    var neutral: ImageMetadata {
        var neutral = ImageMetadata()
        for (type, data) in parts {
            switch type {
            case PNGChunkType("cICP"): neutral.codePoints = data
            case PNGChunkType("iCCP"): neutral.profile = Self.inflatedText(data)?.content
            case PNGChunkType("sRGB"): neutral.standardRGBIntent = data[0]
            case PNGChunkType("gAMA"): neutral.gamma = bigEndianInteger(data)
            case PNGChunkType("cHRM"):
                neutral.chromaticities = stride(from: 0, to: 32, by: 4).map { bigEndianInteger(data[$0..<$0 + 4]) }
            case PNGChunkType("pHYs"):
                let horizontal: UInt32 = bigEndianInteger(data[0..<4])
                let vertical: UInt32 = bigEndianInteger(data[4..<8])
                neutral.resolution = .init(
                    horizontal: Double(horizontal), vertical: Double(vertical), unit: data[8] == 1 ? .metre : .none)
            case PNGChunkType("eXIf"): neutral.exif = data
            case PNGChunkType("tEXt"): neutral.take(Self.latinText(data))
            case PNGChunkType("zTXt"):
                guard let text = Self.inflatedText(data) else { continue }
                if text.keyword == Self.recordsKeyword {
                    neutral.iptc = Self.records(ofRawProfile: text.content)
                } else {
                    neutral.take((text.keyword, Self.latin(text.content)))
                }
            case PNGChunkType("iTXt"):
                guard let text = Self.internationalText(data) else { continue }
                if text.keyword == Self.packetKeyword {
                    neutral.xmp = text.content
                } else if let content = String(validating: text.content, as: UTF8.self) {
                    neutral.take((text.keyword, content))
                }
            default: break
            }
        }
        return neutral
    }

    private static func latin(_ bytes: some Sequence<UInt8>) -> String {
        String(String.UnicodeScalarView(bytes.map { UnicodeScalar($0) }))
    }

    private static func latinText(_ data: [UInt8]) -> (String, String)? {
        guard let end = data.firstIndex(of: 0) else { return nil }
        return (latin(data[..<end]), latin(data[(end + 1)...]))
    }

    /// keyword 0 | method 0 | zlib stream
    private static func inflatedText(_ data: [UInt8]) -> (keyword: String, content: [UInt8])? {
        guard let end = data.firstIndex(of: 0), data.count > end + 2,
            let content = Zlib.inflated(Array(data[(end + 2)...]), limit: maximumInflatedByteCount)
        else { return nil }
        return (latin(data[..<end]), content)
    }

    /// keyword 0 | flag | method 0 | language 0 | translated keyword 0 | text
    private static func internationalText(_ data: [UInt8]) -> (keyword: String, content: [UInt8])? {
        guard let end = data.firstIndex(of: 0), data.count > end + 3,
            let language = data[(end + 3)...].firstIndex(of: 0),
            let translated = data[(language + 1)...].firstIndex(of: 0)
        else { return nil }
        let text = Array(data[(translated + 1)...])
        guard let content = data[end + 1] == 0 ? text : Zlib.inflated(text, limit: maximumInflatedByteCount) else {
            return nil
        }
        return (latin(data[..<end]), content)
    }
}

extension ImageMetadata {
    fileprivate mutating func take(_ text: (keyword: String, text: String)?) {
        if let text { texts.append(Text(keyword: text.keyword, text: text.text)) }
    }
}
