import JobModel
import Kernels
import Pipelines
import Testing

@testable import ImageCodecs
@testable import ImageFormats

@Suite struct JPEGMetadataTests {
    private static let shape = ImageShape(width: 61, height: 47, format: PixelFormat(.rgb, .eight))

    /// Something of each kind; a profile of several segments.
    static let everything: ImageMetadata = {
        var metadata = ImageMetadata()
        metadata.profile = (0..<150_000).map { UInt8(truncatingIfNeeded: $0 * $0 >> 5) }
        metadata.exif = EXIFSample.plain
        metadata.xmp = Array("<x:xmpmeta/>".utf8)
        metadata.iptc = [0x1c, 2, 25, 0, 7] + Array("harbour".utf8)
        metadata.resolution = .init(horizontal: 300, vertical: 150, unit: .inch)
        metadata.texts = [.init(keyword: "Comment", text: "grüße")]
        return metadata
    }()

    /// The metadata that a reader finds in a file.
    private static func collected(
        _ file: [UInt8], limits: DecodingLimits = DecodingLimits()
    ) throws -> (metadata: ImageMetadata, remarks: [ImageRemark]) {
        var collector = JPEGMetadata.Collector(limits: limits)
        _ = try JPEGHeader(byteCount: UInt64(file.count), limits: limits) { offset, count in
            Array(file[Int(offset)..<Int(offset) + count])
        } visit: { marker, data, _ in
            collector.take(marker, Array(file[data]))
        }
        return collector.finish()
    }

    private static func file(_ metadata: [UInt8]) throws -> [UInt8] {
        try encoded(shape, photograph(shape), to: JPEGFormat(), metadata: metadata)
    }

    @Test func `what other programs write is found`() throws {
        let (metadata, remarks) = try Self.collected(FixtureFiles.jpeg.read("everything.jpg"))
        #expect(metadata.resolution == .init(horizontal: 240, vertical: 120, unit: .inch))
        #expect(metadata.texts == [.init(keyword: "Comment", text: "a comment: é")])
        #expect(metadata.exif.flatMap(EXIFData.init)?.orientation == 6)
        #expect(metadata.xmp?.contains(Array("tiff:Orientation=\"6\"".utf8)) == true)
        #expect(metadata.iptc?.contains(Array("Vlissingen".utf8)) == true && metadata.iptc?.first == 0x1c)
        #expect(metadata.profile.map { $0.count > 400 && Array($0[36..<40]) == Array("acsp".utf8) } == true)
        #expect(remarks.isEmpty)
    }

    @Test func `what is written is read back`() throws {
        let file = try Self.file(JPEGFormat().framed(Self.everything))
        let (metadata, remarks) = try Self.collected(file)
        #expect(metadata == Self.everything && remarks.isEmpty)
        #expect(try decoded(file).pixels == decoded(try Self.file([])).pixels)
        let none = try Self.collected(try Self.file([]))
        #expect(none.metadata == ImageMetadata() && none.remarks.isEmpty)
    }

    /// JPEG, PNG, JPEG: by the decoders' own way.
    @Test func `metadata survive in a file of another format, and come back`() throws {
        let first = try Self.file(JPEGFormat().framed(Self.everything))
        let png = try Self.converted(first, to: PNGFormat())
        let last = try Self.converted(png, to: JPEGFormat())
        var expected = Self.everything
        // In metres, a resolution is a whole number.
        expected.resolution = .init(horizontal: 300, vertical: 150, unit: .inch)
        #expect(try Self.collected(last).metadata == expected)
    }

    private static func converted(_ file: [UInt8], to format: any ImageEncoding) throws -> [UInt8] {
        let image = try ImageFile.decode(file, metadataFor: format, effect: []) { $0 }
        return try image.pixels.withUnsafeBytes { bytes in
            let view = RowsView(shape: image.shape, rows: 0..<image.shape.height, base: try #require(bytes.baseAddress))
            return try ImageFile.encode(view, metadata: image.metadata, to: format)
        }
    }

    @Test func `what fits no segment is left out, and the rest is written`() throws {
        var metadata = Self.everything
        metadata.xmp = [UInt8](repeating: 0x20, count: 65_506)
        metadata.exif = EXIFSample.plain + [UInt8](repeating: 1, count: 65_530)
        metadata.texts += [.init(keyword: "Title", text: "a title"), .init(keyword: "Comment", text: "another")]
        metadata.texts[0].text = String(repeating: "x", count: 65_534)
        metadata.profile = [UInt8](repeating: 9, count: 255 * 65_519 + 1)
        metadata.resolution = .init(horizontal: 70_000, vertical: 2, unit: .centimetre)
        metadata.iptc = [UInt8](repeating: 0x1c, count: 200_000)
        var expected = ImageMetadata()
        expected.texts = [.init(keyword: "Comment", text: "another")]
        expected.iptc = metadata.iptc
        #expect(try Self.collected(try Self.file(JPEGFormat().framed(metadata))).metadata == expected)
    }

    @Test func `a resolution is written in the unit that JFIF has`() throws {
        typealias Resolution = ImageMetadata.Resolution
        let cases: [(from: Resolution, to: Resolution?)] = [
            (
                .init(horizontal: 11_811, vertical: 5_906, unit: .metre),
                .init(horizontal: 300, vertical: 150, unit: .inch)
            ),
            (
                .init(horizontal: 118, vertical: 59, unit: .centimetre),
                .init(horizontal: 118, vertical: 59, unit: .centimetre)
            ),
            (.init(horizontal: 4, vertical: 3, unit: .none), .init(horizontal: 4, vertical: 3, unit: .none)),
            (.init(horizontal: 0.2, vertical: 100, unit: .inch), nil),
            (.init(horizontal: .infinity, vertical: 1, unit: .inch), nil),
            (.init(horizontal: .nan, vertical: 1, unit: .inch), nil),
        ]
        for (from, to) in cases {
            var metadata = ImageMetadata()
            metadata.resolution = from
            #expect(try Self.collected(try Self.file(JPEGFormat().framed(metadata))).metadata.resolution == to)
        }
    }

    @Test func `what is above the limits is left out with a remark, and what is malformed, too`() throws {
        let framed = JPEGFormat().framed(Self.everything)
        var limits = DecodingLimits()
        limits.maximumMetadataByteCount = 20
        let (metadata, remarks) = try Self.collected(try Self.file(framed), limits: limits)
        #expect(metadata.profile == nil && metadata.exif == nil && metadata.xmp == nil && metadata.resolution != nil)
        #expect(remarks.map(\.code) == [.metadataOverLimit] && remarks[0].byteCount > 150_000)

        let packet = Array("http://ns.adobe.com/xap/1.0/\0".utf8)
        let segments: [(UInt8, [UInt8])] = [
            (1, Array("Exif\0\0XX*\0".utf8)), (1, packet + [0xff, 0xfe]),
            (1, Array("http://ns.adobe.com/xmp/extension/\0".utf8) + [1, 2, 3]),
            // The second part of two, and one of another count.
            (2, Array("ICC_PROFILE\0".utf8) + [2, 2, 7]), (2, Array("ICC_PROFILE\0".utf8) + [1, 3, 7]),
        ]
        // Parts of no kind that is kept are nothing to remark.
        let others: [(UInt8, [UInt8])] = [
            (2, Array("MPF\0II*\0".utf8)), (13, [1]), (14, Array("Adobe\0".utf8)), (11, []), (0, []),
        ]
        let plain = FixtureFiles.jpeg.read("420.jpg")
        let malformed =
            plain[..<2] + (segments + others).flatMap { JPEGMarker.application($0).segment($1) } + plain[2...]
        let found = try Self.collected(Array(malformed))
        #expect(found.metadata == ImageMetadata())
        #expect(found.remarks.map(\.code) == [.partsIgnored] && found.remarks.first?.count == 5)
        #expect(try decoded(Array(malformed)).pixels == decoded(plain).pixels)
    }

    /// It comes from a worker: what is not metadata must not get into a file.
    @Test func `only metadata goes into a file`() throws {
        let format = JPEGFormat()
        let framed = format.framed(Self.everything)
        try format.check(metadata: framed)
        for wrong in [
            Array(framed.dropLast()), framed + [0xff],
            framed + JPEGMarker.application(0).segment(Array("JFIF\0".utf8) + [1, 1, 0, 0, 1, 0, 1, 0, 0]),
            JPEGMarker.endOfImage.bytes, JPEGMarker.startOfScan.segment([1, 1, 0, 0, 63, 0]),
            JPEGMarker.quantizationTables.segment([0]), JPEGMarker.application(14).segment(Array("Adobe".utf8)),
            [0xff, 0xfe, 0, 1], [0xff, 0xfe, 0, 9, 1],
        ] {
            #expect(throws: CodecError.self) { try format.check(metadata: wrong) }
            #expect(throws: CodecError.self) { try Self.file(wrong) }
        }
    }

    @Test func `what a pipeline makes wrong is put right`() throws {
        let file = FixtureFiles.jpeg.read("everything.jpg")
        let turned = try Pipeline(parsing: "rotate degrees=90").metadataEffect
        let image = try ImageFile.decode(file, metadataFor: JPEGFormat(), effect: turned) { $0.transposed }
        let result = try encoded(
            Self.shape.transposed, photograph(Self.shape.transposed), to: JPEGFormat(), metadata: image.metadata)
        let (metadata, _) = try Self.collected(result)
        #expect(try decoded(result).header.orientation == 1)
        #expect(metadata.resolution == .init(horizontal: 120, vertical: 240, unit: .inch))
        let packet = String(decoding: try #require(metadata.xmp), as: UTF8.self)
        #expect(packet.contains("tiff:Orientation=\"1\"") && packet.contains("exif:PixelXDimension=\"47\""))
        let exif = try #require(metadata.exif)
        let before = try #require(try Self.collected(file).metadata.exif)
        // The thumbnail, a JPEG file, is gone; what the maker and the satellites said is not.
        #expect(
            before.contains([0xff, 0xd8, 0xff]) && !exif.contains([0xff, 0xd8, 0xff]) && exif.count < before.count - 600
        )
        #expect(exif.contains(Array("Nobody".utf8)))

        // Where no pixel is changed, nothing is, the thumbnail included.
        let same = try ImageFile.decode(file, metadataFor: JPEGFormat(), effect: []) { $0 }
        let kept = try Self.collected(try Self.file(same.metadata)).metadata
        #expect(try kept == Self.collected(file).metadata)
    }

    @Test func `what is not to be carried over is left out`() throws {
        let file = FixtureFiles.jpeg.read("everything.jpg")
        func result(_ stripping: MetadataStripping) throws -> ImageMetadata {
            let image = try ImageFile.decode(file, metadataFor: JPEGFormat(), stripping: stripping, effect: []) { $0 }
            return try Self.collected(try Self.file(image.metadata)).metadata
        }
        let all = try result(.all)
        #expect(all.profile != nil && all.exif == nil && all.xmp == nil && all.iptc == nil && all.texts == [])
        let some = try result(.location)
        let exif = try #require(some.exif)
        #expect(exif.contains(Array("Nobody".utf8)) && EXIFData(exif)?.orientation == 6)
        // 51 degrees, as a fraction.
        let latitude: [UInt8] = [0, 0, 0, 51, 0, 0, 0, 1]
        #expect(try result(.none).exif?.contains(latitude) == true && !exif.contains(latitude))
    }

    @Test func `a profile does not outlive a change between gray and colour`() throws {
        let file = FixtureFiles.jpeg.read("everything.jpg")
        let effect = try Pipeline(parsing: "grayscale").metadataEffect
        let image = try ImageFile.decode(file, metadataFor: JPEGFormat(), effect: effect) { $0.grayscale }
        let (density, others) = try JPEGMetadata.split(framed: image.metadata)
        #expect(density.count == 18 && !Array(others).contains(Array("ICC_PROFILE".utf8)))
        #expect(Array(others).contains(Array("Exif".utf8)))
    }
}
