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
            for engine in [PNGReader.Engine.automatic, .libpng] {
                let error = codecError { _ = try PNGFile.decode(part, limits: limits, engine: engine) }
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
            let fast = Result { try PNGFile.decode(file, limits: limits, engine: .automatic) }
            let reference = Result { try PNGFile.decode(file, limits: limits, engine: .libpng) }
            let probed = Result { try probe(file, limits: limits) }
            switch (fast, reference) {
            case (.success(let one), .success(let other)):
                decodedCount += 1
                #expect(one.shape == other.shape && one.pixels == other.pixels, "\(name)")
                #expect(try probed.get().shape == one.shape)
            case (.failure(let one), .failure(let other)):
                #expect((one as? CodecError)?.kind == (other as? CodecError)?.kind, "\(name): \(one) / \(other)")
            case (.success, .failure(let error)): Issue.record("\(name): only libpng refuses: \(error)")
            case (.failure(let error), .success): Issue.record("\(name): only the fast decoder refuses: \(error)")
            }
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

    @Test func `a wrong Adler-32 is refused, though all pixels are there`() throws {
        var data = Chunk.stored(rows)
        #expect(try PNGFile.decode(Chunk.file([header, data, .end])).pixels == [1, 2, 3, 4, 5, 6, 7, 8])
        data.data[data.data.count - 1] ^= 1
        for engine in [PNGReader.Engine.automatic, .libpng] {
            let error = codecError {
                _ = try PNGFile.decode(Chunk.file([header, data, .end]), limits: limits, engine: engine)
            }
            #expect(error?.kind == .corrupt)
        }
    }

    @Test func `more or less image data than the rows need is refused`() {
        let tooLong = Chunk.stored(rows + [0, 1, 2, 3, 4])
        let tooShort = Chunk.stored(rows.dropLast())
        let withTail = Chunk(name: "IDAT", data: Chunk.stored(rows).data + [0])
        for chunks in [[tooLong], [tooShort], [withTail], [.stored(rows), Chunk(name: "IDAT", data: [7])]] {
            for engine in [PNGReader.Engine.automatic, .libpng] {
                let error = codecError {
                    _ = try PNGFile.decode(Chunk.file([header] + chunks + [.end]), limits: limits, engine: engine)
                }
                #expect(error?.kind == .corrupt)
            }
        }
    }

    @Test func `a filter that PNG does not have is refused`() throws {
        let file = Chunk.file([header, .stored([0, 1, 2, 3, 4, 5, 5, 6, 7, 8]), .end])
        let error = try #require(codecError { _ = try PNGFile.decode(file) })
        #expect(error.reason.contains("row 1 has filter 5"))
    }

    @Test func `chunks out of order, twice or missing are refused`() {
        let data = Chunk.stored(rows)
        let palette = Chunk(name: "PLTE", data: [1, 2, 3])
        let indexed = Chunk.header(width: 4, height: 2, bitDepth: 8, colorType: 3)
        let wrong: [(String, [Chunk])] = [
            ("no header", [data, .end]), ("two headers", [header, header, data, .end]), ("no data", [header, .end]),
            ("no end", [header, data]), ("end with data", [header, data, Chunk(name: "IEND", data: [0])]),
            ("data apart", [header, data, Chunk(name: "tEXt", data: [65, 0]), data, .end]),
            ("no palette", [indexed, data, .end]), ("two palettes", [indexed, palette, palette, data, .end]),
            ("late palette", [indexed, data, palette, .end]), ("gray palette", [header, palette, data, .end]),
            ("odd palette", [indexed, Chunk(name: "PLTE", data: [1, 2]), data, .end]),
            ("early alpha", [indexed, Chunk(name: "tRNS", data: [1]), palette, data, .end]),
            ("long alpha", [indexed, palette, Chunk(name: "tRNS", data: [1, 2]), data, .end]),
            ("two alphas", [header] + [Chunk](repeating: Chunk(name: "tRNS", data: [0, 1]), count: 2) + [data, .end]),
            ("short header", [Chunk(name: "IHDR", data: Array(header.data.dropLast())), data, .end]),
        ]
        for (what, chunks) in wrong {
            #expect(codecError { _ = try PNGFile.decode(Chunk.file(chunks)) }?.kind == .corrupt, "\(what)")
        }
        let unknown = Chunk.file([header, Chunk(name: "ABCD", data: []), data, .end])
        #expect(codecError { _ = try PNGFile.decode(unknown) }?.kind == .unsupported)
        let private_ = Chunk.file([header, Chunk(name: "abCd", data: [1]), data, .end])
        #expect(throws: Never.self) { try PNGFile.decode(private_) }
    }
}
