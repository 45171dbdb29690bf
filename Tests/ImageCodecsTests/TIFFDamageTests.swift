import Checksums
import Foundation
import JobModel
import Pipelines
import SeededRandom
import Testing

@testable import ImageCodecs
@testable import ImageFormats

/// TIFF files that are broken, mean harm, or hold what is not read.
@Suite struct TIFFDamageTests {
    /// Refuses images that would make the tests slow; damage likes to change the size.
    private static let limits = DecodingLimits(maximumPixelCount: 1 << 16)
    private static var lenient: DecodingLimits {
        var lenient = limits
        lenient.options.isLenient = true
        return lenient
    }

    private static func read(_ file: String) throws -> [UInt8] {
        let url = try #require(Bundle.module.url(forResource: file, withExtension: nil, subdirectory: "TIFFFiles"))
        return [UInt8](try Data(contentsOf: url))
    }

    private static func digests() throws -> [(name: String, shape: [Int], checksum: String)] {
        String(decoding: try read("digests.txt"), as: UTF8.self).split(separator: "\n").map { line in
            let words = line.split(separator: " ").map(String.init)
            return (words[0], words[1...4].compactMap { Int($0) }, words[5])
        }
    }

    @Test func `files of libtiff's own writer decode as libtiff decodes them`() throws {
        let digests = try Self.digests()
        #expect(digests.count == 13)
        for digest in digests {
            let file = try Self.read(digest.name)
            let image = try ImageFile.decode(file)
            let format = image.shape.format
            #expect(
                [image.shape.width, image.shape.height, format.channelCount, Int(format.depth.rawValue)] == digest.shape
            )
            let checksum = String(CRC32.checksum(image.pixels), radix: 16)
            #expect(String(repeating: "0", count: 8 - checksum.count) + checksum == digest.checksum, "\(digest.name)")
            let bytesPerRow = image.shape.bytesPerRow
            #expect(try decodeByPieces(file, 14..<33) == Array(image.pixels[14 * bytesPerRow..<33 * bytesPerRow]))
        }
    }

    /// Files of few bytes, one of each kind of structure.
    private static let small: [SampleTIFF] = [
        SampleTIFF(width: 5, height: 4, rowsPerStrip: 2),
        SampleTIFF(width: 5, height: 4, photometric: 2, sampleCount: 3, compression: .lzw, isPlanar: true),
        SampleTIFF(
            width: 5, height: 4, bits: 16, compression: .deflate, isPredicted: true, form: TIFFForm(order: .bigEndian)),
        SampleTIFF(
            width: 5, height: 4, bits: 2, photometric: 3, compression: .packBits, form: TIFFForm(isBig: true),
            palette: SampleTIFF.palette(bits: 2)),
        SampleTIFF(width: 5, height: 4, compression: .zstd, tile: (16, 16)),
    ]

    @Test(arguments: small.indices) func `a file cut short at any byte is refused, or shows the same picture`(
        _ index: Int
    ) throws {
        // The directories are at the end: what can be missing is the offset of the next one.
        let file = Self.small[index].file()
        let whole = try ImageFile.decode(file).pixels
        for count in 0..<file.count {
            let part = Array(file[..<count])
            let probed = Result { try probe(part, limits: Self.limits) }
            do {
                let image = try ImageFile.decode(part, limits: Self.limits)
                #expect(image.pixels == whole && count >= file.count - 600, "cut at \(count)")
                #expect((try? probed.get())?.shape == image.shape)
            } catch {
                #expect(error.kind == .corrupt && !error.reason.isEmpty, "cut at \(count): \(error)")
            }
        }
    }

    @Test func `strips that are cut off at the end of the file are missed before anything is decoded`() throws {
        // The directory first, the picture behind it.
        let image = SampleTIFF(width: 40, height: 50, rowsPerStrip: 10)
        let samples = image.samples()
        let byteCount = image.form.directory(
            image.directoryFields(offsets: [0, 0, 0, 0, 0], byteCounts: [400, 400, 400, 400, 400]), at: 8
        ).count
        let start = UInt64(8 + byteCount)
        let fields = image.directoryFields(
            offsets: (0..<5).map { start + 400 * $0 }, byteCounts: [UInt64](repeating: 400, count: 5))
        let file =
            image.form.header(firstDirectory: 8) + image.form.directory(fields, at: 8)
            + image.pieces(samples).flatMap { $0 }
        #expect(try ImageFile.decode(file).pixels == image.pixels(samples))
        let error = try #require(codecError { _ = try probe(Array(file.dropLast())) })
        #expect(error.kind == .corrupt && error.reason.contains("strip 4"), "\(error)")
        // As much as there is, if that is asked for.
        let cut = Array(file.dropLast(500))
        let decoded = try ImageFile.decode(cut, limits: Self.lenient).pixels
        #expect(decoded == image.pixels(samples).dropLast(500) + [UInt8](repeating: 0, count: 500))
        #expect(
            try remarks(ofTIFF: cut, Self.lenient) == [ImageRemark(.damagedImageData, count: 2, byteCount: 300)])
    }

    @Test(arguments: small.indices) func `every byte damaged once never crashes, and probe and decoder agree`(
        _ index: Int
    ) throws {
        let file = Self.small[index].file()
        var refusedCount = 0
        for position in file.indices {
            for value in [file[position] ^ 0xff, file[position] ^ 1, file[position] &+ 16] {
                var changed = file
                changed[position] = value
                Self.tryOut(changed, &refusedCount)
            }
        }
        #expect(refusedCount > 50)
    }

    @Test func `every byte of JPEG files damaged once never crashes`() throws {
        var refusedCount = 0
        for name in ["jpeg-strips.tif", "jpeg-tiles.tif", "zstd-planar.tif"] {
            let file = try Self.read(name)
            for position in file.indices {
                var changed = file
                changed[position] ^= 1 << UInt8(position % 8)
                Self.tryOut(changed, &refusedCount)
            }
        }
        #expect(refusedCount > 200)
    }

    /// Probes and decodes a file, strictly and not.
    private static func tryOut(_ file: [UInt8], _ refusedCount: inout Int) {
        let probed = try? probe(file, limits: limits)
        if let image = try? ImageFile.decode(file, limits: limits) {
            #expect(probed?.shape == image.shape)
            #expect((try? decodeByPieces(file, 0..<image.shape.height, limits: limits)) == image.pixels)
            #expect((try? ImageFile.decode(file, limits: lenient))?.pixels == image.pixels)
        } else {
            refusedCount += 1
            // A lenient job gets a picture of what the header says.
            if let probed, let image = try? ImageFile.decode(file, limits: lenient) {
                #expect(image.shape == probed.shape)
            }
        }
    }

    @Test func `a damaged piece refuses the image, or is decoded as far as it goes`() throws {
        for compression in [SampleTIFF.Compression.lzw, .deflate, .packBits, .zstd] {
            var image = SampleTIFF(compression: compression, rowsPerStrip: 5)
            let samples = image.samples()
            var pieces = image.pieces(samples)
            pieces[1] = Array(pieces[1].prefix(pieces[1].count / 3))
            image.fields = []
            let file = Self.file(image, pieces)
            let error = try #require(codecError { _ = try ImageFile.decode(file) })
            #expect(error.kind == .corrupt && error.reason.contains("strip 1, of rows 5 to 9"), "\(error)")
            #expect(codecError { _ = try decodeByPieces(file, 6..<7) }?.kind == .corrupt)
            let expected = image.pixels(samples)
            let bytesPerRow = image.width
            #expect(try decodeByPieces(file, 0..<5) == Array(expected[..<(5 * bytesPerRow)]))
            let decoded = try ImageFile.decode(file, limits: Self.lenient).pixels
            #expect(decoded[..<(5 * bytesPerRow)] == expected[..<(5 * bytesPerRow)])
            #expect(decoded[(10 * bytesPerRow)...] == expected[(10 * bytesPerRow)...])
            #expect(
                try remarks(ofTIFF: file, Self.lenient) == [
                    ImageRemark(.damagedImageData, count: 1, byteCount: UInt64(pieces[1].count))
                ])
        }
    }

    /// A JPEG strip of which the end is missing: libjpeg fills it up with gray, and warns.
    @Test func `truncated JPEG data is damage`() throws {
        var file = try Self.read("jpeg-gray.tif")
        // The last strip's byte count, 2 of 5, is made smaller.
        let source = try TIFFSource(byteCount: UInt64(file.count)) { offset, count in
            Array(file[Int(offset)..<Int(offset) + count])
        }
        let directory = try TIFFDirectory(at: source.firstDirectory, in: source)
        let field = try #require(directory[.stripByteCounts])
        let counts = try #require(try directory.numbers(.stripByteCounts, count: 5, in: source))
        file.replaceSubrange(
            Int(field.offset) + 2 * field.type.byteCount..<Int(field.offset) + 3 * field.type.byteCount,
            with: TIFFByteOrder.littleEndian.bytes(counts[2] / 2, count: field.type.byteCount))
        let error = try #require(codecError { _ = try ImageFile.decode(file) })
        #expect(error.kind == .corrupt && error.reason.contains("strip 2"), "\(error)")
        #expect(try remarks(ofTIFF: file, Self.lenient).map(\.code) == [.damagedImageData])
    }

    @Test func `empty pieces are damage`() throws {
        let image = SampleTIFF(compression: .deflate, tile: (16, 16))
        var pieces = image.pieces(image.samples())
        pieces[1] = []
        let file = Self.file(image, pieces)
        let error = try #require(codecError { _ = try ImageFile.decode(file) })
        #expect(error.reason.contains("tile 1") && error.reason.contains("no bytes"), "\(error)")
        let pixels = try ImageFile.decode(file, limits: Self.lenient).pixels
        #expect(pixels[16..<21].allSatisfy { $0 == 0 })
    }

    /// A file with these pieces instead of its own.
    private static func file(_ image: SampleTIFF, _ pieces: [[UInt8]]) -> [UInt8] {
        var body: [UInt8] = []
        var offsets: [UInt64] = []
        for piece in pieces {
            offsets.append(UInt64(8 + body.count))
            body += piece
        }
        if body.count % 2 == 1 { body.append(0) }
        let fields = image.directoryFields(offsets: offsets, byteCounts: pieces.map { UInt64($0.count) })
        let start = UInt64(8 + body.count)
        return image.form.header(firstDirectory: start) + body + image.form.directory(fields, at: start)
    }

    // MARK: Structures

    private static func header(_ fields: [TIFFFieldBytes]) -> [UInt8] {
        TIFFForm().header(firstDirectory: 8) + TIFFForm().directory(fields, at: 8)
    }

    /// The fields of an image, of which some are replaced, in a file with 64 bytes of image data.
    private static func claim(_ fields: [TIFFFieldBytes]) -> [UInt8] {
        var image = SampleTIFF(width: 4, height: 4)
        image.fields = fields
        return image.file()
    }

    private static func long(_ tag: TIFFTag, _ numbers: UInt64...) -> TIFFFieldBytes {
        TIFFFieldBytes(tag, .long, numbers)
    }

    @Test func `loops of directories end`() throws {
        let image = SampleTIFF(width: 4, height: 4)
        var file = SampleTIFF.file([(image, image.samples()), (image, image.samples(seed: 2))])
        let source = try TIFFSource(byteCount: UInt64(file.count)) { offset, count in
            Array(file[Int(offset)..<Int(offset) + count])
        }
        let first = source.firstDirectory
        let second = try TIFFDirectory(at: first, in: source).next
        let fieldCount = image.directoryFields(offsets: [0], byteCounts: [0]).count
        for target in [first, second] {
            SampleTIFF.setNext(in: &file, image.form, second, fieldCount: fieldCount, to: target)
            // The pages that there are can be read.
            for page in 1...2 {
                var limits = Self.limits
                limits.options.page = page
                #expect(
                    try ImageFile.decode(file, limits: limits).pixels == image.pixels(image.samples(seed: UInt64(page)))
                )
            }
            var limits = Self.limits
            limits.options.page = 3
            let error = codecError { _ = try probe(file, limits: limits) }
            #expect(
                error?.kind == .corrupt && error?.reason.contains("loop") == true, "\(String(describing: error))"
            )
        }
        let own = Self.claim([Self.long(.subIFDs, first)])
        var limits = Self.limits
        limits.options.level = 1
        #expect(codecError { _ = try probe(own, limits: limits) } != nil)
    }

    @Test func `wrong numbers are refused before memory is taken`() throws {
        let huge: UInt64 = 0xffff_ffff
        let cases: [(String, [TIFFFieldBytes], CodecError.Kind)] = [
            ("no width", [Self.long(.imageWidth, 0)], .corrupt), ("no height", [Self.long(.imageLength, 0)], .corrupt),
            ("huge", [Self.long(.imageWidth, huge), Self.long(.imageLength, huge)], .overLimit),
            ("many pixels", [Self.long(.imageWidth, 900_000), Self.long(.imageLength, 900_000)], .overLimit),
            ("tall", [Self.long(.imageLength, 900_000)], .corrupt),
            ("tall, in one strip", [Self.long(.imageLength, 900_000), Self.long(.rowsPerStrip, huge)], .corrupt),
            ("no rows in a strip", [Self.long(.rowsPerStrip, 0)], .corrupt),
            ("offsets beyond the end", [Self.long(.stripOffsets, 0xffff_fff0)], .corrupt),
            ("bytes beyond the end", [Self.long(.stripByteCounts, 5), Self.long(.stripOffsets, 0xff)], .corrupt),
            ("too few bytes", [Self.long(.stripByteCounts, 5)], .corrupt),
            ("tiles without a length", [Self.long(.tileWidth, 16)], .corrupt),
            (
                "tiles without a width",
                [Self.long(.tileWidth, 0), Self.long(.tileLength, 16), Self.long(.tileOffsets, 8)], .corrupt
            ),
            (
                "huge tiles",
                [Self.long(.tileWidth, 60_000), Self.long(.tileLength, 60_000), Self.long(.tileOffsets, 8)], .overLimit
            ),
            ("no samples", [Self.long(.samplesPerPixel, 0)], .corrupt),
            ("fewer samples than colours", [Self.long(.photometric, 2)], .corrupt),
            ("no palette", [Self.long(.photometric, 3)], .corrupt),
            ("a short palette", [Self.long(.photometric, 3), Self.long(.colorMap, 1, 2, 3)], .corrupt),
            ("planar", [Self.long(.planarConfiguration, 3)], .corrupt),
            ("wrong subsampling", Self.jpeg + [Self.long(.yCbCrSubsampling, 3, 0)], .corrupt),
        ]
        for (what, fields, kind) in cases {
            let file = Self.claim(fields)
            let error = codecError { _ = try ImageFile.decode(file) }
            #expect(error?.kind == kind, "\(what): \(String(describing: error))")
        }
        for (what, file) in [
            ("no directory", TIFFForm().header(firstDirectory: 0)),
            ("a directory beyond the end", TIFFForm().header(firstDirectory: 99)),
            ("an empty directory", TIFFForm().header(firstDirectory: 8) + [0, 0, 0, 0, 0, 0]),
            ("BigTIFF with short offsets", [0x49, 0x49, 43, 0, 4, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0]),
            ("BigTIFF, cut", [0x49, 0x49, 43, 0, 8, 0]), ("a header, cut", [0x4d, 0x4d, 0, 42, 0]),
        ] {
            #expect(codecError { _ = try probe(file) }?.kind == .corrupt, "\(what)")
        }
    }

    private static let jpeg = [
        long(.compression, 7), long(.photometric, 6), long(.samplesPerPixel, 3), long(.bitsPerSample, 8, 8, 8),
    ]

    @Test func `what is not read is named, with what is`() throws {
        let rgb = [Self.long(.photometric, 2), Self.long(.samplesPerPixel, 3)]
        let cases: [(String, [TIFFFieldBytes])] = [
            ("floating-point", [Self.long(.sampleFormat, 3), Self.long(.bitsPerSample, 32)]),
            ("signed", [Self.long(.sampleFormat, 2)]), ("32 bits", [Self.long(.bitsPerSample, 32)]),
            ("12 bits", [Self.long(.bitsPerSample, 12)]), ("5 and 6 bits", rgb + [Self.long(.bitsPerSample, 5, 6, 5)]),
            ("5 samples", [Self.long(.samplesPerPixel, 5)]),
            ("CMYK", [Self.long(.photometric, 5), Self.long(.samplesPerPixel, 4)]),
            ("Lab", [Self.long(.photometric, 8), Self.long(.samplesPerPixel, 3)]),
            ("mask", [Self.long(.photometric, 4)]), ("raw samples", [Self.long(.photometric, 32803)]),
            ("YCbCr that is not JPEG", [Self.long(.photometric, 6), Self.long(.samplesPerPixel, 3)]),
            ("CCITT", [Self.long(.compression, 4)]), ("old-style JPEG", [Self.long(.compression, 6)]),
            ("LogLuv", [Self.long(.compression, 34676)]), ("JPEG 2000", [Self.long(.compression, 33005)]),
            ("LERC", [Self.long(.compression, 34887)]), ("method 4711", [Self.long(.compression, 4711)]),
            ("predictor 3", [Self.long(.compression, 8), Self.long(.predictor, 3)]),
            ("2 samples in a pixel besides", [Self.long(.samplesPerPixel, 3)]),
            ("raw file", [Self.long(.dngVersion, 1)]),
            ("raw file", [Self.long(.newSubfileType, 1), Self.long(.subIFDs, 8)]),
            ("JPEG of 16 bits", [Self.long(.compression, 7), Self.long(.bitsPerSample, 16)]),
            ("a plane for each", Self.jpeg + [Self.long(.planarConfiguration, 2)]),
        ]
        for (words, fields) in cases {
            let error = codecError { _ = try probe(Self.claim(fields)) }
            #expect(
                error?.kind == .unsupported && error?.reason.contains(words) == true,
                "\(words): \(String(describing: error))")
        }
    }

    @Test func `a file of a few bytes does not claim an image of gigabytes`() throws {
        // One strip for all, of which each compression could make some of what is claimed.
        for (compression, side) in [(1, 9_000), (5, 20_000), (8, 20_000), (32773, 9_000), (7, 30_000), (50000, 60_000)]
            as [(UInt64, UInt64)]
        {
            let file = Self.claim([
                Self.long(.imageWidth, side), Self.long(.imageLength, side), Self.long(.rowsPerStrip, side),
                Self.long(.compression, compression),
            ])
            let error = codecError { _ = try probe(file) }
            #expect(
                error?.kind == .corrupt || error?.kind == .overLimit, "\(compression): \(String(describing: error))")
        }
        // All tiles in one place: nothing is wrong with that, but for what it decodes to.
        let tiles = [UInt64](repeating: 8, count: 256 * 256)
        let bomb = SampleTIFF(
            width: 65_500, height: 65_500, photometric: 2, sampleCount: 3, compression: .deflate, tile: (256, 256))
        let fields = bomb.directoryFields(offsets: tiles, byteCounts: [UInt64](repeating: 400, count: tiles.count))
        var file = TIFFForm().header(firstDirectory: 408) + [UInt8](repeating: 0, count: 400)
        file += TIFFForm().directory(fields, at: 408)
        #expect(
            codecError { _ = try probe(file, limits: DecodingLimits(maximumPixelCount: 1 << 40)) }?.kind == .overLimit)
        // One strip of the whole image is held at once.
        let strip = SampleTIFF(width: 40_000, height: 40_000, compression: .deflate, rowsPerStrip: 40_000)
        var data = TIFFForm().header(firstDirectory: 2_000_008) + [UInt8](repeating: 0, count: 2_000_000)
        data += TIFFForm().directory(strip.directoryFields(offsets: [8], byteCounts: [2_000_000]), at: 2_000_008)
        let error = codecError { _ = try probe(data) }
        #expect(
            error?.kind == .overLimit && error?.reason.contains("max-interlaced-bytes") == true,
            "\(String(describing: error))")
        #expect(try probe(data, limits: DecodingLimits(maximumInterlacedByteCount: 8 << 30)).order == .whole)
    }

    @Test func `random bytes after a header never crash`() {
        var random = SeededGenerator(seed: 12)
        for _ in 0..<3_000 {
            let form = TIFFForm(
                order: Bool.random(using: &random) ? .littleEndian : .bigEndian, isBig: Bool.random(using: &random))
            let file =
                form.header(firstDirectory: form.isBig ? 16 : 8) + random.bytes(Int.random(in: 0...300, using: &random))
            #expect(codecError { _ = try probe(file) } != nil)
        }
    }
}
