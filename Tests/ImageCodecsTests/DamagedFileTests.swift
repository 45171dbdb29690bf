import FuzzTargets
import JobModel
import Pipelines
import SeededRandom
import Testing

@testable import ImageCodecs
@testable import ImageFormats

/// Files as they come from broken disks and from people who mean harm.
@Suite struct DamagedFileTests {
    /// Refuses images that would make the tests slow; damage likes to change the size.
    private let limits = DecodingLimits(maximumPixelCount: 1 << 20)

    @Test(arguments: ["basn3p02.png", "basi6a16.png", "tbbn2c16.png", "oi9n0g16.png"])
    func `a file cut short at any byte is refused`(_ name: String) {
        let file = PngSuite.read(name)
        for count in 0..<file.count {
            let part = Array(file.prefix(count))
            for decoder in Decoder.allCases {
                let error = codecError { _ = try decoder.decode(part, limits: limits) }
                #expect(error?.kind == .corrupt, "cut at \(count)")
            }
        }
        #expect(throws: Never.self) { try PNGFile.decode(file) }
    }

    @Test func `the probe of a file cut short at any byte is refused, or right when the image data has begun`() throws {
        let file = PngSuite.read("tbbn3p08.png")
        let header = try probe(file)
        for count in 0..<file.count {
            if let seen = try? probe(Array(file.prefix(count))) { #expect(seen == header) }
        }
        #expect(codecError { _ = try probe(Array(file.prefix(60))) }?.kind == .corrupt)
    }

    /// A thousand files with one to four bits flipped; half of them with all checksums put right again, so that the damage
    /// reaches the code behind the checksums.
    @Test(arguments: 0..<4)
    func `flipped bits never crash, and both decoders come to the same end`(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: 1000 + seed)
        let names = PngSuite.goodFiles
        var decodedCount = 0
        for _ in 0..<1000 {
            let name = names[Int.random(in: names.indices, using: &random)]
            var file = PngSuite.read(name)
            let mendsChecksums = Bool.random(using: &random)
            if mendsChecksums {
                var chunks = Chunk.all(of: file)
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    let index = Int.random(in: chunks.indices, using: &random)
                    guard !chunks[index].data.isEmpty else { continue }
                    let place = Int.random(in: chunks[index].data.indices, using: &random)
                    chunks[index].data[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                }
                file = Chunk.file(chunks)
            } else {
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    file[Int.random(in: file.indices, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                }
            }
            let own = Result<(shape: ImageShape, pixels: [UInt8]), any Error> {
                try PNGFile.decode(file, limits: limits)
            }
            do {
                let agreement = try LibPNGComparison.compare(file, ours: own, maximumByteCount: 8 << 20)
                if agreement == .decoded { decodedCount += 1 }
            } catch {
                Issue.record("\(name): \(error)")
            }
            if case .success(let image) = own { #expect(try probe(file, limits: limits).shape == image.shape) }
        }
        // Damage to a colour or to text is not noticed once the checksum is mended.
        #expect(decodedCount > 50 && decodedCount < 900, "\(decodedCount)")
    }

    @Test func `random bytes after a signature never crash`() {
        var random = SeededGenerator(seed: 11)
        for _ in 0..<2000 {
            let file = PNGLayout.signature + random.bytes(Int.random(in: 0...200, using: &random))
            #expect(codecError { _ = try PNGFile.decode(file) } != nil)
            #expect(codecError { _ = try probe(file) } != nil)
        }
    }

    private let header = Chunk.header(width: 4, height: 2, bitDepth: 8, colorType: 0)
    private let rows: [UInt8] = [0, 1, 2, 3, 4, 0, 5, 6, 7, 8]

    @Test func `a wrong Adler-32 is refused, and a missing one, though all pixels are there`() throws {
        let data = Chunk.stored(rows)
        #expect(try PNGFile.decode(Chunk.file([header, data, .end])).pixels == [1, 2, 3, 4, 5, 6, 7, 8])
        var wrong = data
        wrong.data[wrong.data.count - 1] ^= 1
        for count in 1...4 {
            let missing = Chunk(name: "IDAT", data: Array(data.data.dropLast(count)))
            for chunk in [wrong, missing] {
                let error = try #require(codecError { _ = try PNGFile.decode(Chunk.file([header, chunk, .end])) })
                #expect(error.kind == .corrupt && error.reason.contains("Adler-32"), "\(error)")
            }
        }
    }

    @Test func `less image data than the rows need is refused`() {
        let file = Chunk.file([header, .stored(rows.dropLast()), .end])
        for decoder in Decoder.allCases { #expect(codecError { _ = try decoder.decode(file) }?.kind == .corrupt) }
    }

    @Test func `more image data than the rows need is passed over, up to a limit`() throws {
        let longer = Chunk.stored(rows + [0, 1, 2, 3, 4])
        let withTail = Chunk(name: "IDAT", data: Chunk.stored(rows).data + [0])
        let cases: [([Chunk], UInt64)] = [
            ([longer], 5), ([withTail], 1), ([.stored(rows), Chunk(name: "IDAT", data: [7, 8, 9])], 3),
            ([.stored(rows), .stored(rows)], 21), ([.stored(rows), Chunk(name: "IDAT", data: [])], 0),
        ]
        for (chunks, surplus) in cases {
            let file = Chunk.file([header] + chunks + [.end])
            for decoder in Decoder.allCases { #expect(try decoder.decode(file).pixels == [1, 2, 3, 4, 5, 6, 7, 8]) }
            #expect(
                try remarks(file)
                    == (surplus == 0 ? [] : [ImageRemark(.surplusImageData, count: 1, byteCount: surplus)]))
        }
        // Nobody has us inflate nothing for minutes.
        let zeros = [UInt8](repeating: 0, count: Int(Inflater.maximumSurplusByteCount))
        #expect(try remarks(Chunk.file([header, .stored(rows + zeros), .end])).count == 1)
        let error = codecError { _ = try PNGFile.decode(Chunk.file([header, .stored(rows + zeros + [0]), .end])) }
        #expect(error?.kind == .corrupt && error?.reason.contains("67108864") == true)
    }

    @Test func `image data behind the end of the stream still has right checksums`() {
        let stray = Chunk(name: "IDAT", data: [1, 2, 3])
        let file =
            PNGLayout.signature + header.framed + Chunk.stored(rows).framed + stray.damaged + Chunk.end.framed
        for decoder in Decoder.allCases { #expect(codecError { _ = try decoder.decode(file) }?.kind == .corrupt) }
    }

    @Test func `a filter that PNG does not have is refused`() throws {
        let file = Chunk.file([header, .stored([0, 1, 2, 3, 4, 5, 5, 6, 7, 8]), .end])
        let error = try #require(codecError { _ = try PNGFile.decode(file) })
        #expect(error.reason.contains("row 1 has filter 5"))
    }

    private let data = Chunk.stored([0, 1, 2, 3, 4, 0, 5, 6, 7, 8])
    private let palette = Chunk(name: "PLTE", data: [1, 2, 3])
    private let indexed = Chunk.header(width: 4, height: 2, bitDepth: 8, colorType: 3)

    @Test func `what the picture needs and is out of order, twice, damaged or missing is refused`() {
        let wrong: [(String, [Chunk])] = [
            ("no header", [data, .end]), ("two headers", [header, header, data, .end]),
            ("a late header", [header, data, header, .end]), ("no data", [header, .end]),
            ("no end", [header, data]), ("data in two parts", [header] + halves(data) + [.end]),
            ("no palette", [indexed, data, .end]), ("two palettes", [indexed, palette, palette, data, .end]),
            ("a late palette", [indexed, data, palette, .end]),
            ("an odd palette", [indexed, Chunk(name: "PLTE", data: [1, 2]), data, .end]),
            ("an empty palette", [indexed, Chunk(name: "PLTE", data: []), data, .end]),
            ("a long palette", [indexed, Chunk(name: "PLTE", data: [UInt8](repeating: 1, count: 771)), data, .end]),
            ("a short header", [Chunk(name: "IHDR", data: Array(header.data.dropLast())), data, .end]),
            ("a long header", [Chunk(name: "IHDR", data: header.data + [0]), data, .end]),
        ]
        for (what, chunks) in wrong {
            for decoder in Decoder.allCases {
                #expect(codecError { _ = try decoder.decode(Chunk.file(chunks)) }?.kind == .corrupt, "\(what)")
            }
        }
        for late in [[header, data], [header]] {
            let unknown = Chunk.file(late + [Chunk(name: "ABCD", data: [])] + (late.count == 1 ? [data] : []) + [.end])
            #expect(codecError { _ = try PNGFile.decode(unknown) }?.kind == .unsupported)
        }
        for chunk in [header, palette, Chunk.end] {
            let file =
                PNGLayout.signature
                + [indexed, palette, data, .end].flatMap { $0.name == chunk.name ? $0.damaged : $0.framed }
            for decoder in Decoder.allCases {
                #expect(codecError { _ = try decoder.decode(file) }?.kind == .corrupt, "\(chunk.name)")
            }
        }
    }

    /// The chunk in two, with another between them.
    private func halves(_ chunk: Chunk) -> [Chunk] {
        [
            Chunk(name: chunk.name, data: Array(chunk.data.prefix(5))), Chunk(name: "tEXt", data: [65, 0]),
            Chunk(name: chunk.name, data: Array(chunk.data.dropFirst(5))),
        ]
    }
}
