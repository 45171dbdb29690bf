import ClientKit
import ImageFormats
import Names

/// A look at the first bytes of an input, before anything is sent: what is not an image would travel, and then fail.
enum InputFormat {
    /// What is wrong with the file at `path`; `nil` for one that begins as an image does.
    /// - Parameter label: the name by which it is known to the person.
    static func complaint(path: BytePath, label: String) -> ClientError? {
        guard let start = try? FileDescriptor.start(of: path, count: ImageFormats.sniffedByteCount) else {
            // Reading it for its digest will fail, too, and say why.
            return nil
        }
        do {
            _ = try ImageFormats.format(ofFileBeginning: start)
            return nil
        } catch {
            return ClientError(error.cause.code, "'\(ShownText.of(label))': \(error.reason)\(command(label, start))")
        }
    }

    /// Whether a file that begins so is an image, of this program or of others.
    static func isImage(_ start: [UInt8]) -> Bool {
        let kinds: [[UInt8]] = [
            [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A], [0xFF, 0xD8, 0xFF], Array("GIF87a".utf8),
            Array("GIF89a".utf8), Array("II*\0".utf8), Array("MM\0*".utf8),
        ]
        return kinds.contains { start.starts(with: $0) }
            || start.starts(with: "RIFF".utf8) && start.dropFirst(8).starts(with: "WEBP".utf8)
    }

    /// How to convert a file that other programs can read; empty for bytes that say nothing.
    private static func command(_ label: String, _ start: [UInt8]) -> String {
        let isKnown: [[UInt8]] = [
            [0xff, 0xd8, 0xff], Array("GIF8".utf8), Array("II".utf8), Array("MM".utf8), Array("BM".utf8),
            Array("RIFF".utf8), Array("%PDF".utf8),
        ]
        guard isKnown.contains(where: start.starts(with:)) else { return "" }
        let bytes = BytePath(text: label).bytes
        let name = BytePath(bytes[..<(bytes.lastIndex(of: UInt8(ascii: ".")) ?? bytes.endIndex)])
        let names = label == "stdin" ? "- png:-" : "'\(ShownText.of(label))' '\(name).png'"
        return " With ImageMagick: convert \(names)"
    }
}
