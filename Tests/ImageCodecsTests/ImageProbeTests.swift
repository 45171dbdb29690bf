import Pipelines
import Testing

@testable import ImageCodecs
@testable import ImageFormats

@Suite struct ImageProbeTests {
    private let data = Chunk.stored([0, 0])

    private func file(width: Int, height: Int, bitDepth: Int = 8, colorType: Int = 0, interlace: UInt8 = 0) -> [UInt8] {
        let header = Chunk.header(
            width: width, height: height, bitDepth: bitDepth, colorType: colorType, interlace: interlace)
        return Chunk.file([header, data, .end])
    }

    @Test(arguments: [
        ("JPEG 2000", [0xff, 0x4f, 0xff, 0x51, 0, 16, 0x4a, 0x46], CodecError.Kind.unsupported),
        ("GIF", Array("GIF89a..".utf8), .unsupported), ("begins with 00 01 0a ff", [0, 1, 10, 255], .corrupt),
        ("empty", [], .corrupt),
        ("begins with 89 50 4e 47 0d 0a 1a", [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a], .corrupt),
    ])
    func `a file that is not PNG is refused by what it begins with`(
        _ text: String, _ start: [UInt8], _ kind: CodecError.Kind
    ) throws {
        let error = try #require(codecError { _ = try probe(start) })
        #expect(error.kind == kind && error.reason.contains(text), "\(error)")
    }

    /// Files by what they are, of which the first bytes are ASCII characters.
    private static let otherKinds: [(name: String, start: String, kind: CodecError.Kind)] = [
        ("a HEIC file", "\0\0\0\u{1c}ftypheic", .unsupported), ("a HEIC file", "\0\0\0\u{18}ftypmif1", .unsupported),
        ("an AVIF file", "\0\0\0\u{1c}ftypavif", .unsupported), ("a video file", "\0\0\0\u{1c}ftypisom", .corrupt),
        ("an SVG file", "<?xml version=\"1.0\"?>\n<svg width=\"3\"", .unsupported),
        ("a Photoshop file (PSD)", "8BPS\0\u{1}", .unsupported), ("a PGM file", "P5\n3 2\n255\n", .unsupported),
        ("a PPM file", "P6 3 2 255\n", .unsupported), ("a JPEG 2000 file", "\0\0\0\u{c}jP  ", .unsupported),
        ("a JPEG XL file", "\0\0\0\u{c}JXL ", .unsupported), ("an OpenEXR file", "v/1\u{1}", .unsupported),
        ("a DICOM file", String(repeating: "\0", count: 128) + "DICM", .unsupported),
        ("a FITS file", "SIMPLE  =                    T", .unsupported), ("a PDF file", "%PDF-1.7", .unsupported),
        ("a ZIP archive", "PK\u{3}\u{4}", .corrupt), ("a web page (HTML)", "<!DOCTYPE html>", .corrupt),
        ("a text file", "It was a dark and stormy night.\n", .corrupt),
    ]

    @Test func `a file of another format is called by its name`() throws {
        for other in Self.otherKinds {
            let error = try #require(codecError { _ = try probe(Array(other.start.utf8)) })
            #expect(error.kind == other.kind && error.reason.contains("it is \(other.name)."), "\(error)")
        }
    }

    @Test func `the shape is the decoded one`() throws {
        let palette = Chunk(name: "PLTE", data: [1, 2, 3, 4, 5, 6])
        let cases: [(Int, Int, [Chunk], PixelFormat)] = [
            (0, 1, [], PixelFormat(.gray, .eight)), (0, 4, [], PixelFormat(.gray, .eight)),
            (0, 2, [Chunk(name: "tRNS", data: [0, 1])], PixelFormat(.grayAlpha, .eight)),
            (0, 16, [], PixelFormat(.gray, .sixteen)), (2, 8, [], PixelFormat(.rgb, .eight)),
            (2, 16, [Chunk(name: "tRNS", data: [0, 1, 0, 1, 0, 1])], PixelFormat(.rgba, .sixteen)),
            (3, 1, [palette], PixelFormat(.rgb, .eight)),
            (3, 8, [palette, Chunk(name: "tRNS", data: [7])], PixelFormat(.rgba, .eight)),
            (4, 16, [], PixelFormat(.grayAlpha, .sixteen)), (6, 8, [palette], PixelFormat(.rgba, .eight)),
        ]
        for (colorType, bitDepth, chunks, format) in cases {
            let header = Chunk.header(width: 3, height: 2, bitDepth: bitDepth, colorType: colorType)
            let seen = try probe(Chunk.file([header] + chunks + [data, .end]))
            #expect(seen.shape == ImageShape(width: 3, height: 2, format: format))
        }
        #expect(try probe(PngSuite.read("basi2c08.png")).needsWholeImage)
    }

    @Test func `of a usual file, little more than what is before the image data is read`() throws {
        let shape = ImageShape(width: 300, height: 200, format: PixelFormat(.rgb, .eight))
        let file = PNGFile.encode(shape: shape, pixels: sampleImage(shape))
        var byteCount = 0
        _ = try ImageFormats.probe(byteCount: UInt64(file.count)) { offset, count in
            byteCount += count
            return Array(file[Int(offset)..<Int(offset) + count])
        }
        #expect(byteCount <= 600 && file.count > 40 * byteCount, "\(byteCount) bytes of \(file.count)")
    }

    @Test func `what the reading throws is passed on`() {
        struct Gone: Error {}
        #expect(throws: Gone.self) { try ImageFormats.probe(byteCount: 100) { _, _ in throw Gone() } }
    }

    @Test func `every number in the header is checked against what PNG allows`() throws {
        for (index, value) in [(8, 3), (8, 0), (9, 1), (9, 5), (9, 7)] {
            var header = Chunk.header(width: 3, height: 2, bitDepth: 8, colorType: 0)
            header.data[index] = UInt8(value)
            #expect(codecError { _ = try probe(Chunk.file([header, data, .end])) }?.kind == .corrupt)
        }
        for index in 10...12 {
            var header = Chunk.header(width: 3, height: 2, bitDepth: 8, colorType: 0)
            header.data[index] = 2
            #expect(codecError { _ = try probe(Chunk.file([header, data, .end])) }?.kind == .unsupported)
        }
        for (width, height) in [(0, 1), (1, 0), (0x8000_0000, 1)] {
            #expect(codecError { _ = try probe(file(width: width, height: height)) }?.kind == .corrupt)
        }
    }

    @Test func `an image above a limit is refused with its value and the limit, one at the limit is not`() throws {
        let limits = DecodingLimits(maximumPixelCount: 600, maximumSide: 100)
        #expect(throws: Never.self) { try probe(file(width: 100, height: 6), limits: limits) }
        let side = try #require(codecError { _ = try probe(file(width: 101, height: 5), limits: limits) })
        #expect(side.kind == .overLimit && side.reason.contains("101 x 5") && side.reason.contains("at most 100"))
        let area = try #require(codecError { _ = try probe(file(width: 100, height: 7), limits: limits) })
        #expect(area.kind == .overLimit && area.reason.contains("700 pixels") && area.reason.contains("at most 600"))
        // The largest that a header can say overflows nothing.
        let unlimited = DecodingLimits(maximumPixelCount: .max, maximumSide: .max)
        let huge = file(width: 0x7fff_ffff, height: 0x7fff_ffff, bitDepth: 16, colorType: 6)
        #expect(codecError { _ = try probe(huge, limits: unlimited) }?.kind == .overLimit)
    }

    @Test func `a file that cannot have the pixels that it claims is damaged`() throws {
        // 16 MiB may come from anything: decoding finds out. More needs a byte for 1032, which is as far as deflate goes.
        #expect(throws: Never.self) { try probe(file(width: 4096, height: 4095)) }
        let error = try #require(codecError { _ = try probe(file(width: 4096, height: 4097)) })
        #expect(error.kind == .corrupt && error.reason.contains("4096 x 4097") && error.reason.contains("16264 bytes"))
        // Bits are counted as bits: eight times as many pixels of one bit.
        #expect(throws: Never.self) { try probe(file(width: 8 * 4096, height: 4095, bitDepth: 1)) }
        #expect(codecError { _ = try probe(file(width: 8 * 4096, height: 4097, bitDepth: 1)) }?.kind == .corrupt)
        let padding = Chunk(name: "prVt", data: [UInt8](repeating: 0, count: 16_264))
        let header = Chunk.header(width: 4096, height: 4097, bitDepth: 8, colorType: 0)
        #expect(throws: Never.self) { try probe(Chunk.file([header, padding, data, .end])) }
    }

    @Test func `a file that decodes to much more than its size is refused above a limit, which the reason names`()
        throws
    {
        let limits = DecodingLimits(maximumUnpackedByteCount: 1 << 20)
        #expect(throws: Never.self) { try probe(file(width: 1024, height: 1024), limits: limits) }
        let error = try #require(codecError { _ = try probe(file(width: 1024, height: 1025), limits: limits) })
        #expect(
            error.kind == .overLimit && error.reason.contains("1048576") && error.reason.contains("max-unpacked-bytes"))
        // A palette makes three bytes of one; the alpha channel that tRNS adds counts.
        let indexed = Chunk.header(width: 512, height: 512, bitDepth: 8, colorType: 3)
        let palette = Chunk(name: "PLTE", data: [1, 2, 3, 4, 5, 6])
        let transparency = Chunk(name: "tRNS", data: [7])
        #expect(throws: Never.self) {
            try probe(Chunk.file([indexed, palette, transparency, data, .end]), limits: limits)
        }
        let larger = Chunk.header(width: 513, height: 512, bitDepth: 8, colorType: 3)
        #expect(throws: Never.self) { try probe(Chunk.file([larger, palette, data, .end]), limits: limits) }
        let bomb = Chunk.file([larger, palette, transparency, data, .end])
        #expect(codecError { _ = try probe(bomb, limits: limits) }?.kind == .overLimit)
        // A thousandth of it is enough.
        let padding = Chunk(name: "prVt", data: [UInt8](repeating: 0, count: 1_050))
        #expect(throws: Never.self) {
            try probe(Chunk.file([larger, palette, transparency, padding, data, .end]), limits: limits)
        }
    }

    @Test func `an interlaced image that would not fit in memory is refused`() throws {
        let limits = DecodingLimits(maximumInterlacedByteCount: 100)
        #expect(throws: Never.self) { try probe(file(width: 10, height: 10, interlace: 1), limits: limits) }
        let error = codecError { _ = try probe(file(width: 10, height: 11, interlace: 1), limits: limits) }
        #expect(error?.kind == .overLimit)
        #expect(throws: Never.self) { try probe(file(width: 10, height: 11), limits: limits) }
    }

    @Test func `very many small chunks are passed over in few reads, and no byte is read twice`() throws {
        let header = Chunk.header(width: 3, height: 2, bitDepth: 8, colorType: 0)
        let file = Chunk.file(
            [header] + [Chunk](repeating: Chunk(name: "teSt", data: []), count: 50_000) + [data, .end])
        var (readCount, byteCount) = (0, 0)
        _ = try ImageFormats.probe(byteCount: UInt64(file.count)) { offset, count in
            readCount += 1
            byteCount += count
            return Array(file[Int(offset)..<Int(offset) + count])
        }
        #expect(readCount < 30 && byteCount < file.count + 30 * 8)
    }

    @Test func `large chunks are passed over unread`() throws {
        let header = Chunk.header(width: 3, height: 2, bitDepth: 8, colorType: 0)
        let large = Chunk(name: "caBX", data: [UInt8](repeating: 7, count: 3 << 20))
        let file = Chunk.file([header, large, large, large, data, .end])
        var byteCount = 0
        _ = try ImageFormats.probe(byteCount: UInt64(file.count)) { offset, count in
            byteCount += count
            return Array(file[Int(offset)..<Int(offset) + count])
        }
        #expect(byteCount < 10_000)
    }

    @Test func `a header with a wrong checksum is refused before it is believed`() {
        var bytes = file(width: 10, height: 10)
        bytes[8 + 8 + 3] = 200
        #expect(codecError { _ = try probe(bytes) }?.reason.contains("checksum of its IHDR") == true)
    }

    @Test(arguments: ["page=2", "level=1"])
    func `a page or level is refused for formats that have one image a file, before anything is computed`(
        _ options: String
    ) throws {
        let file = file(width: 1, height: 1)
        func probe(_ options: String) throws -> ImageHeader {
            var limits = DecodingLimits()
            limits.options = try DecodingOptions(parsing: options)
            return try ImageFormats.probe(byteCount: UInt64(file.count), limits: limits) { offset, count in
                Array(file[Int(offset)..<Int(offset) + count])
            }
        }
        let error = try #require(codecError { _ = try probe(options) })
        #expect(error.kind == .unsupported && error.reason.contains("PNG") && error.reason.contains("asked for"))
        #expect(try probe("page=1 level=0").shape.width == 1)
    }
}
