import Pipelines
import Checksums

/// The ancillary chunks of a PNG file that belong to the output as well: colour space, resolution, text, EXIF.
///
/// Chunks are kept as they are in a file, CRC included, and never opened: nothing is inflated. Those that are not
/// well-formed are left out, since the picture does not depend on them. What describes the stored samples (PLTE, tRNS,
/// sBIT, bKGD, hIST, sPLT) or the file (tIME) does not survive processing and is not kept; nor are animation frames and
/// private chunks.
public struct PNGMetadata: Hashable, Sendable {
    private struct Chunk: Hashable, Sendable {
        let type: PNGChunkType
        /// The whole chunk: length, letters, data, CRC.
        let framed: [UInt8]
    }

    private var chunks: [Chunk] = []

    /// No metadata.
    public init() {}

    /// Reads what `framed(for:from:)` returned.
    ///
    /// - Throws: `CodecError` (corrupt) unless `framed` is whole chunks with right checksums, all of which are metadata.
    public init(framed: [UInt8]) throws(CodecError) {
        var offset = 0
        while offset < framed.count {
            guard framed.count - offset >= PNGLayout.chunkOverhead else {
                throw .corrupt("The metadata is truncated at byte \(offset) of \(framed.count).")
            }
            let head = try PNGChunkHead(framed[offset...], at: UInt64(offset), fileByteCount: UInt64(framed.count))
            let end = Int(head.end)
            guard CRC32.checksum(Array(framed[offset + 4..<end - 4])) == bigEndianInteger(framed[end - 4..<end]) else {
                throw head.checksumMismatch()
            }
            guard keep(head.type, framed[offset..<end]) else {
                throw .corrupt(
                    "The metadata has a \(head.type) chunk, which is malformed, there twice, or no metadata.")
            }
            offset = end
        }
    }

    public var isEmpty: Bool { chunks.isEmpty }

    /// Bytes of all chunks.
    public var byteCount: Int { chunks.reduce(0) { $0 + $1.framed.count } }

    /// The names of the chunks in their order, for listings.
    public var chunkNames: [String] { chunks.map(\.type.description) }

    /// The chunks that fit an output of format `output` made from an image of format `input`, one after the other: colour
    /// profiles are for gray or for colour, and do not outlive a change between them.
    public func framed(for output: PixelFormat, from input: PixelFormat) -> [UInt8] {
        let keepsColor = output.layout.isColor == input.layout.isColor
        var bytes: [UInt8] = []
        for chunk in chunks where keepsColor || !PNGMetadata.isBoundToColor(chunk.type) {
            bytes.append(contentsOf: chunk.framed)
        }
        return bytes
    }

    /// Keeps the chunk if it is metadata, well-formed, and not the second of a kind that there is one of.
    ///
    /// - Parameter framed: the whole chunk, whose CRC is right.
    package mutating func keep(_ type: PNGChunkType, _ framed: ArraySlice<UInt8>) -> Bool {
        guard let form = PNGMetadata.forms[type], form.accepts(framed.dropFirst(8).dropLast(4)) else { return false }
        guard form.mayRepeat || !chunks.contains(where: { $0.type == type }) else { return false }
        chunks.append(Chunk(type: type, framed: Array(framed)))
        return true
    }

    package static func isMetadata(_ type: PNGChunkType) -> Bool { forms[type] != nil }

    /// Whether the chunk speaks of the samples of gray, or of colour, images only.
    private static func isBoundToColor(_ type: PNGChunkType) -> Bool {
        [PNGChunkType("iCCP"), PNGChunkType("cICP"), PNGChunkType("mDCV"), PNGChunkType("cLLI")].contains(type)
    }

    /// What the data of a chunk must look like (PNG, third edition, section 11.3).
    private enum Form: Sendable {
        case exactly(Int)
        /// A keyword, a zero byte, the compression method 0, and something.
        case compressed
        case profile
        case text
        case internationalText
        case exif

        var mayRepeat: Bool {
            switch self {
            case .text, .compressed, .internationalText: true
            case .exactly, .profile, .exif: false
            }
        }

        func accepts(_ data: ArraySlice<UInt8>) -> Bool {
            switch self {
            case .exactly(let count): return data.count == count
            case .exif: return data.starts(with: [0x49, 0x49, 0x2a, 0]) || data.starts(with: [0x4d, 0x4d, 0, 0x2a])
            case .text: return keywordEnd(data) != nil
            case .profile, .compressed:
                guard let end = keywordEnd(data) else { return false }
                return data.endIndex - end > 2 && data[end + 1] == 0
            case .internationalText:
                // keyword 0 | flag 0...1 | method 0 | language 0 | translated keyword 0 | text
                guard let end = keywordEnd(data), data.endIndex - end >= 5 else { return false }
                return data[end + 1] <= 1 && data[end + 2] == 0 && data[(end + 3)...].count(where: { $0 == 0 }) >= 2
            }
        }

        /// Where the zero byte after a keyword of 1 to 79 printable Latin-1 characters is.
        private func keywordEnd(_ data: ArraySlice<UInt8>) -> Int? {
            guard let end = data.prefix(80).firstIndex(of: 0), end > data.startIndex else { return nil }
            let isPrintable = data[..<end].allSatisfy { (0x20...0x7e).contains($0) || $0 >= 0xa1 }
            return isPrintable ? end : nil
        }
    }

    private static let forms: [PNGChunkType: Form] = [
        PNGChunkType("cICP"): .exactly(4), PNGChunkType("mDCV"): .exactly(24), PNGChunkType("cLLI"): .exactly(8),
        PNGChunkType("iCCP"): .profile, PNGChunkType("sRGB"): .exactly(1), PNGChunkType("gAMA"): .exactly(4),
        PNGChunkType("cHRM"): .exactly(32), PNGChunkType("pHYs"): .exactly(9), PNGChunkType("eXIf"): .exif,
        PNGChunkType("tEXt"): .text, PNGChunkType("zTXt"): .compressed, PNGChunkType("iTXt"): .internationalText,
    ]
}
