import JobModel
import Pipelines
import SeededRandom
import Testing

@testable import ImageCodecs
@testable import ImageFormats

/// JPEG files that are read by their restart intervals: the pixels of the whole image, of any rows, whatever the intervals are.
@Suite struct JPEGPieceTests {
    /// A file with restart intervals, and how it was made.
    struct Sample: CustomTestStringConvertible {
        var width = 83
        var height = 149
        var layout = ChannelLayout.rgb
        var subsampling = EncodingOptions.ChromaSubsampling.both
        /// Blocks in an interval: a row of 4:2:0 has six.
        var interval = 6
        /// Rows after which an interval begins with a row again.
        var rowsPerUnit = 16

        var testDescription: String { "\(layout) \(subsampling), \(width) x \(height), intervals of \(interval)" }
        var shape: ImageShape { ImageShape(width: width, height: height, format: PixelFormat(layout, .eight)) }

        func file() -> [UInt8] {
            JPEGSegmentEncoder.libjpegFile(
                shape: shape, pixels: photograph(shape), format: JPEGFormat(quality: 80, subsampling: subsampling),
                restartInterval: interval)
        }
    }

    static let samples = [
        // A row, parts of a row, several rows, and what fits no row: four blocks end with every second one.
        Sample(), Sample(interval: 1), Sample(interval: 3), Sample(interval: 12, rowsPerUnit: 32),
        Sample(interval: 4, rowsPerUnit: 32), Sample(interval: 5, rowsPerUnit: 80),
        Sample(subsampling: .none, interval: 11, rowsPerUnit: 8),
        Sample(subsampling: .none, interval: 2, rowsPerUnit: 16),
        Sample(subsampling: .horizontal, interval: 6, rowsPerUnit: 8),
        Sample(layout: .gray, interval: 22, rowsPerUnit: 16), Sample(width: 16, height: 17, interval: 1),
        Sample(width: 1, height: 40, subsampling: .none, interval: 1, rowsPerUnit: 8),
    ]

    private static func layout(of file: [UInt8]) throws -> JPEGLayout? {
        try JPEGFormat().pieces(byteCount: UInt64(file.count), limits: DecodingLimits()) {
            Array(file[Int($0)..<Int($0) + $1])
        }
    }

    @Test(arguments: samples) func `any rows are those of the whole image`(_ sample: Sample) throws {
        let file = sample.file()
        let pixels = try decoded(file).pixels
        let layout = try #require(try Self.layout(of: file))
        #expect(layout.shape == sample.shape && layout.rowsPerUnit == sample.rowsPerUnit)
        var random = SeededGenerator(seed: UInt64(sample.interval))
        let height = sample.height
        let drawn = (0..<40).map { _ in
            let first = Int.random(in: 0..<height, using: &random)
            return first..<Int.random(in: first + 1...height, using: &random)
        }
        for rows in drawn + [0..<height, 0..<1, height - 1..<height] {
            let bytesPerRow = sample.shape.bytesPerRow
            let expected = pixels[rows.lowerBound * bytesPerRow..<rows.upperBound * bytesPerRow]
            #expect(try decodeByPieces(file, rows, of: JPEGFormat()) == Array(expected), "rows \(rows) of \(sample)")
        }
    }

    @Test func `files of other programs, and our own, are read so`() throws {
        let shape = ImageShape(width: 700, height: 421, format: PixelFormat(.rgb, .eight))
        let own = try encoded(shape, photograph(shape), to: JPEGFormat())
        for file in [FixtureFiles.jpeg.read("restarts.jpg"), own] {
            let whole = try decoded(file)
            let rows = whole.header.shape.height / 3..<whole.header.shape.height - 3
            let bytesPerRow = whole.header.shape.bytesPerRow
            let expected = whole.pixels[rows.lowerBound * bytesPerRow..<rows.upperBound * bytesPerRow]
            #expect(try decodeByPieces(file, rows, of: JPEGFormat()) == Array(expected))
        }
    }

    @Test func `marks of Adobe and JFIF, which say what the colours are, stay with the pieces`() throws {
        // Adobe's mark with transform 0 in the place of JFIF's: the three components are red, green and blue.
        let file = Sample().file()
        let adobe: [UInt8] = [0xff, 0xee, 0, 14] + Array("Adobe".utf8) + [0, 100, 0, 0, 0, 0, 0]
        let changed = Array(file[..<2]) + adobe + file[20...]
        let whole = try decoded(changed)
        #expect(whole.pixels != (try decoded(file).pixels))
        #expect(try decodeByPieces(changed, 0..<149, of: JPEGFormat()) == whole.pixels)
    }

    @Test func `a file that is not in intervals of whole rows is none that is read by its pieces`() throws {
        let plain = Sample(interval: 0).file()
        #expect(try Self.layout(of: plain) == nil)
        // More than the image has, and a number that only the whole of it ends with.
        #expect(try Self.layout(of: Sample(interval: 600).file()) == nil)
        #expect(try Self.layout(of: Sample(interval: 59).file()) == nil)
        for name in ["progressive.jpg", "components-apart.jpg", "cmyk.jpg", "420.jpg"] {
            #expect(try Self.layout(of: FixtureFiles.jpeg.read(name)) == nil, "\(name)")
        }
    }

    /// Such a file is decoded as a whole, which says what is wrong with it.
    @Test func `marks that are not those that the header announces are not followed`() throws {
        let file = Sample().file()
        let layout = try #require(try Self.layout(of: file))
        let mark = Int(layout.starts[3]) - 1
        #expect(file[mark] == JPEGMarker.restart(2).code)
        var wrongNumber = file
        wrongNumber[mark] = JPEGMarker.restart(5).code
        var missing = file
        missing.removeSubrange(mark - 1...mark)
        var ending = file
        ending[mark] = JPEGMarker.endOfImage.code
        for (number, changed) in [wrongNumber, missing, ending, Array(file.dropLast(2))].enumerated() {
            #expect(try Self.layout(of: changed) == nil, "file \(number)")
            #expect(throws: CodecError.self, "file \(number)") { try decoded(changed) }
        }
        // Bytes behind the end are not the image's, here as there; and more of 0xff may be before a mark.
        let longer = file + [1, 2, 3]
        var filled = file
        filled.insert(0xff, at: mark - 1)
        for changed in [longer, filled] {
            let pixels = try decoded(changed).pixels
            #expect(try decodeByPieces(changed, 0..<149, of: JPEGFormat()) == pixels)
        }
    }

    @Test func `a damaged interval is named by its rows, and harms no others`() throws {
        var file = Sample().file()
        let layout = try #require(try Self.layout(of: file))
        let pixels = try decoded(file).pixels
        // Unit 5, rows 80 to 95: ones are not a code of the standard's tables.
        let unit = Int(layout.starts[5])..<Int(layout.starts[6]) - 2
        for index in unit.prefix(24) { file[index] = index % 2 == unit.lowerBound % 2 ? 0xff : 0 }
        let error = #expect(throws: CodecError.self) { try decodeByPieces(file, 70..<100, of: JPEGFormat()) }
        #expect(error?.kind == .corrupt && error?.reason.contains("in rows ") == true, "\(error?.reason ?? "")")
        let bytesPerRow = Sample().shape.bytesPerRow
        // Not even those whose colours are smoothed with the unit next to it.
        for rows in [0..<64, 112..<149] {
            let expected = Array(pixels[rows.lowerBound * bytesPerRow..<rows.upperBound * bytesPerRow])
            #expect(try decodeByPieces(file, rows, of: JPEGFormat()) == expected)
        }
    }

    @Test func `units that a layout names elsewhere are found out`() throws {
        let file = Sample().file()
        let layout = try #require(try Self.layout(of: file))
        let moved = JPEGLayout(layout.frame, units: 2..<5, starts: Array(layout.starts[3..<7]))
        let decoder = JPEGFormat().pieceDecoder(of: moved)
        let rows = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 * layout.shape.bytesPerRow, alignment: 16)
        defer { rows.deallocate() }
        let start = try #require(rows.baseAddress)
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: file.count, alignment: 1)
        defer { memory.deallocate() }
        memory.copyBytes(from: file)
        let fetched = FetchedRanges([0..<UInt64(file.count)], in: UnsafeRawBufferPointer(memory))
        let error = #expect(throws: CodecError.self) {
            try decoder.decode(48..<64, to: start) { range throws(CodecError) in try fetched.bytes(range) }
        }
        #expect(error?.reason.contains("restart markers") == true)
    }

    @Test func `a description that is malformed is refused, whatever is wrong with it`() throws {
        let layout = try #require(try Self.layout(of: Sample().file())).limited(to: 40..<90)
        let good = layout.encoded
        #expect(try JPEGLayout(encoded: good) == layout)
        for count in 0..<good.count {
            #expect(throws: CodecError.self) { try JPEGLayout(encoded: Array(good[..<count])) }
        }
        #expect(throws: CodecError.self) { try JPEGLayout(encoded: good + [0]) }
        for index in good.indices {
            for value in [0, 0xff, good[index] ^ 1, good[index] &+ 1] as [UInt8] {
                var bytes = good
                bytes[index] = value
                guard let other = try? JPEGLayout(encoded: bytes) else { continue }
                #expect(try JPEGLayout(encoded: other.encoded) == other, "byte \(index) is \(value)")
            }
        }
    }

    @Test func `metadata and remarks are those of the whole file`() throws {
        let start = FixtureFiles.jpeg.read("everything.jpg")
        // The metadata of one file before the image of another.
        let file = Sample().file()
        let segments = try Self.metadataSegments(of: start)
        #expect(segments.count > 1_000)
        let both = Array(file[..<2]) + segments + file[20...]
        let source = try JPEGFormat().pieceSource(byteCount: UInt64(both.count), limits: DecodingLimits()) {
            Array(both[Int($0)..<Int($0) + $1])
        }
        try both.withUnsafeBytes { bytes in
            let reader = try ImageFile.decoder(of: bytes, limits: DecodingLimits())
            #expect(source.header == reader.header && source.remarks == reader.remarks)
            for format in ImageFormats.outputs.compactMap({ $0 as? any ImageEncoding }) {
                let shape = reader.header.shape
                let theirs = reader.metadata(for: format, stripping: .none, output: shape, effect: [])
                let ours = source.metadata(for: format, stripping: .none, output: shape, effect: [])
                #expect(ours == theirs && !ours.isEmpty, "\(format.name)")
            }
        }
    }

    @Test func `very many small segments before the image cost neither memory nor requests`() throws {
        let comment = JPEGMarker.comment.segment([0x20])
        let file = Sample().file()
        let long = Array(file[..<2]) + (0..<60_000).flatMap { _ in comment } + file[2...]
        var requestCount = 0
        let source = try JPEGFormat().pieceSource(byteCount: UInt64(long.count), limits: DecodingLimits()) {
            requestCount += 1
            return Array(long[Int($0)..<Int($0) + $1])
        }
        #expect(source.layout.holds(0..<149) && source.layout.tableByteCount < 1_000)
        #expect(requestCount < 60, "\(requestCount) requests for \(long.count) bytes")
    }

    /// The application segments and comments of a file, one after the other.
    private static func metadataSegments(of file: [UInt8]) throws -> [UInt8] {
        var segments: [UInt8] = []
        _ = try JPEGHeader(byteCount: UInt64(file.count), limits: DecodingLimits()) {
            Array(file[Int($0)..<Int($0) + $1])
        } visit: { marker, _, data in
            if JPEGMetadata.Collector.takes(marker) { segments += marker.segment(try data()) }
        }
        return segments
    }
}
