import JobModel
import Kernels
import Pipelines
import Testing

@testable import ImageCodecs
@testable import ImageFormats

/// Profiles, texts and EXIF data of TIFF files.
@Suite struct TIFFMetadataTests {
    private static func metadata(
        _ fields: [TIFFFieldBytes], _ form: TIFFForm = TIFFForm(), limit: UInt64 = 1 << 20
    ) throws -> TIFFMetadata {
        var image = SampleTIFF(form: form)
        image.fields = fields
        return try metadata(ofFile: image.file(), limit: limit)
    }

    private static func metadata(ofFile file: [UInt8], limit: UInt64 = 1 << 20) throws -> TIFFMetadata {
        let source = try TIFFSource(byteCount: UInt64(file.count)) { offset, count in
            Array(file[Int(offset)..<Int(offset) + count])
        }
        return try TIFFMetadata(
            try TIFFDirectory(at: source.firstDirectory, in: source), in: source,
            limits: DecodingLimits(maximumMetadataByteCount: limit))
    }

    @Test(arguments: [TIFFByteOrder.littleEndian, .bigEndian]) func `profile, packets, texts and resolution are found`(
        _ order: TIFFByteOrder
    ) throws {
        let form = TIFFForm(order: order)
        let numbers = order.bytes(300, count: 4) + order.bytes(2, count: 4)
        let found = try Self.metadata(
            [
                TIFFFieldBytes(.profile, .undefined, bytes: [1, 2, 3, 4, 5]),
                TIFFFieldBytes(.xmp, .byte, bytes: Array("<x/>".utf8)),
                TIFFFieldBytes(.iptc, .undefined, bytes: [0x1c, 2, 80, 0, 1, 65]),
                TIFFFieldBytes(.xResolution, .rational, bytes: numbers),
                TIFFFieldBytes(.yResolution, .rational, bytes: numbers),
                TIFFFieldBytes(.resolutionUnit, .short, [3], order), TIFFFieldBytes(.artist, text: Array("Zoë".utf8)),
                TIFFFieldBytes(.imageDescription, text: [0x5a, 0x6f, 0xeb]), TIFFFieldBytes(.software, text: []),
            ], form
        ).metadata
        #expect(found.profile == [1, 2, 3, 4, 5])
        #expect(found.xmp == Array("<x/>".utf8))
        #expect(found.iptc == [0x1c, 2, 80, 0, 1, 65])
        #expect(found.resolution == .init(horizontal: 150, vertical: 150, unit: .centimetre))
        // UTF-8 and Latin-1; an empty text is none.
        #expect(
            found.texts == [.init(keyword: "Description", text: "Zoë"), .init(keyword: "Author", text: "Zoë")])
        #expect(found.exif == nil)
    }

    @Test func `IPTC records that are called LONG are read in either byte order`() throws {
        let records: [UInt8] = [0x1c, 2, 80, 0, 1, 65]
        let padded = records + [0, 0]
        let swapped = [padded[3], padded[2], padded[1], padded[0], padded[7], padded[6], padded[5], padded[4]]
        for bytes in [padded, swapped] {
            #expect(try Self.metadata([TIFFFieldBytes(.iptc, .long, bytes: bytes)]).metadata.iptc == records)
        }
    }

    /// A file with directories of EXIF and GPS, and one of interoperability, which is not followed.
    private static func fileWithEXIF(_ form: TIFFForm) -> [UInt8] {
        var image = SampleTIFF(form: form)
        var file = image.file()
        func append(_ fields: [TIFFFieldBytes]) -> UInt64 {
            file += [UInt8](repeating: 0, count: file.count % 2)
            let offset = UInt64(file.count)
            file += form.directory(fields, at: offset)
            return offset
        }
        let exif = append([
            TIFFFieldBytes(33434, .rational, bytes: form.order.bytes(1, count: 4) + form.order.bytes(125, count: 4)),
            TIFFFieldBytes(37500, .undefined, bytes: [9, 8, 7]), TIFFFieldBytes(40965, .long, [4], form.order),
            TIFFFieldBytes(40962, .long, [21], form.order),
            TIFFFieldBytes(0x9000, .undefined, bytes: Array("0232".utf8)),
        ])
        let gps = append([TIFFFieldBytes(1, text: [0x4e])])
        image.fields = [
            TIFFFieldBytes(.exifIFD, .long, [exif], form.order), TIFFFieldBytes(.gpsIFD, .long, [gps], form.order),
            TIFFFieldBytes(.make, text: Array("Leica".utf8)), TIFFFieldBytes(.orientation, .short, [6], form.order),
        ]
        image.rowsPerStrip = 100
        let byteCount = UInt64(image.width * image.height)
        let first = append(image.directoryFields(offsets: [form.isBig ? 16 : 8], byteCounts: [byteCount]))
        file.replaceSubrange(0..<(form.isBig ? 16 : 8), with: form.header(firstDirectory: first))
        return file
    }

    @Test(arguments: [TIFFByteOrder.littleEndian, .bigEndian], [false, true])
    func `EXIF data becomes a block of its own`(
        _ order: TIFFByteOrder, _ isBig: Bool
    ) throws {
        let file = Self.fileWithEXIF(TIFFForm(order: order, isBig: isBig))
        let block = try #require(try Self.metadata(ofFile: file).metadata.exif)
        let source = try TIFFSource(byteCount: UInt64(block.count)) { offset, count in
            Array(block[Int(offset)..<Int(offset) + count])
        }
        #expect(source.order == order && source.form == .classic)
        let main = try TIFFDirectory(at: source.firstDirectory, in: source)
        #expect(main.sortedFields.map(\.tag.number) == [271, 274, 34665, 34853])
        #expect(try main.bytes(.make, in: source) == Array("Leica\0".utf8))
        #expect(try main.number(.orientation, in: source) == 6)
        let exif = try TIFFDirectory(at: #require(try main.number(.exifIFD, in: source)), in: source)
        #expect(exif.sortedFields.map(\.tag.number) == [33434, 0x9000, 37500, 40962])
        #expect(try exif.bytes(33434, in: source) == order.bytes(1, count: 4) + order.bytes(125, count: 4))
        let gps = try TIFFDirectory(at: #require(try main.number(.gpsIFD, in: source)), in: source)
        #expect(try gps.bytes(1, in: source) == [0x4e, 0])
        // A pipeline that turns the picture sets it upright there as well.
        var upright = ImageMetadata()
        upright.exif = block
        let shape = ImageShape(width: 2, height: 2, format: PixelFormat(.gray, .eight))
        let adapted = upright.adapted(to: shape, from: shape.format, effect: .setsOrientation)
        #expect(adapted.exif != block && adapted.exif?.count == block.count)
    }

    @Test func `an image that is to be shown turned says so in EXIF data, with or without others`() throws {
        let block = try #require(try Self.metadata([TIFFFieldBytes(.orientation, .short, [3])]).metadata.exif)
        #expect(block.count == 26)
        #expect(try Self.metadata([TIFFFieldBytes(.orientation, .short, [1])]).metadata.exif == nil)
    }

    @Test func `metadata above the limit is left out, with a remark`() throws {
        let found = try Self.metadata(
            [
                TIFFFieldBytes(.profile, .undefined, bytes: [UInt8](repeating: 1, count: 101)),
                TIFFFieldBytes(.artist, text: [65]),
            ],
            limit: 100)
        #expect(found.metadata.profile == nil && found.metadata.texts.count == 1)
        #expect(found.overLimit.count == 1 && found.overLimit.byteCount == 101)
        var image = SampleTIFF()
        image.fields = [TIFFFieldBytes(.profile, .undefined, bytes: [UInt8](repeating: 1, count: 101))]
        #expect(
            try remarks(ofTIFF: image.file(), DecodingLimits(maximumMetadataByteCount: 100)) == [
                ImageRemark(.metadataOverLimit, count: 1, byteCount: 101)
            ])
    }

    @Test func `a damaged directory of EXIF is passed over, with a remark`() throws {
        var image = SampleTIFF()
        image.fields = [TIFFFieldBytes(.exifIFD, .long, [999_999])]
        #expect(try remarks(ofTIFF: image.file()) == [ImageRemark(.partsIgnored, count: 1, byteCount: 0)])
    }

    @Test func `metadata of a TIFF file gets into a PNG file`() throws {
        let file = Self.fileWithEXIF(TIFFForm(order: .bigEndian))
        let decoded = try ImageFile.decode(file, metadataFor: PNGFormat(), effect: [], output: { $0 })
        #expect(try PNGMetadata(framed: decoded.metadata).chunkNames == ["eXIf"])
    }
}
