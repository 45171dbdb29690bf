/// A kind of file that is not read here, recognised by its first bytes.
public struct FileKind: Sendable, Hashable {
    /// The kind with its article: "a JPEG file".
    public let name: String
    /// The kind of program that makes an image that is read here out of such a file; `nil` where there is none.
    public let converter: Converter?

    public enum Converter: Sendable, Hashable {
        /// ImageMagick's `convert`.
        case imageMagick
        /// Poppler's `pdftoppm`, which makes an image of each page.
        case poppler
    }

    private init(_ name: String, _ converter: Converter? = nil) {
        self.name = name
        self.converter = converter
    }

    private static func image(_ name: String) -> FileKind { FileKind(name, .imageMagick) }

    /// The kind of a file that begins with these bytes; `nil` when it is not known.
    ///
    /// - Parameter start: the first `ImageFormats.sniffedByteCount` bytes, or all bytes of a shorter file.
    public init?(ofFileBeginning start: [UInt8]) {
        let found = Self.magic.first { start.starts(with: $0.prefix) }?.kind
        guard let kind = found ?? Self.marked(start) ?? Self.text(start) else { return nil }
        self = kind
    }

    private static let magic: [(prefix: [UInt8], kind: FileKind)] = [
        (Array("GIF8".utf8), image("a GIF file")),
        (Array("8BPS".utf8), image("a Photoshop file (PSD)")),
        (Array("\0\0\0\u{c}jP  ".utf8), image("a JPEG 2000 file")),
        ([0xff, 0x4f, 0xff, 0x51], image("a JPEG 2000 file")),
        (Array("\0\0\0\u{c}JXL ".utf8), image("a JPEG XL file")), ([0xff, 0x0a], image("a JPEG XL file")),
        ([0x76, 0x2f, 0x31, 0x01], image("an OpenEXR file")), (Array("SIMPLE  =".utf8), image("a FITS file")),
        (Array("%PDF".utf8), FileKind("a PDF file", .poppler)),
        (Array("PK\u{3}\u{4}".utf8), FileKind("a ZIP archive")), ([0x1f, 0x8b], FileKind("a gzip archive")),
    ]

    /// The kinds whose mark is not at the beginning, or not one fixed text.
    private static func marked(_ start: [UInt8]) -> FileKind? {
        func word(_ offset: Int) -> String { String(decoding: start.dropFirst(offset).prefix(4), as: UTF8.self) }
        if word(0) == "RIFF" { return FileKind("a sound or video file") }
        if word(4) == "ftyp" {
            return switch word(8) {
            case "heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1": image("a HEIC file")
            case "avif", "avis": image("an AVIF file")
            default: FileKind("a video file")
            }
        }
        if word(128) == "DICM" { return image("a DICOM file") }
        // Four bytes behind the size of a bitmap file are zero.
        if start.starts(with: Array("BM".utf8)), start.count >= 10, start[6..<10].allSatisfy({ $0 == 0 }) {
            return image("a BMP file")
        }
        if start.count > 2, start[0] == UInt8(ascii: "P"), isSpace(start[2]) {
            switch start[1] {
            case UInt8(ascii: "1"), UInt8(ascii: "4"): return image("a PBM file")
            case UInt8(ascii: "2"), UInt8(ascii: "5"): return image("a PGM file")
            case UInt8(ascii: "3"), UInt8(ascii: "6"): return image("a PPM file")
            case UInt8(ascii: "7"): return image("a PAM file")
            default: break
            }
        }
        return nil
    }

    /// The kinds of text; `nil` for bytes that are not text.
    private static func text(_ start: [UInt8]) -> FileKind? {
        let mark: [UInt8] = [0xef, 0xbb, 0xbf]
        let text = start.starts(with: mark) ? start.dropFirst(mark.count) : start[...]
        guard text.contains(where: { $0 < 0x7f }), text.allSatisfy(isOfText) else { return nil }
        let words = String(decoding: text.drop(while: isSpace), as: UTF8.self).lowercased()
        if words.hasPrefix("<html") || words.hasPrefix("<!doctype html") { return FileKind("a web page (HTML)") }
        guard words.hasPrefix("<") else { return FileKind("a text file") }
        return words.contains("svg") ? image("an SVG file") : FileKind("a text file")
    }

    /// Whether UTF-8 text may have the byte: no control character.
    private static func isOfText(_ byte: UInt8) -> Bool {
        (0x20..<0x7f).contains(byte) || (0x80..<0xf5).contains(byte) || isSpace(byte)
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }
}

/// Says of a file that no format recognises what it seems to be.
enum UnknownFile {
    static func error(_ start: [UInt8]) -> CodecError {
        guard !start.isEmpty else { return .corrupt("The file is empty.") }
        let names = ImageFormats.choice(of: ImageFormats.all)
        if let kind = FileKind(ofFileBeginning: start) {
            return kind.converter == nil
                ? .corrupt("The file is not a \(names) file: it is \(kind.name). Send a \(names) file.")
                : .unsupported("The file is not a \(names) file: it is \(kind.name). Convert it to \(names).")
        }
        let digits = start.prefix(8).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
        return .corrupt(
            "The file is not a \(names) file, nor another image that Tessera knows (it begins with \(digits)). "
                + "Send a \(names) file.")
    }
}
