import ImageFormats
import Checksums

/// The data of a PNG file's IDAT chunks, one after the other, in pieces; checks each chunk's CRC on the way.
struct ImageDataStream {
    /// Small enough for a piece to be still in the cache when it is inflated after its checksum was taken.
    private static let pieceByteCount = 64 * 1024

    private let file: UnsafeRawBufferPointer
    private var chunk: PNGChunkHead
    /// Where the next piece begins, within the current chunk's data or at its end.
    private var position: Int
    private var crc: CRC32

    /// - Parameters:
    ///   - file: the whole file; must outlive the stream and its pieces.
    ///   - offset: where the first IDAT chunk begins.
    init(_ file: UnsafeRawBufferPointer, at offset: Int) throws(CodecError) {
        self.file = file
        chunk = try PNGChunkHead(file[offset...], at: UInt64(offset), fileByteCount: UInt64(file.count))
        position = Int(chunk.dataOffset)
        crc = ImageDataStream.checksumOfName
    }

    /// The next bytes, at least one; `nil` after the last.
    ///
    /// - Throws: `CodecError` (corrupt) when a chunk that ends here has a wrong CRC.
    mutating func next() throws(CodecError) -> UnsafeRawBufferPointer? {
        while true {
            let left = Int(chunk.dataOffset) + chunk.byteCount - position
            if left > 0 {
                let piece = UnsafeRawBufferPointer(
                    rebasing: file[position..<position + min(left, ImageDataStream.pieceByteCount)])
                crc.update(piece)
                position += piece.count
                return piece
            }
            guard crc.value == UInt32(bigEndian: file.loadUnaligned(fromByteOffset: position, as: UInt32.self)) else {
                throw chunk.checksumMismatch()
            }
            let following = try PNGChunkHead(
                file[Int(chunk.end)...], at: chunk.end, fileByteCount: UInt64(file.count))
            guard following.type == .imageData else { return nil }
            chunk = following
            position = Int(chunk.dataOffset)
            crc = ImageDataStream.checksumOfName
        }
    }

    /// The CRC-32 of the letters IDAT, with which every chunk's begins.
    private static let checksumOfName = {
        var crc = CRC32()
        crc.update(PNGChunkType.imageData.letters)
        return crc
    }()
}
