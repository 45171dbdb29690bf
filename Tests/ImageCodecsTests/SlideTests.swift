import Foundation
import JobModel
import Pipelines
import Testing

@testable import ImageCodecs
@testable import ImageFormats

/// Whole slides, read by level: Aperio's (SVS) and Hamamatsu's (NDPI). The files are made here, of the structure that is described in
/// public; OpenSlide reads them, too.
@Suite struct SlideTests {
    private static func limits(page: Int? = nil, level: Int = 0, isLenient: Bool = false) -> DecodingLimits {
        var limits = DecodingLimits()
        limits.options.page = page
        limits.options.level = level
        limits.options.isLenient = isLenient
        return limits
    }

    /// Decodes rows from the bytes that the layout says they need, as a chunk does.
    private static func decodeByPieces(
        _ file: SparseFile, _ rows: Range<Int>, limits: DecodingLimits = DecodingLimits()
    ) throws -> [UInt8] {
        let whole = try TIFFFormat().layout(byteCount: file.byteCount, limits: limits, read: file.read)
        let layout = try TIFFLayout(encoded: whole.limited(to: rows).encoded)
        #expect(layout == whole.limited(to: rows))
        let pieces = layout.chunkPieces(for: rows, format: "tiff")
        let memory = try pieces.ranges.flatMap { try file.read($0.lowerBound, $0.count) }
        var pixels = [UInt8](repeating: 0, count: rows.count * layout.shape.bytesPerRow)
        try memory.withUnsafeBytes { memory in
            let fetched = FetchedRanges(pieces.ranges, in: memory)
            let result = pixels.withUnsafeMutableBytes { output in
                Result { () throws(CodecError) in
                    guard let start = output.baseAddress else { return }
                    try TIFFPieceDecoder(layout, isLenient: limits.options.isLenient).decode(
                        rows, to: start
                    ) { range throws(CodecError) in try fetched.bytes(range) }
                }
            }
            try result.get()
        }
        return pixels
    }

    private static func expectLevel(_ level: Int, of file: SparseFile, is tiles: JPEGTiles, _ name: String) throws {
        let limits = limits(level: level)
        let expected = try tiles.pixels()
        let header = try TIFFFormat().probe(byteCount: file.byteCount, limits: limits, read: file.read)
        #expect(header == ImageHeader(shape: tiles.shape, order: .rows), "level \(level) of \(name)")
        #expect(try ImageFile.decode(file.bytes, limits: limits).pixels == expected, "level \(level) of \(name)")
        let bytesPerRow = tiles.shape.bytesPerRow
        let height = tiles.shape.height
        for rows in [0..<1, height / 3..<height * 2 / 3, height - 1..<height] {
            #expect(
                try decodeByPieces(file, rows, limits: limits)
                    == Array(expected[rows.lowerBound * bytesPerRow..<rows.upperBound * bytesPerRow]),
                "rows \(rows) of level \(level) of \(name)")
        }
    }

    // MARK: Aperio's

    @Test(arguments: EncodingOptions.ChromaSubsampling.allCases, [false, true])
    func `a slide of Aperio's is read by level`(_ subsampling: EncodingOptions.ChromaSubsampling, isBig: Bool) throws {
        let slide = try SVSSlide.small(subsampling: subsampling, form: TIFFForm(isBig: isBig))
        let file = SparseFile(head: slide.file(), tail: [])
        for (level, tiles) in slide.levels.enumerated() {
            try Self.expectLevel(level, of: file, is: tiles, "SVS, \(subsampling)")
        }
        #expect(
            codecError { _ = try probe(file.bytes, limits: Self.limits(level: 3)) }
                == .unsupported("The image of the TIFF file has 2 reduced levels, and level 3 was asked for."))
    }

    @Test func `its thumbnail, label and macro picture are pages, and are said to be left out`() throws {
        let slide = try SVSSlide.small()
        let file = slide.file()
        #expect(try remarks(ofTIFF: file) == [ImageRemark(.pagesLeftOut, count: 3, byteCount: 0)])
        #expect(try ImageFile.decode(file, limits: Self.limits(page: 2)).pixels == slide.thumbnail.pixels())
        #expect(try ImageFile.decode(file, limits: Self.limits(page: 3)).pixels == slide.label.samples)
        #expect(try ImageFile.decode(file, limits: Self.limits(page: 4)).pixels == slide.macro.pixels())
        let error = codecError { _ = try probe(file, limits: Self.limits(page: 5)) }
        #expect(
            error
                == .unsupported(
                    "The slide has 4 pages (the tissue, a thumbnail, the label and the whole glass), and page 5 was asked for."
                ))
    }

    @Test(arguments: [33003, 33005] as [UInt64]) func `JPEG 2000 inside is named`(_ compression: UInt64) throws {
        var slide = try SVSSlide.small()
        slide.compression = compression
        let file = slide.file()
        let error = try #require(codecError { _ = try probe(file) })
        #expect(error.kind == .unsupported && error.reason.contains("JPEG 2000 (method \(compression))"), "\(error)")
        #expect(codecError { _ = try ImageFile.decode(file) } == error)
        // The other pictures are JPEG.
        #expect(try ImageFile.decode(file, limits: Self.limits(page: 2)).pixels == slide.thumbnail.pixels())
    }

    // MARK: Hamamatsu's

    @Test(arguments: EncodingOptions.ChromaSubsampling.allCases)
    func `a slide of Hamamatsu's is read by level, each restart interval as a tile`(
        _ subsampling: EncodingOptions.ChromaSubsampling
    ) throws {
        let slide = try NDPISlide.small(subsampling: subsampling)
        let file = slide.file()
        for (level, part) in slide.levels.enumerated() {
            try Self.expectLevel(level, of: file, is: part.tiles, "NDPI, \(subsampling)")
        }
        let layout = try TIFFFormat().layout(byteCount: file.byteCount, limits: DecodingLimits(), read: file.read)
        let tiles = slide.levels[0].tiles
        #expect(layout.storedWidth == tiles.tileWidth && layout.rowsPerBand == tiles.tileHeight)
        #expect(
            codecError { _ = try probe(file.bytes, limits: Self.limits(level: 3)) }?.reason
                == "The image of the TIFF file has 2 reduced levels, and level 3 was asked for.")
    }

    @Test func `its picture of the glass and its map are pages, and are said to be left out`() throws {
        let slide = try NDPISlide.small()
        let file = slide.file().bytes
        #expect(try remarks(ofTIFF: file) == [ImageRemark(.pagesLeftOut, count: 2, byteCount: 0)])
        let macro = try #require(slide.macro)
        #expect(try ImageFile.decode(file, limits: Self.limits(page: 2)).pixels == macro.pixels())
        #expect(try ImageFile.decode(file, limits: Self.limits(page: 3)).shape.width == 12)
        #expect(
            codecError { _ = try probe(file, limits: Self.limits(page: 4)) }?.reason
                == "The slide has 3 pages (the tissue, the whole glass and a map), and page 4 was asked for.")
    }

    @Test func `gray levels, and other planes in focus`() throws {
        func level(_ width: Int, _ focalPlane: Int32, seed: Int) throws -> NDPISlide.Level {
            let tiles = try JPEGTiles(width: width, height: 50, tileWidth: 32, tileHeight: 8, isGray: true, seed: seed)
            return NDPISlide.Level(tiles: tiles, focalPlane: focalPlane)
        }
        let slide = NDPISlide(levels: [
            try level(192, 0, seed: 1), try level(192, 900, seed: 2), try level(96, 0, seed: 3),
        ])
        let file = slide.file()
        try Self.expectLevel(0, of: file, is: slide.levels[0].tiles, "gray")
        try Self.expectLevel(1, of: file, is: slide.levels[2].tiles, "gray")
        #expect(try ImageFile.decode(file.bytes, limits: Self.limits(page: 2)).pixels == slide.levels[1].tiles.pixels())
    }

    /// JPEG's header has sides of 0 then.
    @Test func `a level wider than JPEG can say is read`() throws {
        let tiles = try JPEGTiles(width: 66_000, height: 43, tileWidth: 13_200, tileHeight: 8)
        let slide = NDPISlide(levels: [NDPISlide.Level(tiles: tiles)])
        try Self.expectLevel(0, of: slide.file(), is: tiles, "66,000 columns")
    }

    @Test func `pictures and directories beyond 4 GiB are found`() throws {
        var slide = try NDPISlide.small(subsampling: .horizontal)
        slide.gap = 9 << 30
        slide.levels[0].hasHighStarts = true
        let file = slide.file()
        for (level, part) in slide.levels.enumerated() {
            let limits = Self.limits(level: level)
            let header = try TIFFFormat().probe(byteCount: file.byteCount, limits: limits, read: file.read)
            #expect(header.shape == part.tiles.shape)
            #expect(
                try Self.decodeByPieces(file, 0..<part.tiles.shape.height, limits: limits) == part.tiles.pixels(),
                "level \(level)")
        }
        let source = try TIFFFormat().pieceSource(byteCount: file.byteCount, limits: DecodingLimits(), read: file.read)
        #expect(source.remarks == [ImageRemark(.pagesLeftOut, count: 2, byteCount: 0)])
    }

    @Test func `a level of more than 4 GiB says where its intervals are in two fields`() throws {
        let tiles = try JPEGTiles(width: 64, height: 16, tileWidth: 32, tileHeight: 8)
        let (stream, starts) = NDPISlide.stream(tiles)
        var level = NDPISlide.Level(tiles: tiles, hasHighStarts: true)
        // As if the second row of intervals came after much else.
        level.change = {
            $0[2] += 5 << 32
            $0[3] += 5 << 32
        }
        var file = NDPISlide(levels: [level]).file()
        // The strip's size, in its entry and behind the directory.
        let size = (5 as UInt64) << 32 + UInt64(stream.count)
        let directory = Int(TIFFByteOrder.littleEndian.number(file.head[4..<12])) - file.head.count
        let count = Int(file.tail[directory])
        let entry = try #require(
            (0..<count).first {
                TIFFByteOrder.littleEndian.number(file.tail[(directory + 2 + 12 * $0)...].prefix(2)) == 279
            })
        let high = directory + 2 + 12 * count + 8 + 4 * entry
        file.tail.replaceSubrange(high..<high + 4, with: [5, 0, 0, 0])
        file.tail += [UInt8](repeating: 0, count: 16)
        let padded = file.byteCount + 5 << 32
        let layout = try TIFFFormat().layout(byteCount: padded, limits: DecodingLimits(), read: file.read)
        let strip = layout.offsets[0] - starts[0]
        #expect(layout.offsets == [starts[0], starts[1], starts[2] + 5 << 32, starts[3] + 5 << 32].map { $0 + strip })
        #expect(layout.byteCounts[3] == size - starts[3] - 5 << 32 + 2)
    }

    // MARK: What is not read, and what is wrong

    @Test func `a stream that does not say where its intervals are is decoded as a whole, if JPEG can`() throws {
        var slide = try NDPISlide.small()
        slide.levels[0].hasStarts = false
        let file = slide.file().bytes
        #expect(
            try ImageFile.decode(file).pixels == ImageFile.decode(NDPISlide.stream(slide.levels[0].tiles).bytes).pixels)

        let tiles = try JPEGTiles(width: 66_000, height: 16, tileWidth: 13_200, tileHeight: 8)
        let wide = NDPISlide(levels: [NDPISlide.Level(tiles: tiles, hasStarts: false)]).file().bytes
        let error = try #require(codecError { _ = try probe(wide) })
        #expect(error.kind == .unsupported)
        for part in ["66000 x 16", "McuStarts", "65500", "--level", "tiled TIFF"] {
            #expect(error.reason.contains(part), "\(error.reason)")
        }
    }

    @Test func `intervals that end in the midst of a row are not tiles`() throws {
        // Two rows of ten blocks are five intervals of four.
        let tiles = try JPEGTiles(width: 80, height: 16, tileWidth: 16, tileHeight: 16)
        var (stream, _) = NDPISlide.stream(tiles)
        let mark = try #require(stream.firstRange(of: [0xff, 0xdd, 0, 4]))
        stream.replaceSubrange(mark.upperBound..<mark.upperBound + 2, with: [0, 4])
        var file = NDPISlide(levels: [NDPISlide.Level(tiles: tiles)]).file().bytes
        file.replaceSubrange(12..<12 + stream.count, with: stream)
        let layout = try TIFFFormat().layout(byteCount: UInt64(file.count), limits: DecodingLimits()) {
            Array(file[Int($0)..<Int($0) + $1])
        }
        #expect(!layout.isTiled && layout.encoding.intervalHeader.isEmpty)
    }

    @Test func `what contradicts itself is refused`() throws {
        func error(_ change: (inout NDPISlide) -> Void) throws -> CodecError? {
            var slide = try NDPISlide.small()
            change(&slide)
            return codecError { _ = try probe(slide.file().bytes) }
        }
        let wrong: [(what: String, change: (inout [UInt64]) -> Void)] = [
            ("104 restart intervals, and McuStarts says where 103", { $0.removeLast() }),
            ("ascend", { $0.swapAt(3, 4) }), ("ascend", { $0[103] = 1 << 30 }), ("JPEG header", { $0[0] = 1 << 20 }),
            ("truncated", { $0[0] -= 9 }), ("McuStarts begins", { $0[0] += 3 }),
        ]
        for (what, change) in wrong {
            let found = try #require(try error { $0.levels[0].change = change }, "\(what)")
            #expect(found.kind == .corrupt && found.reason.contains(what), "\(what): \(found)")
        }
        var file = try NDPISlide.small().file().bytes
        let frame = try #require(file.firstRange(of: [0xff, 0xc0, 0, 17, 8]))
        file[frame.upperBound + 1] ^= 1
        #expect(codecError { _ = try probe(file) }?.reason.contains("its JPEG header 317 x 202") == true)
    }

    @Test func `a tile that does not begin where it is said to is damage`() throws {
        var slide = try NDPISlide.small()
        slide.levels[0].change = { $0[6] += 1 }
        let file = slide.file().bytes
        let error = try #require(codecError { _ = try ImageFile.decode(file) })
        #expect(error.kind == .corrupt && error.reason.contains("its tile 6, of rows 8 to 15"), "\(error)")
        #expect(
            try remarks(ofTIFF: file, Self.limits(isLenient: true)).first { $0.code == .damagedImageData }?.count == 1)
        // Rows that do not need it are as they were.
        let rows = 16..<203
        let bytesPerRow = slide.levels[0].tiles.shape.bytesPerRow
        #expect(
            try Self.decodeByPieces(SparseFile(head: file, tail: []), rows)
                == Array(slide.levels[0].tiles.pixels()[(16 * bytesPerRow)...]))
    }

    @Test func `every byte of a slide's directories damaged once never crashes`() throws {
        let file = try NDPISlide.small().file()
        let start = Int(TIFFByteOrder.littleEndian.number(file.head[4..<12]))
        var refused = 0
        for position in Array(0..<12) + Array(start..<Int(file.byteCount)) {
            for flip in [1, 0x80] as [UInt8] {
                var damaged = file.bytes
                damaged[position] ^= flip
                let error = codecError { _ = try ImageFile.decode(damaged) }
                if error != nil { refused += 1 }
            }
        }
        #expect(refused > 50)
    }

    // MARK: Other programs

    /// How far pixels are from those that OpenSlide finds in a level.
    private static func difference(_ pixels: [UInt8], _ file: String, level: Int, _ shape: ImageShape) throws -> Int {
        let output = file + ".png"
        defer { try? FileManager.default.removeItem(atPath: output) }
        try ForeignPrograms.run(
            "openslide-write-png", [file, "0", "0", "\(level)", "\(shape.width)", "\(shape.height)", output])
        let png = try ImageFile.decode([UInt8](try Data(contentsOf: URL(filePath: output))))
        let found = stride(from: 0, to: png.pixels.count, by: 4).flatMap { png.pixels[$0..<$0 + 3] }
        #expect(found.count == pixels.count)
        return zip(found, pixels).map { abs(Int($0) - Int($1)) }.max() ?? -1
    }

    @Test(.enabled(if: ForeignPrograms.areExpected, ForeignPrograms.advice)) func `OpenSlide finds the same pixels`()
        throws
    {
        #expect(ForeignPrograms.missing.isEmpty, ForeignPrograms.advice)
        let directory = NSTemporaryDirectory() + "slides-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        for subsampling in EncodingOptions.ChromaSubsampling.allCases {
            let svs = try SVSSlide.small(subsampling: subsampling)
            let place = "\(directory)/slide.svs"
            try Data(svs.file()).write(to: URL(filePath: place))
            // It resamples levels whose scale is not a whole number.
            for (level, tiles) in svs.levels.prefix(1).enumerated() {
                let difference = try Self.difference(tiles.pixels(), place, level: level, tiles.shape)
                #expect(difference <= 1, "SVS, \(subsampling), level \(level)")
            }
        }
        // OpenSlide takes pictures of whole tiles only.
        let tiles = try JPEGTiles(width: 320, height: 200, tileWidth: 80, tileHeight: 8)
        let place = "\(directory)/slide.ndpi"
        try Data(NDPISlide(levels: [NDPISlide.Level(tiles: tiles)]).file().bytes).write(to: URL(filePath: place))
        #expect(try Self.difference(tiles.pixels(), place, level: 0, tiles.shape) == 0, "NDPI")
    }
}
