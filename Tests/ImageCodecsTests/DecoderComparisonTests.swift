import Pipelines
import SeededRandom
import Testing

@testable import ImageCodecs
@testable import ImageFormats

/// The fast decoder and libpng's rows, compared on files made to reach every branch.
@Suite struct DecoderComparisonTests {
    struct Kind: Sendable, CustomTestStringConvertible {
        let colorType: Int
        let bitDepth: Int
        let hasTransparency: Bool

        var testDescription: String { "colour type \(colorType), \(bitDepth) bits\(hasTransparency ? ", tRNS" : "")" }

        static let all: [Kind] = [
            (0, [1, 2, 4, 8, 16]), (2, [8, 16]), (3, [1, 2, 4, 8]), (4, [8, 16]), (6, [8, 16]),
        ].flatMap { (colorType: Int, depths: [Int]) in
            depths.flatMap { depth in
                (colorType >= 4 ? [false] : [false, true]).map {
                    Kind(colorType: colorType, bitDepth: depth, hasTransparency: $0)
                }
            }
        }
    }

    /// Random bytes are a valid row under any filter: each row gets one at random.
    private func randomFile(
        _ kind: Kind, width: Int, height: Int, isInterlaced: Bool = false, _ random: inout SeededGenerator
    ) -> [UInt8] {
        let channelCount = [0: 1, 2: 3, 3: 1, 4: 2, 6: 4][kind.colorType] ?? 0
        let passes = isInterlaced ? Chunk.interlacedPasses(width: width, height: height) : [(width, height)]
        // Half of the rows of few values, so that some samples do match the transparent colour.
        let rows = passes.flatMap { width, height in
            (0..<height).flatMap { _ -> [UInt8] in
                let isPlain = Bool.random(using: &random)
                let row = random.bytes((width * channelCount * kind.bitDepth + 7) / 8)
                return [UInt8.random(in: 0...4, using: &random)] + (isPlain ? row.map { $0 & 1 } : row)
            }
        }
        var chunks = [
            Chunk.header(
                width: width, height: height, bitDepth: kind.bitDepth, colorType: kind.colorType,
                interlace: isInterlaced ? 1 : 0)
        ]
        if kind.colorType == 3 {
            // Fewer colours than indices.
            let colorCount = max(1, 1 << kind.bitDepth - 1)
            chunks.append(Chunk(name: "PLTE", data: random.bytes(3 * colorCount)))
            if kind.hasTransparency {
                chunks.append(Chunk(name: "tRNS", data: random.bytes((colorCount + 1) / 2)))
            }
        } else if kind.hasTransparency {
            let key = (0..<channelCount).flatMap { _ in [UInt8(0), UInt8.random(in: 0...1, using: &random)] }
            chunks.append(Chunk(name: "tRNS", data: key))
        }
        return Chunk.file(chunks + [.stored(rows), .end])
    }

    @Test(arguments: Kind.all)
    func `the fast decoder's rows are libpng's`(_ kind: Kind) throws {
        var random = SeededGenerator(seed: UInt64(kind.colorType * 100 + kind.bitDepth))
        for (width, height) in [(1, 1), (1, 37), (41, 1), (2, 3), (7, 11), (64, 64), (129, 67), (1021, 19)] {
            let file = randomFile(kind, width: width, height: height, &random)
            let fast = try Decoder.own.decode(file)
            let reference = try Decoder.libpng.decode(file)
            #expect(fast.shape == reference.shape)
            #expect(fast.pixels == reference.pixels, "\(width) x \(height)")
        }
    }

    @Test(arguments: Kind.all)
    func `an interlaced image is libpng's, however few pixels its passes have`(_ kind: Kind) throws {
        var random = SeededGenerator(seed: UInt64(7000 + kind.colorType * 100 + kind.bitDepth))
        let sizes = (1...9).flatMap { width in (1...9).map { (width, $0) } } + [(1, 37), (41, 1), (129, 67)]
        for (width, height) in sizes {
            let file = randomFile(kind, width: width, height: height, isInterlaced: true, &random)
            let own = try Decoder.own.decode(file)
            let reference = try Decoder.libpng.decode(file)
            #expect(own.shape == reference.shape)
            #expect(own.pixels == reference.pixels, "\(width) x \(height)")
        }
    }

    @Test func `rows wider than the window decode as libpng decodes them`() throws {
        var random = SeededGenerator(seed: 5)
        for kind in [Kind(colorType: 6, bitDepth: 16, hasTransparency: false), .all[0]] {
            let file = randomFile(kind, width: 100_003, height: 5, &random)
            let fast = try Decoder.own.decode(file)
            #expect(try fast.pixels == Decoder.libpng.decode(file).pixels)
        }
    }

    @Test func `image data may be cut into chunks anywhere, empty ones among them`() throws {
        let shape = ImageShape(width: 23, height: 17, format: PixelFormat(.rgb, .eight))
        let pixels = sampleImage(shape)
        let chunks = Chunk.all(of: PNGFile.encode(shape: shape, pixels: pixels))
        let data = chunks.filter { $0.name == "IDAT" }.flatMap(\.data)
        for size in 1...9 {
            var cut: [Chunk] = []
            for start in stride(from: 0, to: data.count, by: size) {
                cut.append(Chunk(name: "IDAT", data: Array(data[start..<min(start + size, data.count)])))
                if start % 3 == 0 { cut.append(Chunk(name: "IDAT", data: [])) }
            }
            let file = Chunk.file([chunks[0]] + cut + [.end])
            #expect(try PNGFile.decode(file).pixels == pixels)
        }
        for place in 0...data.count {
            let halves = [data[..<place], data[place...]].map { Chunk(name: "IDAT", data: Array($0)) }
            #expect(try PNGFile.decode(Chunk.file([chunks[0]] + halves + [.end])).pixels == pixels)
        }
    }
}
