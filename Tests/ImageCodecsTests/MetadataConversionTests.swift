import JobModel
import Pipelines
import Testing

@testable import ImageCodecs
@testable import ImageFormats

/// What one format says by itself and another by EXIF data, by a profile, or in parts.
@Suite struct MetadataConversionTests {
    // MARK: Orientation of PNG files

    private static func png(_ chunks: [Chunk], after: [Chunk] = []) -> [UInt8] {
        Chunk.file(
            [Chunk.header(width: 2, height: 1, bitDepth: 8, colorType: 2)] + chunks
                + [Chunk.stored([0, 1, 2, 3, 4, 5, 6])] + after + [.end])
    }

    private static func exif(_ orientation: Int) -> Chunk {
        Chunk(
            name: "eXIf", data: EXIFSample.header() + EXIFSample.directory([(0x0112, 3, 1, orientation)], next: 0))
    }

    /// What the probe says, which the reader has to say, too.
    private static func orientation(_ file: [UInt8], _ limits: DecodingLimits = DecodingLimits()) throws -> UInt8 {
        let header = try probe(file, limits: limits)
        #expect(try decoded(file, limits: limits).header == header)
        return header.orientation
    }

    @Test func `the first intact EXIF data before the image data say how a PNG file is to be shown`() throws {
        let (six, three) = (Self.exif(6), Self.exif(3))
        #expect(try Self.orientation(Self.png([six])) == 6)
        #expect(try Self.orientation(Self.png([six, three])) == 6)
        #expect(try Self.orientation(Self.png([], after: [six])) == 1)
        #expect(try Self.orientation(Self.png([Chunk(name: "eXIf", data: [1, 2, 3]), three])) == 3)
        #expect(try Self.orientation(Self.png([Self.exif(9)])) == 1)
        let start = PNGLayout.signature + Chunk.header(width: 2, height: 1, bitDepth: 8, colorType: 2).framed
        let rest = [three, Chunk.stored([0, 1, 2, 3, 4, 5, 6]), .end].flatMap(\.framed)
        #expect(try Self.orientation(start + six.damaged + rest) == 3)
        var limits = DecodingLimits()
        limits.maximumMetadataByteCount = UInt64(six.framed.count)
        #expect(try Self.orientation(Self.png([six]), limits) == 6)
        limits.maximumMetadataByteCount -= 1
        #expect(try Self.orientation(Self.png([six]), limits) == 1)
    }

    @Test(arguments: [false, true])
    func `sizes in the EXIF data of a PNG file are put right, and its thumbnail goes`(isBigEndian: Bool) throws {
        let data = EXIFSample.whole(isBigEndian: isBigEndian)
        let effect = try Pipeline(parsing: "rotate").metadataEffect
        let output = ImageShape(width: 640, height: 480, format: PixelFormat(.rgb, .eight))
        let metadata = try Self.png([Chunk(name: "eXIf", data: data)]).withUnsafeBytes { try PNGReader($0).metadata }
        let changed = try PNGMetadata(framed: metadata.framed(for: output, from: output.format, effect: effect))
        var expected = try #require(EXIFData(data))
        expected.setUpright()
        expected.removeThumbnail()
        expected.setSize(width: 640, height: 480)
        #expect(changed.parts.map(\.data) == [expected.bytes] && expected.bytes.count < data.count)
        // Nothing changes where no pixel does.
        #expect(try PNGMetadata(framed: metadata.framed(for: output, from: output.format)) == metadata)
    }

    // MARK: Texts and resolution in EXIF data

    @Test(arguments: [false, true])
    func `fields join the first directory, and everything else stays where it is`(isBigEndian: Bool) throws {
        let data = EXIFSample.whole(isBigEndian: isBigEndian)
        var metadata = ImageMetadata()
        metadata.exif = data
        metadata.texts = [
            .init(keyword: "Author", text: "Grüße"), .init(keyword: "Title", text: "none"),
            .init(keyword: "Software", text: "x"),
        ]
        metadata.resolution = .init(horizontal: 300, vertical: 72.5, unit: .inch)
        let extended = try #require(metadata.exifWithTexts(saysResolution: true))
        let exif = try #require(EXIFData(extended))
        #expect(exif.orientation == 8 && exif.resolution == metadata.resolution)
        // All but the first directory and its offset.
        #expect(Array(extended[38..<data.count]) == Array(data[38...]))
        #expect(extended[8..<38].allSatisfy { $0 == 0 })
        #expect(extended.contains(Array("Grüße\0".utf8)) && !extended.contains(Array("none".utf8)))
        // The thumbnail is still that of the picture.
        var without = exif
        without.removeThumbnail()
        #expect(!without.bytes.contains([0xee, 0xee]) && without.bytes.contains(Array("Grüße".utf8)))
        // What is said already is not said otherwise.
        var again = metadata
        again.exif = extended
        again.texts[0].text = "somebody else"
        #expect(again.exifWithTexts(saysResolution: true) == extended)
        metadata.exif = nil
        let made = try #require(metadata.exifWithTexts(saysResolution: false).flatMap(EXIFData.init))
        #expect(made.bytes.contains(Array("Grüße".utf8)) && made.resolution == nil)
        // Data that are not by the book stay as they are.
        metadata.exif = Array(data.prefix(20))
        #expect(metadata.exifWithTexts(saysResolution: true) == metadata.exif)
    }

    // MARK: Extended XMP

    private static func packet(_ descriptions: String, names: String = "") -> [UInt8] {
        Array(
            ("<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?>\n<x:xmpmeta xmlns:x='adobe:ns:meta/'>"
                + "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'\(names)>\(descriptions)</rdf:RDF>"
                + "</x:xmpmeta>" + String(repeating: " ", count: 2_000) + "<?xpacket end='w'?>").utf8)
    }

    @Test func `a packet is cut between its descriptions, and put together again`() throws {
        let small = "<rdf:Description rdf:about='' xmlns:a='urn:a' a:b='1 > 0'/>"
        let nested =
            "<rdf:Description rdf:about='' xmlns:c='urn:c'><c:d><rdf:Description><c:e>é</c:e></rdf:Description></c:d>"
            + "<!-- </rdf:RDF> --><c:f><![CDATA[<]]></c:f></rdf:Description>"
        let large =
            "<rdf:Description rdf:about='' xmlns:g='urn:g'><g:h>\(String(repeating: "x", count: 3_000))</g:h>"
            + "</rdf:Description>"
        let whole = Self.packet(large + "\n" + small + nested)
        let parts = try #require(XMPPacket.split(whole, maximumByteCount: 1_000))
        let (first, other) = (
            String(decoding: parts.packet, as: UTF8.self), String(decoding: parts.other, as: UTF8.self)
        )
        #expect(
            parts.packet.count <= 1_000 && first.contains(small) && first.contains(nested) && !first.contains("xxx"))
        #expect(other.contains(large) && !other.contains(small) && other.hasPrefix("<x:xmpmeta"))
        #expect(XMPPacket.extensionDigest(in: parts.packet) == parts.digest)
        let merged = try #require(XMPPacket.merged(parts.packet, parts.other))
        let text = String(decoding: merged, as: UTF8.self)
        #expect(
            [small, nested, large].allSatisfy { text.contains($0) } && XMPPacket.extensionDigest(in: merged) == nil)
        // Too much around the descriptions.
        #expect(XMPPacket.split(whole, maximumByteCount: 200) == nil)
    }

    @Test func `names that are declared around the other part's descriptions are declared in them`() throws {
        let other = Self.packet(
            "<rdf:Description rdf:about='' q:r='1'/><rdf:Description xmlns:q='urn:own' q:r='2'/>",
            names: " xmlns:q='urn:q'")
        let note = "<rdf:Description xmlns:xmpNote='http://ns.adobe.com/xmp/note/'\n"
        let digest = String(repeating: "0A", count: 16)
        for said in [
            note + "xmpNote:HasExtendedXMP='\(digest)'/>",
            note + "><xmpNote:HasExtendedXMP>\(digest)</xmpNote:HasExtendedXMP></rdf:Description>",
        ] {
            let first = Self.packet(said)
            #expect(XMPPacket.extensionDigest(in: first) == Array(digest.utf8))
            let merged = String(decoding: try #require(XMPPacket.merged(first, other)), as: UTF8.self)
            #expect(merged.contains("<rdf:Description xmlns:q='urn:q' rdf:about='' q:r='1'/>"))
            #expect(merged.contains("<rdf:Description xmlns:q='urn:own' q:r='2'/>") && !merged.contains(digest))
        }
    }

    @Test func `texts that are not packets are left as they are`() {
        for text in [
            "", "no tags", "<rdf:RDF>", "</rdf:RDF>", "<rdf:RDF></rdf:RDF", "<a><rdf:RDF></a></rdf:RDF>",
            "<!-- <rdf:RDF>",
            "<rdf:RDF><!ELEMENT></rdf:RDF>", "<rdf:RDF></rdf:RDF><", "< ></ >", "<rdf:RDF a='></rdf:RDF>",
        ] {
            #expect(XMPPacket.merged(Array(text.utf8), Self.packet("")) == nil, "\(text)")
        }
    }

    @Test func `a part of a packet that is missing, damaged or another's is left out with a remark`() throws {
        var metadata = ImageMetadata()
        metadata.xmp = Self.packet(
            "<rdf:Description xmlns:g='urn:g'><g:h>\(String(repeating: "x", count: 150_000))</g:h></rdf:Description>")
        let segments = Self.segments(JPEGFormat().framed(metadata))
        #expect(segments.count == 4)
        func collected(_ segments: [[UInt8]]) -> (metadata: ImageMetadata, remarks: [ImageRemark]) {
            var collector = JPEGMetadata.Collector(limits: DecodingLimits())
            for segment in segments { collector.take(.application(1), segment) }
            return collector.finish()
        }
        let whole = collected(segments)
        #expect(whole.remarks.isEmpty && (whole.metadata.xmp?.count ?? 0) > 150_000)
        // In any order.
        #expect(collected(segments.reversed()).metadata == whole.metadata)
        var another = segments
        another[2][40] ^= 1
        var moved = segments
        moved[3][74] ^= 1
        for (damaged, ignored) in [
            (Array(segments.dropLast()), 2), (Array(segments[..<2] + segments[3...]), 2), (another, 3), (moved, 3),
            (segments + [segments[1]], 4), (Array(segments.dropFirst()), 3),
        ] {
            let (metadata, remarks) = collected(damaged)
            #expect(metadata.xmp.map { $0.count < 1_000 } ?? true)
            #expect(remarks.map(\.code) == [.partsIgnored] && remarks.first?.count == UInt32(ignored))
        }
    }

    /// The data of framed segments.
    private static func segments(_ framed: [UInt8]) -> [[UInt8]] {
        var segments: [[UInt8]] = []
        var rest = framed[...]
        while rest.count >= 4 {
            let count = Int(bigEndianInteger(rest.dropFirst(2).prefix(2)))
            segments.append(Array(rest.dropFirst(4).prefix(count - 2)))
            rest = rest.dropFirst(2 + count)
        }
        return segments
    }

    // MARK: Colours as a profile

    @Test func `a profile is made only of numbers that are colours`() {
        var metadata = ImageMetadata()
        #expect(metadata.profileOfColors(isGray: false) == nil)
        metadata.gamma = 45_455
        #expect(metadata.profileOfColors(isGray: false).flatMap(ICCProfile.colorSpace) == "RGB ")
        #expect(metadata.profileOfColors(isGray: true).flatMap(ICCProfile.colorSpace) == "GRAY")
        let points: [UInt32] = [31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000]
        for (index, value) in [(1, 0), (3, 0), (0, .max), (4, 64_000), (5, 33_000)] as [(Int, UInt32)] {
            metadata.chromaticities = points
            metadata.chromaticities?[index] = value
            // Green where red is: both numbers.
            if index == 4 { metadata.chromaticities?[5] = 33_000 }
            if index == 5 { metadata.chromaticities?[4] = 64_000 }
            #expect(metadata.profileOfColors(isGray: false) == nil, "\(index)")
        }
        metadata.chromaticities = points
        metadata.gamma = 0
        #expect(metadata.profileOfColors(isGray: false) == nil)
        for points: [UInt8] in [[9, 16, 0, 1], [9, 18, 0, 1], [2, 13, 0, 1], [1, 13, 1, 1], [1, 13, 0, 0]] {
            metadata.codePoints = points
            #expect(metadata.profileOfColors(isGray: false) == nil, "\(points)")
        }
        // A profile is believed before all of it.
        metadata.profile = [1, 2, 3]
        #expect(metadata.profileOfColors(isGray: false) == [1, 2, 3])
        #expect(ICCProfile.colorSpace(of: [1, 2, 3]) == nil)
    }

    @Test func `WebP, which has no gray, gets no profile of gray levels`() {
        var metadata = ImageMetadata()
        metadata.profile = ICCProfile.gray(.sRGB, name: "gray")
        #expect(WebPFormat().framed(metadata).isEmpty && !JPEGFormat().framed(metadata).isEmpty)
        metadata.profile = ICCProfile.sRGB
        #expect(WebPFormat().framed(metadata).contains(ICCProfile.sRGB))
    }

    @Test func `EXIF data in a text are gone with the position`() {
        var metadata = ImageMetadata()
        metadata.texts = [
            .init(keyword: "Raw profile type exif", text: "45786966"), .init(keyword: "Title", text: "t"),
        ]
        #expect(metadata.stripped(.location).texts.map(\.keyword) == ["Title"])
        #expect(metadata.stripped(.none) == metadata)
    }
}
