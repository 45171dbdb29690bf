import Checksums

/// The four letters that name a chunk of a PNG file.
package struct PNGChunkType: Hashable, Sendable, CustomStringConvertible {
    /// Big-endian: the first letter in the most significant byte.
    package let code: UInt32

    package init(code: UInt32) { self.code = code }

    package init(_ name: StaticString) {
        precondition(name.utf8CodeUnitCount == 4, "a chunk's name has four letters")
        code = name.withUTF8Buffer { $0.reduce(0) { $0 << 8 | UInt32($1) } }
    }

    package static let header = PNGChunkType("IHDR")
    package static let palette = PNGChunkType("PLTE")
    package static let transparency = PNGChunkType("tRNS")
    package static let imageData = PNGChunkType("IDAT")
    package static let exif = PNGChunkType("eXIf")
    package static let end = PNGChunkType("IEND")

    package var letters: [UInt8] { bigEndianBytes(code) }

    /// Whether all four are letters, as the standard demands.
    package var isWellFormed: Bool { letters.allSatisfy { (0x41...0x5a).contains($0 & 0xdf) } }

    /// Whether the chunk can be passed over whatever it is: its name begins with a small letter. The rest may be anything.
    package var canBeSkipped: Bool { (0x61...0x7a).contains(letters[0]) }

    /// A decoder that does not know a critical chunk cannot show the image (the first letter is a capital).
    package var isCritical: Bool { code & 0x2000_0000 == 0 }

    /// The letters; anything else as a dot.
    package var description: String {
        String(decoding: letters.map { (0x21...0x7e).contains($0) ? $0 : 0x2e }, as: UTF8.self)
    }
}

/// How a PNG file is laid out:
///
///     89 50 4e 47 0d 0a 1a 0a | chunk | chunk | ...
///
///     chunk:  u32 length of data | 4 letters | data | u32 CRC-32 of letters and data
///
/// All integers are big-endian; a length is at most 2^31 - 1.
package enum PNGLayout {
    package static let signature: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
    /// Length and letters.
    package static let chunkHeadByteCount = 8
    /// Length, letters and CRC.
    package static let chunkOverhead = 12
    package static let maximumChunkByteCount: UInt32 = 0x7fff_ffff

    /// A chunk around `data`.
    package static func chunk(_ type: PNGChunkType, _ data: [UInt8]) -> [UInt8] {
        var crc = CRC32()
        crc.update(type.letters)
        crc.update(data)
        return bigEndianBytes(UInt32(data.count)) + type.letters + data + bigEndianBytes(crc.value)
    }
}

/// The start of a chunk, read and checked against the file's end.
package struct PNGChunkHead: Hashable, Sendable {
    package let type: PNGChunkType
    /// Bytes of data.
    package let byteCount: Int
    /// Where the data begins in the file.
    package let dataOffset: UInt64

    /// Where the next chunk begins.
    package var end: UInt64 { dataOffset + UInt64(byteCount) + 4 }

    /// - Parameters:
    ///   - bytes: the eight bytes at `offset`.
    ///   - fileByteCount: bytes in the whole file.
    package init(_ bytes: some RandomAccessCollection<UInt8>, at offset: UInt64, fileByteCount: UInt64)
        throws(CodecError)
    {
        let length = bigEndianInteger(bytes.prefix(4))
        type = PNGChunkType(code: bigEndianInteger(bytes.dropFirst(4).prefix(4)))
        guard type.isWellFormed || type.canBeSkipped else {
            throw .corrupt(
                "The PNG file is damaged: at byte \(offset) there is \"\(type)\" where a chunk's name must be.")
        }
        guard length <= PNGLayout.maximumChunkByteCount else {
            throw .corrupt(
                "The PNG file is damaged: its \(type) chunk at byte \(offset) claims \(length) bytes, more than PNG allows."
            )
        }
        byteCount = Int(length)
        dataOffset = offset + UInt64(PNGLayout.chunkHeadByteCount)
        guard end <= fileByteCount else {
            throw .corrupt(
                "The PNG file is truncated: its \(type) chunk at byte \(offset) needs \(end) bytes of file, there are "
                    + "\(fileByteCount). Send it again in full.")
        }
    }

    package static func truncated(at offset: UInt64) -> CodecError {
        .corrupt(
            "The PNG file is truncated: it ends at byte \(offset) without its end mark (IEND). Send it again in full.")
    }

    package func checksumMismatch() -> CodecError {
        .corrupt(
            "The PNG file is damaged: the checksum of its \(type) chunk at byte \(dataOffset - 8) is wrong. Send an intact copy."
        )
    }
}

package func bigEndianBytes(_ value: UInt32) -> [UInt8] {
    [UInt8(value >> 24), UInt8(value >> 16 & 0xff), UInt8(value >> 8 & 0xff), UInt8(value & 0xff)]
}

/// The value of up to four bytes, most significant first.
package func bigEndianInteger(_ bytes: some Sequence<UInt8>) -> UInt32 {
    bytes.reduce(0) { $0 << 8 | UInt32($1) }
}
