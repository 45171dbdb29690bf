/// Says of a file that no format recognises what it seems to be.
enum UnknownFile {
    static func error(_ start: [UInt8]) -> CodecError {
        guard !start.isEmpty else { return .corrupt("The file is empty.") }
        let known: [(prefix: [UInt8], name: String)] = [
            ([0xff, 0xd8, 0xff], "JPEG"), (Array("GIF8".utf8), "GIF"), (Array("II*".utf8) + [0], "TIFF"),
            (Array("MM".utf8) + [0, 0x2a], "TIFF"), (Array("BM".utf8), "BMP"), (Array("RIFF".utf8), "WebP"),
            (Array("%PDF".utf8), "PDF"),
        ]
        let names = ImageFormats.all.map { $0.name.uppercased() }.joined(separator: " or ")
        if let format = known.first(where: { start.starts(with: $0.prefix) }) {
            return .unsupported(
                "The file is not a \(names) file (it begins as \(format.name) does). Convert it to \(names).")
        }
        let digits = start.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
        return .corrupt("The file is not a \(names) file (it begins with \(digits)). Send a \(names) file.")
    }
}
