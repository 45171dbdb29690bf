import JobModel
import Kernels
import Pipelines
import SeededRandom
import Testing

@testable import ImageCodecs
@testable import ImageFormats

/// TIFF files of ours: the same for any cutting, readable, and checked without decoding.
@Suite struct TIFFWriterTests {
    private static let formats = [
        TIFFFormat(), TIFFFormat(compression: .none), TIFFFormat(isPyramid: true),
        TIFFFormat(compression: .none, isPyramid: true),
    ]

    /// A picture of rows that are one row, each turned by some bytes more: large ones are made at once.
    private static func picture(_ shape: ImageShape) -> [UInt8] {
        var random = SeededGenerator(seed: 9)
        let row = (0..<shape.bytesPerRow).map { UInt8(truncatingIfNeeded: $0 / 7) ^ UInt8(random.next() & 3) }
        var pixels: [UInt8] = []
        pixels.reserveCapacity(shape.byteCount)
        for y in 0..<shape.height {
            let start = y * 5 % row.count
            pixels += row[start...]
            pixels += row[..<start]
        }
        return pixels
    }

    private static func encode(
        _ format: TIFFFormat, _ shape: ImageShape, _ pixels: [UInt8], metadata: [UInt8] = []
    ) throws -> [UInt8] {
        try pixels.withUnsafeBytes { bytes in
            let rows = RowsView(shape: shape, rows: 0..<shape.height, base: try #require(bytes.baseAddress))
            return try ImageFile.encode(rows, metadata: metadata, to: format)
        }
    }

    /// The segments of some rows, each by itself, and their checksum.
    private static func segments(
        _ format: TIFFFormat, _ shape: ImageShape, _ pixels: [UInt8], rows: Range<Int>
    ) throws -> (parts: [[UInt8]], checksum: SegmentChecksum) {
        try pixels.withUnsafeBytes { bytes in
            let base = try #require(bytes.baseAddress)
            let view = RowsView(shape: shape, rows: rows, base: base + rows.lowerBound * shape.bytesPerRow)
            var parts: [[UInt8]] = []
            let checksum = format.encoder(of: shape).encode(view) { parts.append(Array($0)) }
            return (parts, checksum)
        }
    }

    private static func read(_ file: [UInt8]) -> (UInt64, Int) throws -> [UInt8] {
        { offset, count in
            try #require(offset + UInt64(count) <= UInt64(file.count), "beyond the file's end")
            return Array(file[Int(offset)..<Int(offset) + count])
        }
    }

    private static func check(_ format: TIFFFormat, _ file: [UInt8], _ shape: ImageShape) throws {
        try format.check(fileOf: shape, byteCount: UInt64(file.count), read: read(file))
    }

    /// Strips of less than 256 rows, of more, tiles at the edges, one column of pixels.
    private static let sizes = [(1, 1), (13, 300), (300, 13), (700, 600), (1, 1_000), (1_500, 300), (5_000, 20)]

    @Test(arguments: allFormats) func `what is written is read, and is what it claims to be`(_ pixel: PixelFormat)
        throws
    {
        for (width, height) in Self.sizes {
            let shape = ImageShape(width: width, height: height, format: pixel)
            let pixels = Self.picture(shape)
            for format in Self.formats {
                let file = try Self.encode(format, shape, pixels)
                let image = try ImageFile.decode(file)
                #expect(image.shape == shape && image.pixels == pixels, "\(shape)")
                try Self.check(format, file, shape)
                for other in [
                    ImageShape(width: width + 1, height: height, format: pixel),
                    ImageShape(width: width, height: height + 1, format: pixel),
                    ImageShape(width: width, height: height, format: allFormats.first { $0 != pixel } ?? pixel),
                ] {
                    #expect(throws: CodecError.self) { try Self.check(format, file, other) }
                }
            }
        }
    }

    @Test func `files are the same however their rows are cut`() throws {
        var random = SeededGenerator(seed: 4)
        for (width, height) in [(700, 1_900), (2_000, 1_100), (90, 7_000)] {
            let shape = ImageShape(width: width, height: height, format: PixelFormat(.rgb, .eight))
            let pixels = Self.picture(shape)
            for format in Self.formats {
                let whole = try Self.encode(format, shape, pixels)
                let perSegment = format.segmentGrid.rowsPerSegment(of: shape)
                for _ in 0..<3 {
                    var parts: [[UInt8]] = []
                    var checksums: [SegmentChecksum] = []
                    var start = 0
                    while start < height {
                        let end = min(height, start + perSegment * Int.random(in: 1...3, using: &random))
                        let part = try Self.segments(format, shape, pixels, rows: start..<end)
                        let bytes = part.parts.flatMap { $0 }
                        try format.check(
                            segmentsOf: end - start, in: shape, checksum: part.checksum, byteCount: UInt64(bytes.count),
                            read: Self.read(bytes))
                        parts.append(bytes)
                        checksums.append(part.checksum)
                        start = end
                    }
                    let frame = try format.frame(
                        of: shape, metadata: [], checksum: try format.merge(checksums), segments: SegmentBytes(parts))
                    #expect(frame.prefix + parts.flatMap { $0 } + frame.suffix == whole)
                }
            }
        }
    }

    @Test func `the options are a text, and the text is the format`() throws {
        #expect(try OutputEncoding(parsing: "tiff").text == "tiff compression=deflate")
        #expect(try OutputEncoding(parsing: "tiff compression=none").text == "tiff compression=none")
        #expect(
            try OutputEncoding(parsing: "tiff pyramid compression=none").text == "tiff compression=none pyramid")
        #expect(try OutputEncoding(request: "", ofInput: TIFFFormat(), probe(SampleTIFF().file())).format is TIFFFormat)
    }

    @Test func `offsets have 64 bits where a file might need them, by the shape alone`() {
        func isBig(_ width: Int, _ height: Int, _ format: PixelFormat) -> Bool {
            TIFFOutput(ImageShape(width: width, height: height, format: format), isCompressed: true).isBig
        }
        let gray = PixelFormat(.gray, .eight)
        #expect(!isBig(1, 1, gray) && !isBig(12_288, 262_144, gray) && isBig(12_289, 262_144, gray))
        #expect(!isBig(30_000, 30_000, PixelFormat(.rgb, .eight)) && isBig(30_000, 30_000, PixelFormat(.rgba, .eight)))
    }

    /// The structure of a large file, put together from segments that are never in memory as a whole.
    @Test func `a file above 4 GiB says where its tiles are`() throws {
        let shape = ImageShape(width: 40_000, height: 40_000, format: PixelFormat(.rgb, .eight))
        let format = TIFFFormat(compression: .none)
        let output = format.output(shape)
        let level = output.levels[0]
        let piece = level.pieceByteCount(ofRows: 256)
        let table = [[UInt8]](
            repeating: TIFFByteOrder.littleEndian.bytes(UInt64(piece), count: 4), count: level.columnCount
        )
        .flatMap { $0 }
        let rowByteCount = UInt64(table.count + level.columnCount * piece)
        let byteCount = UInt64(output.rowCount) * rowByteCount
        let segments = SegmentBytes(byteCount: byteCount) { offset, count in
            try #require(offset % rowByteCount == 0 && count == table.count)
            return table
        }
        let frame = try format.frame(
            of: shape, metadata: [], checksum: FilteredChecksum(adler32: 7, byteCount: byteCount).opaque,
            segments: segments)
        #expect(frame.prefix.starts(with: [0x49, 0x49, 43, 0]))
        let end = 16 + byteCount
        let layout = try TIFFFormat().layout(byteCount: end + UInt64(frame.suffix.count), limits: DecodingLimits()) {
            offset, count in
            (offset..<offset + UInt64(count)).map {
                $0 < 16 ? frame.prefix[Int($0)] : $0 < end ? 0 : frame.suffix[Int($0 - end)]
            }
        }
        #expect(layout.shape == shape)
        let last = layout.byteRanges(for: 39_999..<40_000)
        #expect(last == [end - UInt64(level.columnCount * piece)..<end])
    }

    // MARK: What other machines made

    @Test func `no length or marker of a result can be changed, and nothing left out or added, without notice`() throws
    {
        let shape = ImageShape(width: 23, height: 300, format: PixelFormat(.rgb, .sixteen))
        for format in Self.formats {
            let pixels = Self.picture(shape)
            var metadata = ImageMetadata()
            metadata.profile = [1, 2, 3, 4, 5]
            let file = try Self.encode(format, shape, pixels, metadata: format.framed(metadata))
            try Self.check(format, file, shape)
            let (parts, checksum) = try Self.segments(format, shape, pixels, rows: 0..<300)
            let segments = parts.flatMap { $0 }
            let end = 8 + segments.count
            // Header, table, directory. What the metadata behind it says is not known here.
            for position in Array(0..<12) + Array(end..<end + 160) {
                for bit in 0..<8 {
                    var changed = file
                    changed[position] ^= 1 << UInt8(bit)
                    #expect(throws: CodecError.self, "byte \(position), bit \(bit)") {
                        try Self.check(format, changed, shape)
                    }
                }
            }
            for count in stride(from: 0, to: file.count, by: 97) {
                #expect(throws: CodecError.self) { try Self.check(format, Array(file[..<count]), shape) }
            }
            #expect(throws: CodecError.self) { try Self.check(format, file + [0], shape) }
            // Of segments, every byte is known.
            for position in stride(from: 0, to: segments.count, by: 61) {
                var changed = segments
                changed[position] ^= 0x10
                #expect(throws: CodecError.self, "byte \(position)") {
                    try format.check(
                        segmentsOf: 300, in: shape, checksum: checksum, byteCount: UInt64(changed.count),
                        read: Self.read(changed))
                }
            }
            #expect(throws: CodecError.self) {
                try format.check(
                    segmentsOf: 44, in: shape, checksum: checksum, byteCount: UInt64(segments.count),
                    read: Self.read(segments))
            }
            // Wrong lengths do not get into a file.
            for position in 0..<4 {
                var changed = segments
                changed[position] ^= 0x40
                #expect(throws: CodecError.self) {
                    try format.frame(of: shape, metadata: [], checksum: checksum, segments: SegmentBytes([changed]))
                }
            }
        }
        #expect(throws: CodecError.self) { try TIFFFormat().merge([SegmentChecksum([1, 2])]) }
    }

    // MARK: Metadata

    /// Big-endian EXIF data with a make, an orientation, an exposure time, a pixel size of a JPEG picture, and a place.
    private static let exif: [UInt8] = {
        let form = TIFFForm(order: .bigEndian)
        func main(_ exif: UInt64, _ gps: UInt64) -> [UInt8] {
            form.directory(
                [
                    TIFFFieldBytes(.make, text: Array("Leica".utf8)),
                    TIFFFieldBytes(.orientation, .short, [6], .bigEndian),
                    TIFFFieldBytes(.exifIFD, .long, [exif], .bigEndian),
                    TIFFFieldBytes(.gpsIFD, .long, [gps], .bigEndian),
                ], at: 8)
        }
        let exif = UInt64(8 + main(0, 0).count)
        let directory = form.directory(
            [
                TIFFFieldBytes(33434, .rational, bytes: [0, 0, 0, 1, 0, 0, 0, 125]),
                TIFFFieldBytes(0xa002, .long, [4_000], .bigEndian),
                TIFFFieldBytes(0x9000, .undefined, bytes: Array("0232".utf8)),
            ], at: exif)
        let gps = exif + UInt64(directory.count)
        return form.header(firstDirectory: 8) + main(exif, gps) + directory
            + form.directory([TIFFFieldBytes(1, text: [0x4e])], at: gps)
    }()

    private static let metadata: ImageMetadata = {
        var metadata = ImageMetadata()
        metadata.profile = [UInt8](repeating: 5, count: 33)
        metadata.xmp = Array("<x:xmpmeta/>".utf8)
        metadata.iptc = [0x1c, 2, 80, 0, 1, 65]
        metadata.exif = exif
        metadata.resolution = .init(horizontal: 11_811, vertical: 5_905.5, unit: .metre)
        metadata.texts = [
            .init(keyword: "Description", text: "Ein Bild"), .init(keyword: "Author", text: "Zoë"),
            .init(keyword: "Mood", text: "good"),
        ]
        return metadata
    }()

    @Test func `metadata is written as fields, and read as it was`() throws {
        for form in [ImageShape(width: 9, height: 9, format: PixelFormat(.rgba, .eight))] {
            let file = try Self.encode(
                TIFFFormat(), form, Self.picture(form), metadata: TIFFFormat().framed(Self.metadata))
            try Self.check(TIFFFormat(), file, form)
            let source = try TIFFSource(byteCount: UInt64(file.count), read: Self.read(file))
            let directory = try TIFFDirectory(at: source.firstDirectory, in: source)
            let found = try TIFFMetadata(directory, in: source, limits: DecodingLimits()).metadata
            #expect(
                found.profile == Self.metadata.profile && found.xmp == Self.metadata.xmp
                    && found.iptc == Self.metadata.iptc)
            #expect(found.texts == Array(Self.metadata.texts[..<2]))
            #expect(found.resolution == .init(horizontal: 118.11, vertical: 59.055, unit: .centimetre))
            #expect(try directory.number(.orientation, in: source) == 6)
            let exif = try TIFFDirectory(at: #require(try directory.number(.exifIFD, in: source)), in: source)
            // The size of a JPEG picture is not that of this one.
            #expect(exif.sortedFields.map(\.tag.number) == [33434, 0x9000])
            #expect(try exif.bytes(33434, in: source) == [1, 0, 0, 0, 125, 0, 0, 0])
            // Once more, without a change.
            #expect(TIFFFormat().framed(found) == TIFFFormat().framed(Self.metadata))
        }
    }

    @Test func `metadata from elsewhere is metadata, or refused`() throws {
        let framed = TIFFFormat().framed(Self.metadata)
        try TIFFFormat().check(metadata: framed)
        #expect(try TIFFOutputMetadata(framed: framed).framed == framed)
        for count in 1..<framed.count {
            guard (try? TIFFFormat().check(metadata: Array(framed[..<count]))) != nil else { continue }
            // What is left are whole fields.
            #expect(try TIFFOutputMetadata(framed: Array(framed[..<count])).framed.count == count)
        }
        func record(_ tag: UInt64, _ type: UInt64, _ bytes: [UInt8]) -> [UInt8] {
            let order = TIFFByteOrder.littleEndian
            return order.bytes(tag, count: 2) + order.bytes(type, count: 2) + order.bytes(UInt64(bytes.count), count: 4)
                + bytes
        }
        let wrong: [(String, [UInt8])] = [
            ("a field of the picture", record(256, 4, [1, 0, 0, 0])), ("a wrong type", record(34675, 2, [0])),
            ("out of order", record(34675, 7, [1]) + record(700, 1, [1])),
            ("twice", record(700, 1, [1]) + record(700, 1, [1])),
            ("a text without an end", record(270, 2, [65])), ("a text with two", record(270, 2, [65, 0, 65, 0])),
            ("an orientation of 9", record(274, 3, [9, 0])), ("an empty directory", record(34665, 13, [])),
            ("an offset in EXIF", record(34665, 13, record(1, 13, [1, 0, 0, 0]))),
            ("an unknown field", record(65_000, 1, [1])),
        ]
        for (what, bytes) in wrong {
            let error = #expect(throws: CodecError.self, "\(what)") { try TIFFFormat().check(metadata: bytes) }
            #expect(error?.kind == .corrupt)
        }
    }

    @Test func `EXIF data that is damaged costs itself only`() throws {
        for count in 0..<Self.exif.count {
            var metadata = Self.metadata
            metadata.exif = Array(Self.exif[..<count])
            let framed = TIFFFormat().framed(metadata)
            try TIFFFormat().check(metadata: framed)
            #expect(try TIFFOutputMetadata(framed: framed).fields.contains { $0.tag == .profile })
        }
    }

    @Test func `metadata of a PNG file gets into a TIFF file`() throws {
        let shape = ImageShape(width: 3, height: 2, format: PixelFormat(.rgb, .eight))
        var metadata = Self.metadata
        metadata.resolution = .init(horizontal: 2_835, vertical: 2_835, unit: .metre)
        let png = PNGFile.encode(shape: shape, pixels: Self.picture(shape), metadata: PNGFormat().framed(metadata))
        let decoded = try ImageFile.decode(png, metadataFor: TIFFFormat(), effect: [], output: { $0 })
        let fields = try TIFFOutputMetadata(framed: decoded.metadata)
        #expect(
            fields.fields.map(\.tag.number) == [270, 271, 274, 282, 283, 296, 315, 700, 33723, 34675])
        #expect(fields.directories.map(\.tag) == [.exifIFD, .gpsIFD])
    }
}
