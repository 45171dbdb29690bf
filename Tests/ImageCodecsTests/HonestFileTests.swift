import Checksums
import Pipelines
import SeededRandom
import Testing

@testable import ImageCodecs
@testable import ImageFormats

/// Files that other programs read: unusual, damaged where it does not matter, or compressed as far as it goes.
@Suite struct HonestFileTests {
    /// An image of which every row is the same byte, as any compressor makes it: deflate's longest matches.
    ///
    /// Plain deflate (RFC 1951, section 3.2.6): fixed codes, a literal zero, and matches of 258 bytes at distance 1.
    private static func blank(
        width: Int, height: Int, bitDepth: Int, colorType: Int, before: [Chunk] = [], interlace: UInt8 = 0
    ) -> [UInt8] {
        let channelCount = [0: 1, 2: 3, 3: 1, 4: 2, 6: 4][colorType] ?? 0
        let passes = interlace == 1 ? Chunk.interlacedPasses(width: width, height: height) : [(width, height)]
        let byteCount = passes.reduce(0) { $0 + $1.1 * (1 + ($1.0 * channelCount * bitDepth + 7) / 8) }
        var bits = BitWriter()
        bits.write(1, count: 1)
        bits.write(1, count: 2)
        bits.writeCode(0x30, count: 8)
        var rest = byteCount - 1
        while rest >= 258 {
            // Length 258 is 285, whose code is 11000101; distance 1 is 00000.
            bits.writeCode(0b1100_0101, count: 8)
            bits.writeCode(0, count: 5)
            rest -= 258
        }
        for _ in 0..<rest { bits.writeCode(0x30, count: 8) }
        bits.writeCode(0, count: 7)
        // The Adler-32 of n zeros: a is 1, b is n.
        let checksum = UInt32(byteCount % 65_521) << 16 | 1
        return Chunk.file(
            [Chunk.header(width: width, height: height, bitDepth: bitDepth, colorType: colorType, interlace: interlace)]
                + before + [Chunk(name: "IDAT", data: [0x78, 0xda] + bits.bytes + bigEndianBytes(checksum)), .end])
    }

    private struct BitWriter {
        private(set) var bytes: [UInt8] = []
        private var used = 8

        /// Bits of a number, the lowest first.
        mutating func write(_ value: Int, count: Int) {
            for bit in 0..<count { append(value >> bit & 1 == 1) }
        }

        /// Bits of a Huffman code, the highest first.
        mutating func writeCode(_ value: Int, count: Int) {
            for bit in (0..<count).reversed() { append(value >> bit & 1 == 1) }
        }

        private mutating func append(_ bit: Bool) {
            if used == 8 {
                bytes.append(0)
                used = 0
            }
            if bit { bytes[bytes.count - 1] |= 1 << UInt8(used) }
            used += 1
        }
    }

    /// A page of 600 dpi and an A0 sheet at 1 bit, and one colour of a palette: the ratio of decoded bytes to the file's is up to
    /// 5,000, and the files are what everybody's compressor makes.
    @Test(arguments: [
        (4960, 7016, 1, 0), (6000, 8000, 1, 3), (19866, 28087, 1, 0), (9000, 6000, 8, 3),
    ])
    func `a blank page is not called a bomb`(_ width: Int, _ height: Int, _ bitDepth: Int, _ colorType: Int) throws {
        let palette = colorType == 3 ? [Chunk(name: "PLTE", data: [9, 8, 7, 6, 5, 4])] : []
        let file = Self.blank(width: width, height: height, bitDepth: bitDepth, colorType: colorType, before: palette)
        let header = try probe(file)
        #expect(header.shape.width == width && header.shape.height == height)
        #expect(header.shape.byteCount / file.count > 400)
        // The rows come by themselves, in little memory.
        try file.withUnsafeBytes { bytes in
            let reader = try PNGReader(bytes)
            var row = [UInt8](repeating: 1, count: header.shape.bytesPerRow)
            try row.withUnsafeMutableBytes { try reader.readRows(into: #require($0.baseAddress), count: 1) }
            #expect(row.starts(with: colorType == 3 ? [9, 8, 7, 9, 8, 7] : [0, 0, 0]))
        }
    }

    @Test func `a blank page decodes to its last row`() throws {
        for interlace: UInt8 in [0, 1] {
            let file = Self.blank(width: 4960, height: 700, bitDepth: 1, colorType: 0, interlace: interlace)
            #expect(try PNGFile.decode(file).pixels.allSatisfy { $0 == 0 })
        }
    }

    /// Zlib streams that name a window of 256 bytes and reach back farther.
    @Test(arguments: [0, 1])
    func `distances beyond the window that the stream names are read, interlaced or not`(_ interlace: Int) throws {
        var random = SeededGenerator(seed: 17)
        let (width, height) = (64, 40)
        let passes = interlace == 1 ? Chunk.interlacedPasses(width: width, height: height) : [(width, height)]
        // Noise that repeats every 1200 bytes: all matches are farther away than 256.
        let noise = random.bytes(1_200)
        var position = 0
        let rows = passes.flatMap { width, height in
            (0..<height).flatMap { _ in
                [UInt8(0)]
                    + (0..<width).map { _ -> UInt8 in
                        position += 1
                        return noise[position % noise.count]
                    }
            }
        }
        let deflated = deflate(rows)
        #expect(deflated.count < rows.count * 3 / 4, "there are matches")
        for logarithm in 0...7 {
            let first = logarithm << 4 | 8
            let header = [UInt8(first), UInt8((31 - (first << 8) % 31) % 31)]
            let data = header + deflated + [3, 0] + bigEndianBytes(Adler32.checksum(rows))
            let file = Chunk.file([
                Chunk.header(width: width, height: height, bitDepth: 8, colorType: 0, interlace: UInt8(interlace)),
                Chunk(name: "IDAT", data: data), .end,
            ])
            let decoded = try PNGFile.decode(file)
            #expect(try decoded.pixels == Decoder.libpng.decode(file).pixels)
            if interlace == 0 {
                #expect(
                    decoded.pixels[3 * width..<4 * width].elementsEqual(rows[(3 * (width + 1) + 1)...].prefix(width)))
            }
        }
    }

    private func deflate(_ bytes: [UInt8]) -> [UInt8] {
        var output = [UInt8](repeating: 0, count: Deflater.maximumByteCount(bytes.count))
        let count = bytes.withUnsafeBytes { input in
            output.withUnsafeMutableBytes { Deflater().deflate(input, to: $0) }
        }
        return Array(output.prefix(count))
    }

    private static let gray = Chunk.header(width: 4, height: 2, bitDepth: 8, colorType: 0)
    private static let data = Chunk.stored([0, 1, 2, 3, 4, 0, 5, 6, 7, 8])
    private static let grayPixels: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]

    /// Transparency that does not count, and palettes that nobody needs: the picture is shown without.
    @Test(arguments: [
        [Chunk(name: "tRNS", data: [0])], [Chunk(name: "tRNS", data: [0, 1, 2])],
        [Chunk(name: "PLTE", data: [1, 2, 3])],
        [Chunk(name: "PLTE", data: [1, 2])], [Chunk(name: "tRNS", data: [])],
    ])
    func `transparency of a wrong size, and a palette in gray, are passed over`(_ chunks: [Chunk]) throws {
        let file = Chunk.file([Self.gray] + chunks + [Self.data, .end])
        for decoder in Decoder.allCases {
            let image = try decoder.decode(file)
            #expect(image.shape.format == PixelFormat(.gray, .eight) && image.pixels == Self.grayPixels)
        }
        #expect(try probe(file).shape.format.layout == .gray)
        #expect(try remarks(file).map(\.code) == [.partsIgnored])
    }

    @Test func `the transparency that counts is the first that is well-formed, in front of the image data`() throws {
        let one = Chunk(name: "tRNS", data: [0, 1])
        let two = Chunk(name: "tRNS", data: [0, 2])
        let start = PNGLayout.signature + Self.gray.framed
        let (data, end) = (Self.data.framed, Chunk.end.framed)
        let opaque = Self.grayPixels
        func transparent(_ value: UInt8) -> [UInt8] { opaque.flatMap { [$0, $0 == value ? 0 : 255] } }
        let cases: [([UInt8], [UInt8])] = [
            (one.framed + data, transparent(1)), (one.framed + two.framed + data, transparent(1)),
            (one.damaged + data, opaque), (one.damaged + two.framed + data, transparent(2)),
            (Chunk(name: "tRNS", data: [0]).framed + two.framed + data, transparent(2)), (data + one.framed, opaque),
        ]
        for (bytes, pixels) in cases {
            let file = start + bytes + end
            for decoder in Decoder.allCases { #expect(try decoder.decode(file).pixels == pixels) }
            #expect(try probe(file).shape.format.layout == (pixels == opaque ? .gray : .grayAlpha))
        }
    }

    @Test func `transparency in front of the palette, longer than it, or of an image with alpha is passed over`() throws
    {
        let palette = Chunk(name: "PLTE", data: [10, 11, 12, 20, 21, 22])
        let indexed = Chunk.header(width: 2, height: 1, bitDepth: 8, colorType: 3)
        let indices = Chunk.stored([0, 0, 1])
        let alpha = Chunk(name: "tRNS", data: [5])
        for chunks in [
            [alpha, palette], [palette, Chunk(name: "tRNS", data: [1, 2, 3])],
            [palette, Chunk(name: "tRNS", data: [])],
        ] {
            let file = Chunk.file([indexed] + chunks + [indices, .end])
            for decoder in Decoder.allCases {
                #expect(try decoder.decode(file).pixels == [10, 11, 12, 20, 21, 22])
            }
            #expect(try probe(file).shape.format.layout == .rgb)
        }
        // The transparent colour of RGB counts, unless a suggested palette follows it.
        let rgb = Chunk.header(width: 1, height: 1, bitDepth: 8, colorType: 2)
        let key = Chunk(name: "tRNS", data: [0, 1, 0, 2, 0, 3])
        let cases: [([Chunk], [UInt8])] = [
            ([palette, key], [1, 2, 3, 0]), ([key, palette], [1, 2, 3]), ([key], [1, 2, 3, 0]),
        ]
        for (chunks, pixels) in cases {
            let file = Chunk.file([rgb] + chunks + [.stored([0, 1, 2, 3]), .end])
            for decoder in Decoder.allCases { #expect(try decoder.decode(file).pixels == pixels) }
            #expect(try probe(file).shape.format.channelCount == pixels.count)
        }
        for colorType in [4, 6] {
            let header = Chunk.header(width: 1, height: 1, bitDepth: 8, colorType: colorType)
            let row: [UInt8] = [0] + [UInt8](repeating: 9, count: colorType == 4 ? 2 : 4)
            for chunk in [alpha, Chunk(name: "tRNS", data: [0, 9]), key, palette] {
                let file = Chunk.file([header, chunk, .stored(row), .end])
                for decoder in Decoder.allCases { #expect(try decoder.decode(file).pixels == Array(row.dropFirst())) }
            }
        }
    }

    @Test func `a palette of more colours than its bits name is cut`() throws {
        let colors = (0..<6).flatMap { index -> [UInt8] in [UInt8(10 * index), 1, 2] }
        for bitDepth in [1, 2] {
            let file = Chunk.file([
                Chunk.header(width: 2, height: 1, bitDepth: bitDepth, colorType: 3), Chunk(name: "PLTE", data: colors),
                .stored([0, bitDepth == 1 ? 0b0100_0000 : 0b0011_0000]), .end,
            ])
            let last = UInt8(10 * ((1 << bitDepth) - 1))
            for decoder in Decoder.allCases { #expect(try decoder.decode(file).pixels == [0, 1, 2, last, 1, 2]) }
        }
        // Transparency may not be longer than the colours that are left.
        let file = Chunk.file([
            Chunk.header(width: 2, height: 1, bitDepth: 1, colorType: 3), Chunk(name: "PLTE", data: colors),
            Chunk(name: "tRNS", data: [1, 2, 3]), .stored([0, 0b0100_0000]), .end,
        ])
        for decoder in Decoder.allCases { #expect(try decoder.decode(file).pixels == [0, 1, 2, 10, 1, 2]) }
    }

    @Test func `the end of the file may have data, and anything behind it`() throws {
        let end = Chunk(name: "IEND", data: [1, 2, 3])
        let tails: [[UInt8]] = [
            [], [0], [UInt8](repeating: 0, count: 4096), Chunk.file([Self.gray, Self.data, .end]),
        ]
        for tail in tails {
            for last in [Chunk.end, end] {
                let file = Chunk.file([Self.gray, Self.data, last]) + tail
                for decoder in Decoder.allCases { #expect(try decoder.decode(file).pixels == Self.grayPixels) }
                #expect(try remarks(file).isEmpty)
            }
        }
    }

    @Test func `a name that is not letters is passed over if it begins as an ancillary chunk's does`() throws {
        func file(_ name: [UInt8]) -> [UInt8] {
            let strange: [UInt8] = bigEndianBytes(1) + name + [7] + bigEndianBytes(CRC32.checksum(name + [7]))
            return PNGLayout.signature + Self.gray.framed + strange + Self.data.framed + Chunk.end.framed
        }
        for name in [Array("te8t".utf8), Array("p\u{0}\u{1}\u{2}".utf8), Array("abcd".utf8), [0x7a, 0xff, 0x80, 0x00]] {
            #expect(try PNGFile.decode(file(name)).pixels == Self.grayPixels)
        }
        for name in [Array("Te8t".utf8), Array("8ext".utf8), [0, 0, 0, 0], [0xe1, 0x62, 0x63, 0x64]] {
            #expect(codecError { _ = try PNGFile.decode(file(name)) }?.kind == .corrupt)
        }
    }

    @Test func `a chunk that is longer than the file is named as the place where it was cut`() throws {
        for name in ["tEXt", "IDAT", "prVt"] {
            for length: UInt32 in [100, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff] {
                let start: [UInt8] = PNGLayout.signature + Self.gray.framed
                let bytes: [UInt8] = start + bigEndianBytes(length) + Array(name.utf8) + [1, 2, 3, 4]
                let error = try #require(codecError { _ = try PNGFile.decode(bytes) })
                #expect(error.kind == .corrupt && error.reason.contains("\(name) chunk at byte 33"), "\(error)")
                #expect(codecError { _ = try probe(bytes + [UInt8](repeating: 0, count: 20)) } != nil || name == "IDAT")
            }
        }
    }
}
