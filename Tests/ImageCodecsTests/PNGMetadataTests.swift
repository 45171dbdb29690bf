import Pipelines
import Testing

@testable import ImageCodecs
@testable import ImageFormats

@Suite struct PNGMetadataTests {
    private let rgb = PixelFormat(.rgb, .eight)
    private let gray = PixelFormat(.gray, .eight)

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
        #expect(metadata.framed(for: rgb, from: rgb) == PNGMetadataTests.kept.flatMap(\.framed))
        #expect(metadata.chunkNames == PNGMetadataTests.kept.map(\.name))
        #expect(metadata.byteCount == PNGMetadataTests.kept.flatMap(\.framed).count)
    }

    @Test func `text and EXIF behind the image data are kept as well`() throws {
        let metadata = try metadata(
            file([PNGMetadataTests.density], after: [PNGMetadataTests.text, PNGMetadataTests.exif]))
        #expect(metadata.chunkNames == ["pHYs", "tEXt", "eXIf"])
    }

    @Test func `framed metadata goes through an output file and back`() throws {
        let framed = try metadata(file(PNGMetadataTests.kept)).framed(for: rgb, from: rgb)
        let shape = ImageShape(width: 5, height: 3, format: rgb)
        let output = PNGFile.encode(shape: shape, pixels: sampleImage(shape), metadata: framed)
        #expect(try metadata(output) == PNGMetadata(framed: framed))
        #expect(try probe(output).shape == shape)
    }

    @Test func `a colour profile does not outlive a change between colour and gray`() throws {
        let metadata = try metadata(file(PNGMetadataTests.kept))
        let withoutProfile = PNGMetadataTests.kept.filter { $0.name != "iCCP" }.flatMap(\.framed)
        #expect(metadata.framed(for: gray, from: rgb) == withoutProfile)
        #expect(metadata.framed(for: rgb, from: gray) == withoutProfile)
        let rgba = PixelFormat(.rgba, .sixteen)
        #expect(metadata.framed(for: rgba, from: rgb) == PNGMetadataTests.kept.flatMap(\.framed))
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

    @Test func `a wrong checksum of metadata is refused`() throws {
        var damaged = file([PNGMetadataTests.text])
        damaged[8 + 25 + 8] ^= 0x20
        let error = try #require(codecError { _ = try metadata(damaged) })
        #expect(error.kind == .corrupt && error.reason.contains("checksum of its tEXt chunk"))
    }

    @Test func `framed metadata is checked again where it is taken up`() throws {
        let good = PNGMetadataTests.text.framed + PNGMetadataTests.density.framed
        #expect(try PNGMetadata(framed: good).framed(for: rgb, from: rgb) == good)
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

    @Test func `metadata above its limits is refused, at its limits kept`() throws {
        let chunks = [Chunk](repeating: PNGMetadataTests.text, count: 10)
        #expect(try metadata(file(chunks), DecodingLimits(maximumAncillaryChunkCount: 10)).chunkNames.count == 10)
        let size = PNGMetadataTests.text.data.count
        for limits in [
            DecodingLimits(maximumAncillaryChunkByteCount: size), DecodingLimits(maximumMetadataByteCount: 10 * size),
        ] {
            #expect(try metadata(file(chunks), limits).chunkNames.count == 10)
        }
        for limits in [
            DecodingLimits(maximumAncillaryChunkCount: 9), DecodingLimits(maximumAncillaryChunkByteCount: size - 1),
            DecodingLimits(maximumMetadataByteCount: 10 * size - 1),
        ] {
            #expect(codecError { _ = try metadata(file(chunks), limits) }?.kind == .overLimit)
        }
    }
}
