import Checksums
import Pipelines

/// The ancillary chunks of a PNG file that belong to the output as well: colour space, resolution, text, EXIF.
///
/// Chunks are kept as they are in a file, CRC included, and never opened: nothing is inflated. Those that are not
/// well-formed are left out, since the picture does not depend on them. What describes the stored samples (PLTE, tRNS,
/// sBIT, bKGD, hIST, sPLT) or the file (tIME) does not survive processing and is not kept; nor are animation frames,
/// content credentials and private chunks.
public struct PNGMetadata: Hashable, Sendable {
    private struct Chunk: Hashable, Sendable {
        let type: PNGChunkType
        /// Where the whole chunk is in `bytes`: length, letters, data, CRC.
        let range: Range<Int>
    }

    private var chunks: [Chunk] = []
    /// All chunks one after the other: there may be very many small ones.
    private var bytes: [UInt8] = []
    /// The kinds there may be one of that there is one of.
    private var present: Set<PNGChunkType> = []

    /// No metadata.
    public init() {}

    /// Reads what `framed(for:from:effect:)` returned.
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
            guard PNGMetadata.hasRightChecksum(framed[offset..<end]) else { throw head.checksumMismatch() }
            guard keep(head.type, framed[offset..<end]) else {
                throw .corrupt(
                    "The metadata has a \(head.type) chunk, which is malformed, there twice, or no metadata.")
            }
            offset = end
        }
    }

    public var isEmpty: Bool { chunks.isEmpty }

    /// Bytes of all chunks.
    public var byteCount: Int { bytes.count }

    /// The names of the chunks in their order, for listings.
    public var chunkNames: [String] { chunks.map(\.type.description) }

    /// All chunks, one after the other.
    package var framed: [UInt8] { bytes }

    /// Each chunk's name and data.
    package var parts: [(type: PNGChunkType, data: [UInt8])] {
        chunks.map { ($0.type, Array(bytes[$0.range].dropFirst(8).dropLast(4))) }
    }

    /// The chunks that are true of an output of shape `output` made from an image of format `input`, one after the other.
    ///
    /// Colour profiles are for gray or for colour, and do not outlive a change between them.
    ///
    /// - Parameter effect: what the pipeline does to what the chunks speak of.
    public func framed(
        for output: ImageShape, from input: PixelFormat, effect: MetadataEffect = []
    ) -> [UInt8] {
        let keepsColor = output.format.layout.isColor == input.layout.isColor
        var framed: [UInt8] = []
        framed.reserveCapacity(bytes.count)
        for chunk in chunks {
            if !keepsColor && PNGMetadata.isBoundToColor(chunk.type) { continue }
            if effect.contains(.replacesColors) && PNGMetadata.isColorSpace(chunk.type) { continue }
            framed.append(contentsOf: PNGMetadata.corrected(chunk.type, bytes[chunk.range], by: effect, output))
        }
        return framed
    }

    /// Keeps the chunk if it is metadata, well-formed, and not the second of a kind that there is one of.
    ///
    /// - Parameter framed: the whole chunk, whose CRC is right.
    package mutating func keep(_ type: PNGChunkType, _ framed: some RandomAccessCollection<UInt8>) -> Bool {
        guard let form = PNGMetadata.forms[type] else { return false }
        // The data's start is enough to tell, but for the zeros of iTXt.
        guard form.accepts(framed.dropFirst(8).dropLast(4)), form.mayRepeat || present.insert(type).inserted else {
            return false
        }
        chunks.append(Chunk(type: type, range: bytes.count..<bytes.count + framed.count))
        bytes.append(contentsOf: framed)
        return true
    }

    package static func isMetadata(_ type: PNGChunkType) -> Bool { forms[type] != nil }

    /// Whether the chunk speaks of the samples of gray, or of colour, images only.
    private static func isBoundToColor(_ type: PNGChunkType) -> Bool {
        [PNGChunkType("iCCP"), PNGChunkType("cICP"), PNGChunkType("mDCV"), PNGChunkType("cLLI")].contains(type)
    }

    /// Whether the chunk says what the samples mean as colours.
    fileprivate static func isColorSpace(_ type: PNGChunkType) -> Bool {
        isBoundToColor(type) || [PNGChunkType("gAMA"), PNGChunkType("cHRM"), PNGChunkType("sRGB")].contains(type)
    }

    fileprivate static func hasRightChecksum(_ chunk: ArraySlice<UInt8>) -> Bool {
        CRC32.checksum(Array(chunk.dropFirst(4).dropLast(4))) == bigEndianInteger(chunk.suffix(4))
    }

    private static func corrected(
        _ type: PNGChunkType, _ framed: ArraySlice<UInt8>, by effect: MetadataEffect, _ output: ImageShape
    ) -> ArraySlice<UInt8> {
        let isAffected = [PNGChunkType("pHYs"), .exif, PNGChunkType("iTXt")].contains(type)
        guard isAffected, !effect.isEmpty else { return framed }
        let data = Array(framed.dropFirst(8).dropLast(4))
        var changed = data
        switch type {
        case PNGChunkType("pHYs") where effect.contains(.exchangesAxes):
            changed = Array(data[4..<8] + data[0..<4] + data[8...])
        case .exif: EXIFData.edit(&changed) { $0.adapt(to: output, effect) }
        case PNGChunkType("iTXt"): XMPText.adapt(&changed, to: output, effect)
        default: break
        }
        return changed == data ? framed : PNGLayout.chunk(type, changed)[...]
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

        func accepts<Bytes: RandomAccessCollection<UInt8>>(_ data: Bytes) -> Bool {
            switch self {
            case .exactly(let count): return data.count == count
            case .exif: return data.starts(with: [0x49, 0x49, 0x2a, 0]) || data.starts(with: [0x4d, 0x4d, 0, 0x2a])
            case .text: return keywordByteCount(data) != nil
            case .profile, .compressed:
                guard let count = keywordByteCount(data) else { return false }
                return data.count - count > 2 && data.dropFirst(count + 1).first == 0
            case .internationalText:
                // keyword 0 | flag 0...1 | method 0 | language 0 | translated keyword 0 | text
                guard let count = keywordByteCount(data), data.count - count >= 5 else { return false }
                let rest = data.dropFirst(count + 1)
                guard let flag = rest.first, flag <= 1, rest.dropFirst().first == 0 else { return false }
                let language = rest.dropFirst(2)
                guard let languageEnd = language.firstIndex(of: 0) else { return false }
                return language[language.index(after: languageEnd)...].contains(0)
            }
        }

        /// How many of the 1 to 79 printable Latin-1 characters of a keyword are before its zero byte.
        private func keywordByteCount(_ data: some RandomAccessCollection<UInt8>) -> Int? {
            let start = Array(data.prefix(80))
            guard let end = start.firstIndex(of: 0), end > 0 else { return nil }
            return start[..<end].allSatisfy { (0x20...0x7e).contains($0) || $0 >= 0xa1 } ? end : nil
        }
    }

    private static let forms: [PNGChunkType: Form] = [
        PNGChunkType("cICP"): .exactly(4), PNGChunkType("mDCV"): .exactly(24), PNGChunkType("cLLI"): .exactly(8),
        PNGChunkType("iCCP"): .profile, PNGChunkType("sRGB"): .exactly(1), PNGChunkType("gAMA"): .exactly(4),
        PNGChunkType("cHRM"): .exactly(32), PNGChunkType("pHYs"): .exactly(9), .exif: .exif,
        PNGChunkType("tEXt"): .text, PNGChunkType("zTXt"): .compressed, PNGChunkType("iTXt"): .internationalText,
    ]
}

/// Takes the metadata out of a file's chunks, in their order: what counts where it is, up to the limits.
package struct PNGMetadataCollector {
    package private(set) var metadata = PNGMetadata()
    /// Chunks that are damaged, malformed, there twice, or where they do not count.
    package private(set) var ignored = PNGIgnoredParts()
    /// Chunks above the limit.
    package private(set) var overLimit = PNGIgnoredParts()

    /// What is limited, each by itself.
    private enum Bound: Hashable {
        case text, profile, exif
    }

    private let limit: UInt64
    private var taken: [Bound: UInt64] = [:]

    package init(limits: DecodingLimits) { limit = limits.maximumMetadataByteCount }

    /// - Parameters:
    ///   - isBeforeImageData: whether no image data has come yet.
    ///   - hasPalette: whether a palette has come, needed or not.
    ///   - chunk: the whole chunk.
    package mutating func take(
        _ head: PNGChunkHead, isBeforeImageData: Bool, hasPalette: Bool, chunk: UnsafeRawBufferPointer
    ) {
        guard PNGMetadata.isMetadata(head.type) else { return }
        let counts =
            if PNGMetadata.isColorSpace(head.type) {
                isBeforeImageData && !hasPalette
            } else {
                isBeforeImageData || head.type != PNGChunkType("pHYs")
            }
        guard counts else { return ignored.add(head) }
        if let bound = Self.bound(of: head.type) {
            let sum = taken[bound, default: 0] + UInt64(chunk.count)
            guard sum <= limit else { return overLimit.add(head) }
            guard keep(head, chunk) else { return }
            taken[bound] = sum
        } else {
            _ = keep(head, chunk)
        }
    }

    private mutating func keep(_ head: PNGChunkHead, _ chunk: UnsafeRawBufferPointer) -> Bool {
        let checked = UnsafeRawBufferPointer(rebasing: chunk.dropFirst(4).dropLast(4))
        guard CRC32.checksum(checked) == bigEndianInteger(chunk.suffix(4)), metadata.keep(head.type, chunk) else {
            ignored.add(head)
            return false
        }
        return true
    }

    private static func bound(of type: PNGChunkType) -> Bound? {
        switch type {
        case PNGChunkType("tEXt"), PNGChunkType("zTXt"), PNGChunkType("iTXt"): .text
        case PNGChunkType("iCCP"): .profile
        case .exif: .exif
        default: nil
        }
    }
}
