import Pipelines

/// The chunks of a WebP file (RFC 9649).
///
///     "RIFF" | u32 length of the rest | "WEBP" | chunk | chunk | ...
///     chunk:  four letters | u32 length, little-endian | data | a zero if the length is odd
///
/// A file is one chunk of image data, or begins with a `VP8X` chunk that says what else there is, in this order:
///
///     VP8X:  u8 flags | u24 0 | u24 width - 1 | u24 height - 1
///     ICCP, ANIM, ANMF ..., ALPH, image data (`VP8 ` or `VP8L`), EXIF, `XMP `
package enum WebPContainer {
    package static let headerByteCount = 12
    static let chunkHeadByteCount = 8
    /// Sides are numbers of 14 bits.
    static let maximumSide = 16_383

    package struct Name: Hashable, Sendable, CustomStringConvertible {
        let letters: [UInt8]

        init(letters: [UInt8]) { self.letters = letters }
        init(_ text: StaticString) { letters = Array(text.description.utf8) }

        package static let extended = Name("VP8X")
        package static let lossy = Name("VP8 ")
        package static let lossless = Name("VP8L")
        package static let alpha = Name("ALPH")
        package static let animation = Name("ANIM")
        package static let frame = Name("ANMF")
        package static let profile = Name("ICCP")
        package static let exif = Name("EXIF")
        package static let packet = Name("XMP ")

        package var description: String {
            String(decoding: letters.map { (0x20...0x7e).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
        }
    }

    /// What `VP8X` says there is.
    struct Flags: OptionSet {
        let rawValue: UInt8

        static let animation = Flags(rawValue: 0x02)
        static let packet = Flags(rawValue: 0x04)
        static let exif = Flags(rawValue: 0x08)
        static let alpha = Flags(rawValue: 0x10)
        static let profile = Flags(rawValue: 0x20)
    }

    /// A chunk's name, and where its data is.
    package struct Chunk: Hashable, Sendable {
        package let name: Name
        package let dataOffset: UInt64
        package let byteCount: UInt64

        package var range: Range<Int> { Int(dataOffset)..<Int(dataOffset + byteCount) }
        /// Where the next chunk begins.
        var end: UInt64 { dataOffset + byteCount + byteCount % 2 }
    }

    package static func chunk(_ name: Name, _ data: [UInt8]) -> [UInt8] {
        name.letters + littleEndianBytes(UInt32(data.count), 4) + data + (data.count % 2 == 0 ? [] : [0])
    }

    /// The beginning of a file of `byteCount` bytes.
    static func header(byteCount: UInt64) -> [UInt8] {
        Array("RIFF".utf8) + littleEndianBytes(UInt32(byteCount - 8), 4) + Array("WEBP".utf8)
    }

    static func littleEndianBytes(_ value: UInt32, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt32($0))) }
    }

    static func littleEndianInteger(_ bytes: some BidirectionalCollection<UInt8>) -> UInt32 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
}

/// What a WebP file says about its image, and where its parts are.
package struct WebPHeader: Hashable, Sendable {
    package private(set) var width = 0
    package private(set) var height = 0
    package private(set) var hasAlpha = false
    package private(set) var isLossless = false
    package private(set) var orientation: UInt8 = 1
    /// Metadata, each kind once.
    package private(set) var metadata: [WebPContainer.Chunk] = []
    /// Metadata of a kind that has come already, or that is cut off.
    package private(set) var ignored: [WebPContainer.Chunk] = []

    /// Whether the file ends before its end, which is passed over leniently.
    package private(set) var isTruncated = false

    /// Gray images are stored as RGB.
    package var shape: ImageShape {
        ImageShape(width: width, height: height, format: PixelFormat(hasAlpha ? .rgba : .rgb, .eight))
    }

    /// Reads the heads of all chunks, and the first bytes of the image data.
    package init(
        byteCount: UInt64, limits: DecodingLimits, read: (_ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) throws {
        var window = ReadingWindow(byteCount: byteCount)
        let isLenient = limits.options.isLenient
        guard byteCount >= UInt64(WebPContainer.headerByteCount) else { throw Self.truncated(byteCount, byteCount + 1) }
        let start = try window.bytes(at: 0, count: WebPContainer.headerByteCount, read)
        let claimed = UInt64(WebPContainer.littleEndianInteger(start[4..<8])) + 8
        guard claimed <= byteCount || isLenient else { throw Self.truncated(byteCount, claimed) }
        let end = min(claimed, byteCount)
        isTruncated = claimed > byteCount
        var offset = UInt64(WebPContainer.headerByteCount)
        var canvas: (width: Int, height: Int, flags: WebPContainer.Flags)?
        var frameCount = 0
        var isFirst = true
        while end > offset, end - offset >= UInt64(WebPContainer.chunkHeadByteCount) {
            let head = try window.bytes(at: offset, count: WebPContainer.chunkHeadByteCount, read)
            let chunk = WebPContainer.Chunk(
                name: .init(letters: Array(head.prefix(4))), dataOffset: offset + 8,
                byteCount: UInt64(WebPContainer.littleEndianInteger(head.dropFirst(4))))
            let isWhole = chunk.byteCount <= end - chunk.dataOffset
            guard isWhole || isLenient else { throw Self.truncated(byteCount, chunk.dataOffset + chunk.byteCount) }
            if !isWhole { isTruncated = true }
            let data = try window.bytes(
                at: chunk.dataOffset, count: Int(min(10, chunk.byteCount, end - chunk.dataOffset)), read)
            switch chunk.name {
            case .extended where isFirst: canvas = try Self.canvas(Array(data))
            case .lossy where width == 0: try takeLossy(Array(data))
            case .lossless where width == 0: try takeLossless(Array(data))
            case .alpha where canvas != nil && width == 0: hasAlpha = true
            case .frame: frameCount += 1
            case .profile, .exif, .packet:
                guard canvas != nil, isWhole, !metadata.contains(where: { $0.name == chunk.name }) else {
                    ignored.append(chunk)
                    break
                }
                metadata.append(chunk)
                if chunk.name == .exif, chunk.byteCount <= limits.maximumMetadataByteCount {
                    let exif = try window.bytes(at: chunk.dataOffset, count: Int(chunk.byteCount), read)
                    orientation = WebPMetadata.exif(Array(exif))?.orientation ?? 1
                }
            default: break
            }
            isFirst = false
            offset = chunk.end
        }
        if let canvas, canvas.flags.contains(.animation) || frameCount > 0 {
            throw CodecError.unsupported(
                "The WebP file is an animation of \(frameCount) frames, which are not read. Take one of them out, for example by "
                    + "webpmux -get frame 1 in.webp -o out.webp")
        }
        guard width > 0 else {
            throw CodecError.corrupt("The WebP file is damaged: it has no image data. Send an intact copy.")
        }
        if let canvas {
            guard canvas.width == width, canvas.height == height else {
                throw CodecError.corrupt(
                    "The WebP file is damaged: its header says \(canvas.width) x \(canvas.height) pixels, its image data "
                        + "\(width) x \(height). Send an intact copy.")
            }
            if canvas.flags.contains(.alpha) { hasAlpha = true }
        }
        try check(fileByteCount: byteCount, limits)
    }

    private static func truncated(_ byteCount: UInt64, _ needed: UInt64) -> CodecError {
        .corrupt("The WebP file is truncated: it needs \(needed) bytes, there are \(byteCount). Send it again in full.")
    }

    private static func canvas(
        _ data: [UInt8]
    ) throws(CodecError) -> (width: Int, height: Int, flags: WebPContainer.Flags) {
        guard data.count == 10 else {
            throw .corrupt("The WebP file is damaged: its header (VP8X) has fewer than 10 bytes. Send an intact copy.")
        }
        return (
            Int(WebPContainer.littleEndianInteger(data[4..<7])) + 1,
            Int(WebPContainer.littleEndianInteger(data[7..<10])) + 1,
            WebPContainer.Flags(rawValue: data[0])
        )
    }

    /// A key frame of VP8 (RFC 6386): u24 tag, whose lowest bit is 0 | 9d 01 2a | u14 width, u2 scale | u14 height, u2 scale
    private mutating func takeLossy(_ data: [UInt8]) throws(CodecError) {
        guard data.count == 10, data[0] & 1 == 0, Array(data[3..<6]) == [0x9d, 0x01, 0x2a] else {
            throw Self.damagedImage()
        }
        width = Int(WebPContainer.littleEndianInteger(data[6..<8]) & 0x3fff)
        height = Int(WebPContainer.littleEndianInteger(data[8..<10]) & 0x3fff)
        guard width > 0, height > 0 else { throw Self.damagedImage() }
    }

    /// u8 2f | u14 width - 1, u14 height - 1, u1 alpha, u3 version 0
    private mutating func takeLossless(_ data: [UInt8]) throws(CodecError) {
        guard data.count >= 5, data[0] == 0x2f, data[4] >> 5 == 0 else { throw Self.damagedImage() }
        let bits = WebPContainer.littleEndianInteger(data[1..<5])
        width = Int(bits & 0x3fff) + 1
        height = Int(bits >> 14 & 0x3fff) + 1
        isLossless = true
        if bits >> 28 & 1 == 1 { hasAlpha = true }
    }

    private static func damagedImage() -> CodecError {
        .corrupt("The WebP file is damaged: its image data do not begin as such. Send an intact copy.")
    }

    private func check(fileByteCount: UInt64, _ limits: DecodingLimits) throws(CodecError) {
        try limits.check(width: width, height: height)
        let byteCount = UInt64(shape.byteCount)
        try limits.check(unpackedByteCount: byteCount, ofFileOf: fileByteCount)
        guard byteCount <= limits.maximumInterlacedByteCount else {
            throw .overLimit(
                "The WebP file decodes to \(byteCount) bytes; a WebP image is held in memory as a whole and may have at most "
                    + "\(limits.maximumInterlacedByteCount). Save it as PNG or TIFF, or raise max-interlaced-bytes of the master."
            )
        }
    }
}
