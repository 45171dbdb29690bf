import Checksums
import Imaging

/// The format of an image file.
public enum ImageFileFormat: String, Hashable, Sendable, CaseIterable {
    case png
}

/// What an image file's first chunks say.
public struct ImageHeader: Hashable, Sendable {
    /// The image as it decodes: palettes are RGB, 1, 2 and 4 bits are 8, and a transparent colour is an alpha channel.
    public let shape: ImageShape
    public let isInterlaced: Bool
    public let fileFormat: ImageFileFormat

    public init(shape: ImageShape, isInterlaced: Bool, fileFormat: ImageFileFormat) {
        self.shape = shape
        self.isInterlaced = isInterlaced
        self.fileFormat = fileFormat
    }

    init(_ header: PNGHeader) {
        self.init(shape: header.shape, isInterlaced: header.isInterlaced, fileFormat: .png)
    }
}

/// Learns an image's shape from the start of its file.
///
/// Plain Swift on a few bytes: fit for the master, which takes files from anybody. Everything that decodes runs in a rank.
public enum ImageProbe {
    /// Reads the file up to its image data: the signature, the head of each chunk, and the data of those few that decide
    /// the shape. At most `limits.maximumAncillaryChunkCount` and a handful of reads, of at most 768 bytes.
    ///
    /// - Parameters:
    ///   - byteCount: bytes in the file.
    ///   - read: returns `count` bytes from `offset`; both lie within the file. What it throws is passed on.
    /// - Throws: `CodecError` for a file that is no image, is damaged, or is above a limit.
    public static func probe(
        byteCount: UInt64, limits: DecodingLimits = DecodingLimits(),
        read: (_ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) throws -> ImageHeader {
        let signature = try read(0, Int(min(byteCount, UInt64(PNGLayout.signature.count))))
        try checkSignature(signature)

        var scanner = PNGHeaderScanner(fileByteCount: byteCount, limits: limits)
        var offset = UInt64(signature.count)
        while true {
            guard byteCount - offset >= UInt64(PNGLayout.chunkOverhead) else {
                throw PNGChunkHead.truncated(at: byteCount)
            }
            let head = try PNGChunkHead(
                try read(offset, PNGLayout.chunkHeadByteCount), at: offset, fileByteCount: byteCount)
            try scanner.take(head) {
                let dataAndChecksum = try read(head.dataOffset, head.byteCount + 4)
                let data = [UInt8](dataAndChecksum.prefix(head.byteCount))
                var crc = CRC32()
                crc.update(head.type.letters)
                crc.update(data)
                guard crc.value == bigEndianInteger(dataAndChecksum.suffix(4)) else { throw head.checksumMismatch() }
                return data
            }
            if scanner.stage == .inImageData, let header = scanner.header { return ImageHeader(header) }
            offset = head.end
        }
    }

    /// Refuses a file that does not begin as a PNG file does, and says what it does begin with.
    static func checkSignature(_ start: [UInt8]) throws(CodecError) {
        guard start != PNGLayout.signature else { return }
        guard !start.isEmpty else { throw .corrupt("The file is empty.") }
        let known: [(prefix: [UInt8], name: String)] = [
            ([0xff, 0xd8, 0xff], "JPEG"), (Array("GIF8".utf8), "GIF"), (Array("II*".utf8) + [0], "TIFF"),
            (Array("MM".utf8) + [0, 0x2a], "TIFF"), (Array("BM".utf8), "BMP"), (Array("RIFF".utf8), "WebP"),
            (Array("%PDF".utf8), "PDF"),
        ]
        if let format = known.first(where: { start.starts(with: $0.prefix) }) {
            throw .unsupported("The file is not a PNG file (it begins as \(format.name) does). Convert it to PNG.")
        }
        let digits = start.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
        throw .corrupt(
            "The file is not a PNG file (begins with \(digits) instead of 89 50 4e 47 0d 0a 1a 0a). Send a PNG file.")
    }
}
