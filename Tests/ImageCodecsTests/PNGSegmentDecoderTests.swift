import Checksums
import Kernels
import Pipelines
import SeededRandom
import Testing

@testable import ImageCodecs
@testable import ImageFormats

/// Segments of PNG files, each decoded by itself.
@Suite struct PNGSegmentDecoderTests {
    private static let shape = ImageShape(
        width: SegmentGrid.standard.byteCount / 3 / 11, height: 48, format: PixelFormat(.rgb, .eight))

    /// The chunk of each segment.
    private func chunks(_ shape: ImageShape, _ pixels: [UInt8]) -> [[UInt8]] {
        let encoder = PNGSegmentEncoder(shape: shape)
        var chunks: [[UInt8]] = []
        pixels.withUnsafeBytes { bytes in
            let view = RowsView(shape: shape, rows: 0..<shape.height, base: bytes.baseAddress.unsafelyUnwrapped)
            _ = encoder.encode(view) { chunks.append(Array($0)) } as FilteredChecksum
        }
        return chunks
    }

    private func rows(_ chunk: [UInt8], _ rows: Range<Int>, by decoder: PNGSegmentDecoder) throws(CodecError) -> [UInt8]
    {
        let room = UnsafeMutableRawBufferPointer.allocate(
            byteCount: rows.count * decoder.shape.bytesPerRow, alignment: 16)
        defer { room.deallocate() }
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: chunk.count, alignment: 16)
        defer { copy.deallocate() }
        copy.copyBytes(from: chunk)
        try decoder.decode(UnsafeRawBufferPointer(copy), rows: rows, to: room.baseAddress.unsafelyUnwrapped)
        return Array(room)
    }

    @Test(arguments: allFormats) func `segments decode in any order to the pixels that they were made of`(
        _ format: PixelFormat
    ) throws {
        for (width, height) in [(1, 1), (SegmentGrid.standard.byteCount / format.bytesPerPixel / 11, 48), (300_000, 3)]
        {
            let shape = ImageShape(width: width, height: height, format: format)
            let pixels = sampleImage(shape)
            let decoder = PNGSegmentDecoder(shape: shape)
            let chunks = chunks(shape, pixels)
            #expect(chunks.count == decoder.segments.count)
            for index in chunks.indices.reversed() {
                let part = decoder.segments[index]
                let expected = pixels[part.lowerBound * shape.bytesPerRow..<part.upperBound * shape.bytesPerRow]
                #expect(try rows(chunks[index], part, by: decoder) == Array(expected), "segment \(index) of \(shape)")
            }
        }
    }

    @Test func `a segment with any byte changed, cut or of other rows is refused`() throws {
        let decoder = PNGSegmentDecoder(shape: Self.shape)
        let chunk = chunks(Self.shape, sampleImage(Self.shape))[1]
        let part = decoder.segments[1]
        var random = SeededGenerator(seed: 3)
        for _ in 0..<500 {
            var changed = chunk
            changed[Int.random(in: 0..<chunk.count, using: &random)] ^= UInt8.random(in: 1...255, using: &random)
            #expect(throws: CodecError.self) { try rows(changed, part, by: decoder) }
        }
        for count in [0, 1, 8, 11, 12, chunk.count - 1] {
            #expect(throws: CodecError.self) { try rows(Array(chunk.prefix(count)), part, by: decoder) }
        }
        #expect(throws: CodecError.self) { try rows(chunk + [0], part, by: decoder) }
        #expect(throws: CodecError.self) { try rows(chunk, decoder.segments[4], by: decoder) }
        // A decoder that refused one decodes the next.
        #expect(throws: Never.self) { try rows(chunk, part, by: decoder) }
    }

    @Test func `a chunk whose checksum is right but whose first row looks above is refused`() throws {
        let shape = ImageShape(width: 4, height: 2, format: PixelFormat(.gray, .eight))
        let decoder = PNGSegmentDecoder(shape: shape)
        let data = { (rows: [UInt8]) -> [UInt8] in
            let deflater = Deflater()
            let blocks = [UInt8](unsafeUninitializedCapacity: Deflater.maximumByteCount(rows.count)) { buffer, count in
                count = rows.withUnsafeBytes { deflater.deflate($0, to: UnsafeMutableRawBufferPointer(buffer)) }
            }
            return PNGLayout.chunk(.imageData, blocks)
        }
        #expect(try rows(data([0, 1, 2, 3, 4, 2, 1, 1, 1, 1]), 0..<2, by: decoder) == [1, 2, 3, 4, 2, 3, 4, 5])
        for filter: UInt8 in [2, 3, 4, 5, 255] {
            #expect(throws: CodecError.self) {
                try rows(data([filter, 1, 2, 3, 4, 0, 1, 1, 1, 1]), 0..<2, by: decoder)
            }
        }
        #expect(throws: CodecError.self) { try rows(data([0, 1, 2, 3, 4, 9, 1, 1, 1, 1]), 0..<2, by: decoder) }
        #expect(throws: CodecError.self) { try rows(data([0, 1, 2, 3, 4]), 0..<2, by: decoder) }
        #expect(throws: CodecError.self) { try rows(data([UInt8](repeating: 0, count: 11)), 0..<2, by: decoder) }
    }
}
