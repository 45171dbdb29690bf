import JobModel
import Pipelines
import SeededRandom
import Testing

@testable import ImageCodecs
@testable import ImageFormats

@Suite struct PNGMetadataTests {
    private let rgb = PixelFormat(.rgb, .eight)
    private let gray = PixelFormat(.gray, .eight)

    private func output(_ format: PixelFormat) -> ImageShape { ImageShape(width: 2, height: 1, format: format) }

    private static let profile = Chunk(name: "iCCP", data: Array("sRGB".utf8) + [0, 0, 1, 2, 3])
    private static let density = Chunk(name: "pHYs", data: [0, 0, 11, 19, 0, 0, 11, 19, 1])
    private static let text = Chunk(name: "tEXt", data: Array("Title".utf8) + [0] + Array("A cup".utf8))
    private static let international = Chunk(
        name: "iTXt", data: Array("Title".utf8) + [0, 0, 0, 0, 0] + Array("Täße".utf8))
    private static let exif = Chunk(name: "eXIf", data: [0x4d, 0x4d, 0, 0x2a, 0, 0, 0, 8, 0, 0])
    private static let kept = [
        profile, Chunk(name: "gAMA", data: [0, 0, 0xb1, 0x8f]),
        Chunk(name: "cHRM", data: [UInt8](repeating: 1, count: 32)),
        Chunk(name: "sRGB", data: [0]), density, text, Chunk(name: "zTXt", data: Array("Long".utf8) + [0, 0, 9]),
        international, exif,
    ]
    private static let dropped = [
        Chunk(name: "tIME", data: [7, 0xea, 11, 20, 1, 2, 3]), Chunk(name: "sBIT", data: [8, 8, 8]),
        Chunk(name: "bKGD", data: [0, 1, 0, 1, 0, 1]), Chunk(name: "acTL", data: [UInt8](repeating: 0, count: 8)),
        Chunk(name: "prVt", data: [1, 2, 3]),
    ]

    /// A file of 2 x 1 RGB pixels with `chunks` before its image data, and `after` behind it.
    private func file(_ chunks: [Chunk], after: [Chunk] = []) -> [UInt8] {
        Chunk.file(
            [Chunk.header(width: 2, height: 1, bitDepth: 8, colorType: 2)] + chunks
                + [Chunk.stored([0, 1, 2, 3, 4, 5, 6])] + after + [.end])
    }

    private func metadata(_ file: [UInt8], _ limits: DecodingLimits = DecodingLimits()) throws -> PNGMetadata {
        try file.withUnsafeBytes { try PNGReader($0, limits: limits).metadata }
    }

    @Test func `colour space, resolution, text and EXIF are kept byte for byte, what describes the samples is not`()
        throws
    {
        let metadata = try metadata(file(PNGMetadataTests.kept + PNGMetadataTests.dropped))
        #expect(metadata.framed(for: output(rgb), from: rgb) == PNGMetadataTests.kept.flatMap(\.framed))
        #expect(metadata.chunkNames == PNGMetadataTests.kept.map(\.name))
        #expect(metadata.byteCount == PNGMetadataTests.kept.flatMap(\.framed).count)
    }

    @Test func `text and EXIF behind the image data are kept as well`() throws {
        let metadata = try metadata(
            file([PNGMetadataTests.density], after: [PNGMetadataTests.text, PNGMetadataTests.exif]))
        #expect(metadata.chunkNames == ["pHYs", "tEXt", "eXIf"])
    }

    @Test func `framed metadata goes through an output file and back`() throws {
        let framed = try metadata(file(PNGMetadataTests.kept)).framed(for: output(rgb), from: rgb)
        let shape = ImageShape(width: 5, height: 3, format: rgb)
        let output = PNGFile.encode(shape: shape, pixels: sampleImage(shape), metadata: framed)
        #expect(try metadata(output) == PNGMetadata(framed: framed))
        #expect(try probe(output).shape == shape)
    }

    @Test func `a colour profile does not outlive a change between colour and gray`() throws {
        let metadata = try metadata(file(PNGMetadataTests.kept))
        let withoutProfile = PNGMetadataTests.kept.filter { $0.name != "iCCP" }.flatMap(\.framed)
        #expect(metadata.framed(for: output(gray), from: rgb) == withoutProfile)
        #expect(metadata.framed(for: output(rgb), from: gray) == withoutProfile)
        let rgba = PixelFormat(.rgba, .sixteen)
        #expect(metadata.framed(for: output(rgba), from: rgb) == PNGMetadataTests.kept.flatMap(\.framed))
    }

    @Test(arguments: [
        Chunk(name: "gAMA", data: [1]), Chunk(name: "sRGB", data: []), Chunk(name: "pHYs", data: [1, 2]),
        Chunk(name: "tEXt", data: [0, 65]), Chunk(name: "tEXt", data: [65, 66]),
        Chunk(name: "tEXt", data: [10, 0, 65]),
        Chunk(name: "tEXt", data: [UInt8](repeating: 65, count: 80) + [0]), Chunk(name: "iCCP", data: [65, 0, 1, 2]),
        Chunk(name: "iTXt", data: [65, 0, 2, 0, 0, 0]), Chunk(name: "eXIf", data: [1, 2, 3, 4]),
    ])
    func `a chunk that is not well-formed is left out, and the picture decodes`(_ chunk: Chunk) throws {
        let file = file([chunk, PNGMetadataTests.density])
        #expect(try metadata(file).chunkNames == ["pHYs"])
        #expect(try PNGFile.decode(file).pixels == [1, 2, 3, 4, 5, 6])
    }

    @Test func `the second of a kind that there is one of is left out; texts may repeat`() throws {
        let chunks = [PNGMetadataTests.density, PNGMetadataTests.text, PNGMetadataTests.density, PNGMetadataTests.text]
        #expect(try metadata(file(chunks)).chunkNames == ["pHYs", "tEXt", "tEXt"])
    }

    @Test func `a damaged chunk of metadata is left out with a remark, and a later one of its kind counts`() throws {
        for chunk in PNGMetadataTests.kept {
            let start = PNGLayout.signature + Chunk.header(width: 2, height: 1, bitDepth: 8, colorType: 2).framed
            let rest = [Chunk.stored([0, 1, 2, 3, 4, 5, 6]), .end].flatMap(\.framed)
            #expect(try metadata(start + chunk.damaged + rest).isEmpty)
            #expect(
                try remarks(start + chunk.damaged + rest)
                    == [ImageRemark(.partsIgnored, count: 1, byteCount: UInt64(chunk.data.count))])
            #expect(try metadata(start + chunk.damaged + chunk.framed + rest).chunkNames == [chunk.name])
        }
    }

    @Test func `what decoders ignore where it is does not come into force in the output`() throws {
        let palette = Chunk(name: "PLTE", data: [1, 2, 3])
        let colorSpace = ["iCCP", "gAMA", "cHRM", "sRGB", "cICP", "mDCV", "cLLI"]
        let all =
            PNGMetadataTests.kept + [
                Chunk(name: "cICP", data: [1, 13, 0, 1]), Chunk(name: "mDCV", data: [UInt8](repeating: 1, count: 24)),
                Chunk(name: "cLLI", data: [UInt8](repeating: 1, count: 8)),
            ]
        for chunk in all {
            let isColorSpace = colorSpace.contains(chunk.name)
            let behindPalette = file([palette, chunk])
            #expect(try metadata(behindPalette).chunkNames == (isColorSpace ? [] : [chunk.name]))
            let behindData = file([], after: [chunk])
            let isLost = isColorSpace || chunk.name == "pHYs"
            #expect(try metadata(behindData).chunkNames == (isLost ? [] : [chunk.name]))
            #expect(try remarks(behindData).map(\.code) == (isLost ? [.partsIgnored] : []))
            #expect(try metadata(file([chunk, palette])).chunkNames == [chunk.name])
        }
    }

    @Test func `framed metadata is checked again where it is taken up`() throws {
        let good = PNGMetadataTests.text.framed + PNGMetadataTests.density.framed
        #expect(try PNGMetadata(framed: good).framed(for: output(rgb), from: rgb) == good)
        #expect(try PNGMetadata(framed: []).isEmpty)
        for count in 1..<good.count where count != PNGMetadataTests.text.framed.count {
            #expect(codecError { _ = try PNGMetadata(framed: Array(good.prefix(count))) }?.kind == .corrupt)
        }
        for index in good.indices {
            var damaged = good
            damaged[index] ^= 0x01
            #expect(codecError { _ = try PNGMetadata(framed: damaged) }?.kind == .corrupt, "byte \(index)")
        }
        for foreign in [Chunk.end, Chunk(name: "IDAT", data: [1]), Chunk(name: "tIME", data: [0, 0, 0, 0, 0, 0, 0])] {
            #expect(codecError { _ = try PNGMetadata(framed: foreign.framed) }?.kind == .corrupt)
        }
    }

    @Test
    func `text, profile and EXIF above the limit are left out with a remark, each by itself; at the limit they stay`()
        throws
    {
        let size = PNGMetadataTests.text.framed.count
        let texts = [Chunk](repeating: PNGMetadataTests.text, count: 10)
        func names(_ chunks: [Chunk], _ limit: Int) throws -> [String] {
            try metadata(file(chunks), DecodingLimits(maximumMetadataByteCount: UInt64(limit))).chunkNames
        }
        #expect(try names(texts, 10 * size).count == 10)
        #expect(try names(texts, 10 * size - 1).count == 9)
        #expect(
            try remarks(file(texts), limits: DecodingLimits(maximumMetadataByteCount: UInt64(3 * size)))
                == [
                    ImageRemark(
                        .metadataOverLimit, count: 7, byteCount: UInt64(7 * PNGMetadataTests.text.data.count))
                ])
        // A large text in front takes nothing from what follows, and small chunks have no limit.
        let large = Chunk(name: "tEXt", data: [65, 0] + [UInt8](repeating: 66, count: 1_000))
        let chunks = [large] + PNGMetadataTests.kept
        let limit = PNGMetadataTests.kept.map(\.framed.count).reduce(0, +)
        #expect(try names(chunks, limit) == PNGMetadataTests.kept.map(\.name))
        #expect(try names(PNGMetadataTests.kept, 0) == ["gAMA", "cHRM", "sRGB", "pHYs"])
    }

    @Test(arguments: [
        Chunk(name: "tEXt", data: Array("parameters".utf8) + [0] + [UInt8](repeating: 65, count: 2 << 20)),
        Chunk(name: "zTXt", data: Array("parameters".utf8) + [0, 0] + [UInt8](repeating: 65, count: 2 << 20)),
        Chunk(
            name: "iTXt",
            data: Array("XML:com.adobe.xmp".utf8) + [0, 0, 0, 0, 0] + [UInt8](repeating: 32, count: 2 << 20)),
        Chunk(name: "iCCP", data: Array("large".utf8) + [0, 0] + [UInt8](repeating: 1, count: 2 << 20)),
        Chunk(name: "eXIf", data: [0x4d, 0x4d, 0, 0x2a] + [UInt8](repeating: 0, count: 2 << 20)),
    ])
    func `two megabytes of text, profile or EXIF are carried over`(_ chunk: Chunk) throws {
        for file in chunk.name == "iCCP" ? [file([chunk])] : [file([chunk]), file([], after: [chunk])] {
            #expect(try metadata(file).framed(for: output(rgb), from: rgb) == chunk.framed)
            #expect(try remarks(file).isEmpty)
        }
    }

    @Test func `very many texts are carried over`() throws {
        let texts = (0..<20_000).map { Chunk(name: "tEXt", data: Array("key \($0)".utf8) + [0, 65]) }
        #expect(try metadata(file(texts)).framed(for: output(rgb), from: rgb) == texts.flatMap(\.framed))
    }

    @Test func `what is not carried over is passed over whatever its size, number and checksum`() throws {
        let frame = Chunk(name: "fdAT", data: [UInt8](repeating: 3, count: 2 << 20))
        let start = PNGLayout.signature + Chunk.header(width: 2, height: 1, bitDepth: 8, colorType: 2).framed
        for name in ["acTL", "fcTL", "fdAT", "caBX", "prVt", "tIME", "sPLT", "te8t", "bKGD", "sBIT"] {
            let large = Chunk(name: name, data: frame.data)
            let many = (0..<2_000).flatMap { Chunk(name: name, data: [UInt8($0 & 0xff)]).framed }
            for extra in [large.framed, large.damaged, many] {
                let data = Chunk.stored([0, 1, 2, 3, 4, 5, 6]).framed
                for file in [start + extra + data + Chunk.end.framed, start + data + extra + Chunk.end.framed] {
                    #expect(try PNGFile.decode(file).pixels == [1, 2, 3, 4, 5, 6], "\(name)")
                    #expect(try remarks(file).isEmpty && metadata(file).isEmpty, "\(name)")
                }
            }
        }
    }

    // MARK: What processing makes wrong

    @Test func `a quarter turn exchanges the resolutions, two do not`() throws {
        let density = Chunk(name: "pHYs", data: [0, 0, 0x1f, 0x5f, 0, 0, 0x0f, 0x12, 1])
        let metadata = try metadata(file([PNGMetadataTests.text, density]))
        let turned = Chunk(name: "pHYs", data: [0, 0, 0x0f, 0x12, 0, 0, 0x1f, 0x5f, 1])
        for (pipeline, expected) in [
            ("rotate degrees=90", turned), ("rotate degrees=270 | invert", turned), ("rotate degrees=180", density),
            ("rotate | sobel | rotate", density), ("rotate | rotate | rotate", turned), ("flip | invert", density),
            ("flip | rotate", turned),
        ] {
            let effect = try Pipeline(parsing: pipeline).metadataEffect
            #expect(
                metadata.framed(for: output(rgb), from: rgb, effect: effect) == PNGMetadataTests.text.framed
                    + expected.framed,
                "\(pipeline)")
        }
    }

    /// EXIF data with orientation 6, resolutions 204 and 98 and one entry more.
    private func exif(bigEndian: Bool, orientation: UInt8, horizontal: UInt8, vertical: UInt8) -> [UInt8] {
        func number(_ value: Int, _ byteCount: Int) -> [UInt8] {
            let bytes = (0..<byteCount).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
            return bigEndian ? bytes.reversed() : bytes
        }
        func entry(_ tag: Int, _ type: Int, _ value: [UInt8]) -> [UInt8] {
            number(tag, 2) + number(type, 2) + number(1, 4) + value
        }
        var data: [UInt8] = bigEndian ? [0x4d, 0x4d, 0, 0x2a] : [0x49, 0x49, 0x2a, 0]
        data += number(8, 4) + number(4, 2)
        data += entry(0x0112, 3, number(Int(orientation), 2) + [0, 0])
        data += entry(0x011a, 5, number(Int(horizontal), 4))
        data += entry(0x011b, 5, number(Int(vertical), 4))
        data += entry(0x0128, 3, number(2, 2) + [0, 0]) + number(0, 4)
        for value in [204, 1, 98, 1] { data += number(value, 4) }
        return data
    }

    @Test(arguments: [true, false])
    func `what turns or mirrors an image sets its orientation, in EXIF and XMP`(_ bigEndian: Bool) throws {
        func chunk(_ orientation: UInt8, _ horizontal: UInt8, _ vertical: UInt8) -> Chunk {
            Chunk(
                name: "eXIf",
                data: exif(
                    bigEndian: bigEndian, orientation: orientation, horizontal: horizontal, vertical: vertical))
        }
        func xmp(_ orientation: String) -> [Chunk] {
            ["<rdf tiff:Orientation=\"\(orientation)\"/>", "<tiff:Orientation>\(orientation)</tiff:Orientation>"].map {
                Chunk(name: "iTXt", data: Array("XML:com.adobe.xmp".utf8) + [0, 0, 0, 0, 0] + Array($0.utf8))
            }
        }
        let compressed = Chunk(
            name: "iTXt",
            data: Array("XML:com.adobe.xmp".utf8) + [0, 1, 0, 0, 0] + Array("tiff:Orientation=\"6\"".utf8))
        let source = try metadata(file([chunk(6, 70, 80)] + xmp("6") + [compressed]))
        for (pipeline, expected) in [
            ("invert | resize scale=0.5 | crop width=1", [chunk(6, 70, 80)] + xmp("6")),
            ("flip", [chunk(1, 70, 80)] + xmp("1")), ("rotate degrees=180", [chunk(1, 70, 80)] + xmp("1")),
            ("rotate", [chunk(1, 80, 70)] + xmp("1")), ("rotate | rotate", [chunk(1, 70, 80)] + xmp("1")),
        ] {
            let effect = try Pipeline(parsing: pipeline).metadataEffect
            #expect(
                source.framed(for: output(rgb), from: rgb, effect: effect)
                    == (expected + [compressed]).flatMap(\.framed),
                "\(pipeline)")
        }
    }

    @Test func `EXIF data and packets that are not as they should be stay as they are`() throws {
        let whole = exif(bigEndian: true, orientation: 6, horizontal: 70, vertical: 80)
        var chunks = (4..<whole.count).map { Chunk(name: "eXIf", data: Array(whole.prefix($0))) }
        var random = SeededGenerator(seed: 3)
        for _ in 0..<500 {
            var data = whole
            for _ in 0..<3 {
                data[Int.random(in: 4..<data.count, using: &random)] = .random(in: 0...255, using: &random)
            }
            chunks.append(Chunk(name: "eXIf", data: data))
        }
        for text in ["tiff:Orientation", "tiff:Orientation=\"", "tiff:Orientation=\"66\"", "tiff:Orientation7"] {
            chunks.append(
                Chunk(name: "iTXt", data: Array("XML:com.adobe.xmp".utf8) + [0, 0, 0, 0, 0] + Array(text.utf8)))
        }
        for chunk in chunks {
            let metadata = try metadata(file([chunk]))
            let framed = metadata.framed(for: output(rgb), from: rgb, effect: [.exchangesAxes, .setsOrientation])
            #expect(framed.count == chunk.framed.count)
            #expect(throws: Never.self) { try PNGMetadata(framed: framed) }
            if chunk.name == "iTXt" { #expect(framed == chunk.framed) }
        }
    }

    @Test func `colours that are not the picture's have no colour space of the picture's`() throws {
        let metadata = try metadata(file(PNGMetadataTests.kept))
        let kept = PNGMetadataTests.kept.filter { !["iCCP", "gAMA", "cHRM", "sRGB"].contains($0.name) }
        for pipeline in ["colormap", "grayscale | colormap", "colormap | invert"] {
            let effect = try Pipeline(parsing: pipeline).metadataEffect
            #expect(
                metadata.framed(for: output(rgb), from: rgb, effect: effect) == kept.flatMap(\.framed), "\(pipeline)")
        }
    }
}
