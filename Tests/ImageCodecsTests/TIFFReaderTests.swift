import JobModel
import Pipelines
import SeededRandom
import Testing

@testable import ImageCodecs
@testable import ImageFormats

/// TIFF files of every kind that is read.
@Suite struct TIFFReaderTests {
    /// Every kind of pixel.
    private static let kinds: [SampleTIFF] =
        [1, 2, 4, 8, 16].map { SampleTIFF(bits: $0) }
        + [1, 4, 8, 16].map { SampleTIFF(bits: $0, photometric: 0) }
        + [1, 2, 4, 8].map { SampleTIFF(bits: $0, photometric: 3, palette: SampleTIFF.palette(bits: $0)) }
        + [4, 8, 16].map { SampleTIFF(bits: $0, photometric: 2, sampleCount: 3) }
        + [nil, 0, 1, 2].flatMap { extra in
            [8, 16].flatMap {
                [
                    SampleTIFF(bits: $0, photometric: 2, sampleCount: 4, extra: extra),
                    SampleTIFF(bits: $0, photometric: 1, sampleCount: 2, extra: extra),
                ]
            }
        }

    /// The ways to store pixels of a kind. Of byte orders, big files and reversed bits, each way has one; of all ways, every other
    /// kind has the same half.
    private static func variants(of index: Int) -> [SampleTIFF] {
        let kind = kinds[index]
        var variants: [SampleTIFF] = []
        for compression in SampleTIFF.Compression.allCases {
            for isPredicted in [false, true] {
                if isPredicted, kind.bits < 8 || compression == .none || compression == .packBits { continue }
                for isPlanar in kind.sampleCount > 1 ? [false, true] : [false] {
                    for layout in 0..<3 {
                        var variant = kind
                        variant.compression = compression
                        variant.isPredicted = isPredicted
                        variant.isPlanar = isPlanar
                        if layout == 1 { variant.rowsPerStrip = 100 }
                        if layout == 2 { variant.tile = (16, 16) }
                        let number = variants.count + index
                        variant.form = TIFFForm(
                            order: number / 2 % 2 == 0 ? .littleEndian : .bigEndian, isBig: number % 3 == 0)
                        variant.hasReversedBits = number % 5 == 0
                        variants.append(variant)
                    }
                }
            }
        }
        return variants.enumerated().filter { ($0.offset + index) % 2 == 0 }.map(\.element)
    }

    @Test(arguments: kinds.indices) func `every layout, compression and depth decodes to its samples`(_ index: Int)
        throws
    {
        var random = SeededGenerator(seed: UInt64(index))
        for variant in Self.variants(of: index) {
            let samples = variant.samples()
            let file = variant.file(samples)
            let expected = variant.pixels(samples)
            let image = try ImageFile.decode(file)
            #expect(image.pixels == expected, "\(variant)")
            #expect(try probe(file) == ImageHeader(shape: image.shape, order: .rows), "\(variant)")
            let first = Int.random(in: 0..<variant.height, using: &random)
            let rows = first..<Int.random(in: first + 1...variant.height, using: &random)
            let bytesPerRow = image.shape.bytesPerRow
            #expect(
                try decodeByPieces(file, rows)
                    == Array(expected[rows.lowerBound * bytesPerRow..<rows.upperBound * bytesPerRow]),
                "rows \(rows) of \(variant)")
        }
    }

    @Test func `rows come the same in steps of any size`() throws {
        for variant in [
            SampleTIFF(height: 40, photometric: 2, sampleCount: 3, compression: .lzw, tile: (16, 16)),
            SampleTIFF(height: 40, rowsPerStrip: 7), SampleTIFF(height: 40, compression: .deflate, rowsPerStrip: 9),
        ] {
            let samples = variant.samples()
            let file = variant.file(samples)
            for step in [1, 3, 16, 39] {
                try file.withUnsafeBytes { bytes in
                    let reader = try TIFFFormat().decoder(of: bytes, limits: DecodingLimits())
                    let bytesPerRow = reader.header.shape.bytesPerRow
                    var pixels: [UInt8] = []
                    while reader.nextRow < variant.height {
                        let count = min(step, variant.height - reader.nextRow)
                        pixels += try [UInt8](unsafeUninitializedCapacity: count * bytesPerRow) { buffer, filled in
                            guard let start = buffer.baseAddress else { return }
                            try reader.readRows(into: start, count: count)
                            filled = count * bytesPerRow
                        }
                    }
                    #expect(pixels == variant.pixels(samples), "steps of \(step)")
                }
            }
        }
    }

    @Test func `a strip that is not compressed is read in parts, whatever its size`() throws {
        let image = SampleTIFF(width: 3_000, height: 900, rowsPerStrip: 900)
        let rows = (0..<900).map { y in [UInt8](repeating: UInt8(y % 251), count: 3_000) }
        let pixels = Array(rows.joined())
        let fields = image.directoryFields(offsets: [8], byteCounts: [2_700_000])
        let file =
            image.form.header(firstDirectory: 2_700_008) + pixels + image.form.directory(fields, at: 2_700_008)
        let layout = try TIFFFormat().layout(byteCount: UInt64(file.count), limits: DecodingLimits()) { offset, count in
            Array(file[Int(offset)..<Int(offset) + count])
        }
        #expect(layout.decodedRows(for: 500..<501) == 349..<698)
        #expect(layout.byteRanges(for: 500..<501) == [1_047_008..<2_094_008])
        #expect(layout.byteRanges(for: 0..<900) == [8..<2_700_008])
        #expect(try ImageFile.decode(file).pixels == pixels)
        #expect(try decodeByPieces(file, 400..<800) == Array(rows[400..<800].joined()))
    }

    @Test func `only the tiles of the rows are needed`() throws {
        let image = SampleTIFF(width: 40, height: 100, photometric: 2, sampleCount: 3, isPlanar: true, tile: (16, 16))
        let file = image.file()
        let layout = try TIFFFormat().layout(byteCount: UInt64(file.count), limits: DecodingLimits()) { offset, count in
            Array(file[Int(offset)..<Int(offset) + count])
        }
        // Three planes of seven rows of three tiles of 256 bytes.
        let first: Range<UInt64> = 8 + 3 * 256..<8 + 9 * 256
        let plane: UInt64 = 21 * 256
        let ranges = [0, plane, 2 * plane].map { first.lowerBound + $0..<first.upperBound + $0 }
        #expect(layout.byteRanges(for: 17..<40) == ranges)
        let part = layout.limited(to: 17..<40)
        #expect(part.byteRanges(for: 20..<33) == layout.byteRanges(for: 20..<33))
        #expect(part.encoded.count < 150)
        #expect(try TIFFLayout(encoded: part.encoded) == part)
    }

    @Test func `a layout that was sent is refused when a byte is missing, and never misleads the decoder`() throws {
        let image = SampleTIFF(photometric: 3, compression: .lzw, tile: (16, 16), palette: SampleTIFF.palette(bits: 8))
        let file = image.file()
        let layout = try TIFFFormat().layout(byteCount: UInt64(file.count), limits: DecodingLimits()) { offset, count in
            Array(file[Int(offset)..<Int(offset) + count])
        }
        let encoded = layout.encoded
        for count in encoded.indices {
            #expect(codecError { _ = try TIFFLayout(encoded: Array(encoded[..<count])) }?.kind == .corrupt)
        }
        for position in encoded.indices where position < 24 {
            for value in [0, 1, 2, 3, 7, 16, 127, 128, 255] as [UInt8] {
                var changed = encoded
                changed[position] = value
                guard let layout = try? TIFFLayout(encoded: changed) else { continue }
                #expect(layout.byteRanges(for: 0..<1).allSatisfy { $0.upperBound < 1 << 63 })
            }
        }
    }

    // MARK: Pages and levels

    private static func image(_ width: Int, _ height: Int, kind: UInt64? = nil) -> SampleTIFF {
        SampleTIFF(
            width: width, height: height, fields: kind.map { [TIFFFieldBytes(.newSubfileType, .long, [$0])] } ?? [])
    }

    private static func limits(page: Int? = nil, level: Int = 0, isLenient: Bool = false) -> DecodingLimits {
        var limits = DecodingLimits()
        limits.options.page = page
        limits.options.level = level
        limits.options.isLenient = isLenient
        return limits
    }

    private static func file(_ images: [SampleTIFF]) -> [UInt8] { SampleTIFF.file(images.map { ($0, $0.samples()) }) }

    @Test func `the first page is read, and the others are said to be left out`() throws {
        let pages = [Self.image(9, 8), Self.image(10, 8), Self.image(11, 8)]
        let file = Self.file(pages)
        for (index, page) in pages.enumerated() {
            let limits = Self.limits(page: index + 1)
            #expect(try ImageFile.decode(file, limits: limits).pixels == page.pixels(page.samples()))
            #expect(try probe(file, limits: limits).shape.width == 9 + index)
        }
        #expect(try remarks(ofTIFF: file) == [ImageRemark(.pagesLeftOut, count: 2, byteCount: 0)])
        #expect(try remarks(ofTIFF: file, Self.limits(page: 2)) == [])
        #expect(try remarks(ofTIFF: pages[0].file()) == [])
        let error = codecError { _ = try probe(file, limits: Self.limits(page: 4)) }
        #expect(error == .unsupported("The TIFF file has 3 pages, and page 4 was asked for."))
        #expect(codecError { _ = try ImageFile.decode(file, limits: Self.limits(page: 4)) } == error)
        #expect(codecError { _ = try probe(file, limits: Self.limits(page: 0)) }?.kind == .unsupported)
    }

    @Test func `reduced images that follow a page are its levels`() throws {
        // As cloud-optimised files have them, with masks between.
        let file = Self.file([
            Self.image(40, 30), Self.image(40, 30, kind: 4), Self.image(20, 15, kind: 1), Self.image(10, 8, kind: 1),
            Self.image(7, 7), Self.image(3, 3, kind: 1),
        ])
        for (page, level, width) in [(1, 0, 40), (1, 1, 20), (1, 2, 10), (2, 0, 7), (2, 1, 3)] {
            let limits = Self.limits(page: page, level: level)
            #expect(try probe(file, limits: limits).shape.width == width)
            #expect(try ImageFile.decode(file, limits: limits).shape.width == width)
        }
        #expect(
            codecError { _ = try probe(file, limits: Self.limits(level: 3)) }
                == .unsupported("The image of the TIFF file has 2 reduced levels, and level 3 was asked for."))
        #expect(
            try remarks(ofTIFF: file) == [
                ImageRemark(.partsIgnored, count: 1, byteCount: 0), ImageRemark(.pagesLeftOut, count: 1, byteCount: 0),
            ])
    }

    @Test func `the sub-images of a page are its levels`() throws {
        // Two levels at the end of the file, whose directories are in no chain.
        var file = Self.file([Self.image(40, 30)])
        var offsets: [UInt64] = []
        for level in [Self.image(10, 8, kind: 1), Self.image(20, 15, kind: 1)] {
            let start = UInt64(file.count + file.count % 2)
            file += [UInt8](repeating: 0, count: file.count % 2)
            let bytes = level.pieces(level.samples()).flatMap { $0 }
            file += bytes + [UInt8](repeating: 0, count: bytes.count % 2)
            offsets.append(UInt64(file.count))
            var whole = level
            whole.rowsPerStrip = level.height
            file += whole.form.directory(
                whole.directoryFields(offsets: [start], byteCounts: [UInt64(bytes.count)]), at: UInt64(file.count))
        }
        // The page again, naming them.
        var page = Self.image(40, 30)
        page.rowsPerStrip = 30
        page.fields = [TIFFFieldBytes(.subIFDs, .long, offsets)]
        let directory = UInt64(file.count)
        file += page.form.directory(page.directoryFields(offsets: [8], byteCounts: [1_200]), at: directory)
        file.replaceSubrange(0..<8, with: page.form.header(firstDirectory: directory))
        #expect(try [0, 1, 2].map { try probe(file, limits: Self.limits(level: $0)).shape.width } == [40, 20, 10])
        #expect(codecError { _ = try probe(file, limits: Self.limits(level: 3)) }?.kind == .unsupported)
        #expect(try remarks(ofTIFF: file) == [])
    }

    @Test func `the tiled images of a slide of Aperio's are its levels`() throws {
        var first = Self.image(64, 48)
        first.tile = (16, 16)
        first.fields = [TIFFFieldBytes(.imageDescription, text: Array("Aperio Image Library v11".utf8))]
        var level = Self.image(32, 24)
        level.tile = (16, 16)
        let file = Self.file([
            first, Self.image(20, 16), level, Self.image(12, 12, kind: 1), Self.image(13, 13, kind: 9),
        ])
        #expect(try [0, 1].map { try probe(file, limits: Self.limits(level: $0)).shape.width } == [64, 32])
        #expect(try [2, 3, 4].map { try probe(file, limits: Self.limits(page: $0)).shape.width } == [20, 12, 13])
    }

    @Test func `Orientation is told, and wrong ones are not`() throws {
        for value in 0...9 as ClosedRange<UInt64> {
            let image = SampleTIFF(fields: [TIFFFieldBytes(.orientation, .short, [value])])
            #expect(try probe(image.file()).orientation == ((2...8).contains(value) ? UInt8(value) : 1))
        }
    }

    @Test func `what old and careless writers leave out is found`() throws {
        let image = SampleTIFF(rowsPerStrip: 100)
        let samples = image.samples()
        func pixels(_ change: (inout SampleTIFF) -> Void) throws -> [UInt8] {
            var image = image
            change(&image)
            return try ImageFile.decode(image.file(samples)).pixels
        }
        let expected = image.pixels(samples)
        for tag in [
            TIFFTag.stripByteCounts, .rowsPerStrip, .planarConfiguration, .samplesPerPixel, .compression, .photometric,
        ] {
            #expect(try pixels { $0.dropped = [tag] } == expected, "without \(tag)")
        }
        #expect(
            try pixels {
                $0.dropped = [.stripByteCounts]
                $0.compression = .deflate
            } == expected)
        // One depth for all samples; all rows, and more, in a strip; a byte count beyond the file of a strip that needs fewer.
        #expect(try pixels { $0.fields = [TIFFFieldBytes(.rowsPerStrip, .long, [0xffff_ffff])] } == expected)
        #expect(try pixels { $0.fields = [TIFFFieldBytes(.stripByteCounts, .long, [0xffff])] } == expected)
        var colors = SampleTIFF(photometric: 2, sampleCount: 3)
        colors.fields = [TIFFFieldBytes(.bitsPerSample, .short, [8])]
        #expect(try ImageFile.decode(colors.file()).pixels == colors.pixels(colors.samples()))
    }

    @Test func `palettes of 8 bits are read as such`() throws {
        var image = SampleTIFF(bits: 2, photometric: 3, palette: [0, 1, 2, 255, 4, 5, 6, 7, 8, 9, 10, 11])
        image.width = 4
        image.height = 1
        #expect(
            try ImageFile.decode(image.file([0, 1, 2, 3])).pixels == [0, 4, 8, 1, 5, 9, 2, 6, 10, 255, 7, 11])
    }
}

/// What was passed over or left out of a file, once all its rows were read.
func remarks(ofTIFF file: [UInt8], _ limits: DecodingLimits = DecodingLimits()) throws -> [ImageRemark] {
    try file.withUnsafeBytes { bytes in
        let reader = try TIFFFormat().decoder(of: bytes, limits: limits)
        let rows = UnsafeMutableRawBufferPointer.allocate(byteCount: reader.header.shape.byteCount, alignment: 16)
        defer { rows.deallocate() }
        try reader.readRows(into: #require(rows.baseAddress), count: reader.header.shape.height)
        return reader.remarks
    }
}
