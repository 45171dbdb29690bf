import Kernels
import Pipelines
import Checksums
import SeededRandom
import Testing

@testable import ImageCodecs
@testable import ImageFormats

@Suite struct PNGSegmentEncoderTests {
    @Test(arguments: allFormats)
    func `what is encoded decodes to the same pixels`(_ format: PixelFormat) throws {
        for (width, height) in [(1, 1), (1, 13), (13, 1), (2, 2), (31, 37), (127, 61), (521, 257)] {
            let shape = ImageShape(width: width, height: height, format: format)
            let pixels = sampleImage(shape)
            let file = PNGFile.encode(shape: shape, pixels: pixels)
            for decoder in Decoder.allCases {
                let decoded = try decoder.decode(file)
                #expect(decoded.shape == shape)
                #expect(decoded.pixels == pixels, "\(width) x \(height)")
            }
            #expect(try probe(file) == ImageHeader(shape: shape, order: .rows))
        }
    }

    @Test(arguments: [
        PixelFormat(.gray, .eight), PixelFormat(.rgb, .eight), PixelFormat(.grayAlpha, .sixteen),
        PixelFormat(.rgba, .sixteen),
    ])
    func `segments are the same bytes however the rows are grouped into calls`(_ format: PixelFormat) throws {
        // Eleven rows a segment, and a last segment of four.
        let width = SegmentGrid.standard.byteCount / format.bytesPerPixel / 11
        let shape = ImageShape(width: width, height: 48, format: format)
        let segments = SegmentGrid.standard.segments(of: shape)
        try #require(segments.count == 5 && segments[4].count == 4)
        let pixels = sampleImage(shape)
        let whole = encode(shape, pixels, 0..<48, by: PNGSegmentEncoder(shape: shape))

        var random = SeededGenerator(seed: 7)
        for round in 0..<6 {
            // Some rounds with an encoder that has encoded others before, in another order.
            let shared = PNGSegmentEncoder(shape: shape)
            if round % 2 == 1 { _ = encode(shape, pixels, segments[3].lowerBound..<48, by: shared) }
            var joined = EncodedSegments()
            var first = 0
            while first < segments.count {
                let last = round == 0 ? first : Int.random(in: first..<segments.count, using: &random)
                let part = encode(
                    shape, pixels, segments[first].lowerBound..<segments[last].upperBound,
                    by: round % 2 == 1 ? shared : PNGSegmentEncoder(shape: shape))
                joined.bytes += part.bytes
                joined.checksum.append(part.checksum)
                first = last + 1
            }
            #expect(joined == whole)
        }
        let file =
            try PNGAssembly.prefix(output: shape, metadata: []) + whole.bytes
            + PNGAssembly.suffix(adler32: whole.checksum.adler32)
        #expect(file == PNGFile.encode(shape: shape, pixels: pixels))
        #expect(try Decoder.libpng.decode(file).pixels == pixels)
    }

    @Test func `a segment depends on its own rows only`() {
        let shape = ImageShape(width: 8192, height: 128, format: PixelFormat(.rgb, .eight))
        let segments = SegmentGrid.standard.segments(of: shape)
        var pixels = sampleImage(shape)
        let before = encode(shape, pixels, segments[3], by: PNGSegmentEncoder(shape: shape))
        for index in pixels.indices where !segments[3].contains(index / shape.bytesPerRow) { pixels[index] ^= 0x5a }
        #expect(encode(shape, pixels, segments[3], by: PNGSegmentEncoder(shape: shape)) == before)
        pixels[segments[3].lowerBound * shape.bytesPerRow] ^= 1
        #expect(encode(shape, pixels, segments[3], by: PNGSegmentEncoder(shape: shape)) != before)
    }

    @Test func `each chunk is one segment, which inflates to its rows and has the checksum that is told`() throws {
        let shape = ImageShape(width: 4000, height: 70, format: PixelFormat(.rgb, .eight))
        let segments = SegmentGrid.standard.segments(of: shape)
        var chunkCount = 0
        let pixels = sampleImage(shape)
        let result = pixels.withUnsafeBytes { bytes -> FilteredChecksum? in
            bytes.baseAddress.map { base in
                PNGSegmentEncoder(shape: shape).encode(RowsView(shape: shape, rows: 0..<70, base: base)) { chunk in
                    #expect(Int(bigEndianInteger(chunk.prefix(4))) == chunk.count - 12)
                    #expect(Array(chunk[4..<8]) == Array("IDAT".utf8))
                    // An empty stored block, on a byte boundary: the mark of a full flush.
                    #expect(Array(chunk[(chunk.count - 8)..<(chunk.count - 4)]) == [0, 0, 0xff, 0xff])
                    chunkCount += 1
                }
            }
        }
        #expect(chunkCount == segments.count)
        #expect(result?.byteCount == UInt64(70 * (shape.bytesPerRow + 1)))
    }

    @Test func `noise, which does not compress, stays within the promised bound`() {
        var random = SeededGenerator(seed: 8)
        for (width, height) in [(1, 1), (300, 1000), (200_000, 3)] {
            let shape = ImageShape(width: width, height: height, format: PixelFormat(.rgb, .eight))
            let pixels = random.bytes(shape.byteCount)
            let encoded = encode(shape, pixels, 0..<height, by: PNGSegmentEncoder(shape: shape))
            #expect(encoded.bytes.count <= PNGSegmentEncoder.maximumByteCount(of: 0..<height, in: shape))
            // And close to the raw size: stored blocks, not codes that lengthen.
            #expect(encoded.bytes.count <= shape.byteCount + shape.byteCount / 100 + 200)
        }
    }

    @Test func `filters make a photograph-like slope much smaller than it is raw`() {
        let shape = ImageShape(width: 1000, height: 1000, format: PixelFormat(.rgb, .eight))
        let pixels = (0..<shape.byteCount).map { UInt8(truncatingIfNeeded: $0 / 3 % 1000 / 4 + $0 / 3000 / 7) }
        #expect(PNGFile.encode(shape: shape, pixels: pixels).count < shape.byteCount / 50)
    }

    @Test func `what repeats far apart is found, and noise is not made worse by looking for it`() {
        var random = SeededGenerator(seed: 12)
        let shape = ImageShape(width: 8000, height: 100, format: PixelFormat(.gray, .eight))
        // In each row the same thousand random bytes eight times over.
        let repeating = (0..<shape.height).flatMap { _ -> [UInt8] in
            let tile = random.bytes(1000)
            return (0..<8).flatMap { _ in tile }
        }
        // Without far matches it would not shrink at all.
        #expect(PNGFile.encode(shape: shape, pixels: repeating).count < shape.byteCount * 8 / 10)
        // Differences of two random values below 8 have 3.6 bits.
        let noise = (0..<shape.byteCount).map { _ in UInt8(random.next() & 7) }
        #expect(PNGFile.encode(shape: shape, pixels: noise).count < shape.byteCount * 37 / 80)
    }

    /// Each filter's choice is compared with a count by the definition, in integers.
    @Test func `each row gets the filter with the smallest sum of absolute differences`() {
        var random = SeededGenerator(seed: 9)
        for (distance, count) in [(1, 1), (3, 3), (1, 50), (2, 4100), (3, 6123), (4, 40), (6, 60), (8, 16)] {
            for _ in 0..<40 {
                let spread = UInt8.random(in: 1...255, using: &random)
                let slope = UInt8.random(in: 0...9, using: &random)
                let rows = (0..<2).map { y in
                    (0..<count).map {
                        UInt8(truncatingIfNeeded: $0 * Int(slope) + y) &+ UInt8.random(in: 0...spread, using: &random)
                    }
                }
                let (above, row) = (rows[0], rows[1])
                let expected = filterByDefinition(row, above: above, distance: distance)
                let scratch = UnsafeMutablePointer<UInt8>.allocate(capacity: PNGFilter.blockByteCount)
                defer { scratch.deallocate() }
                for favourite in PNGFilter.allCases {
                    let output = [UInt8](unsafeUninitializedCapacity: count + 1) { output, initializedCount in
                        if let base = output.baseAddress {
                            let chosen = PNGFilter.filter(
                                row, above: above, count: count, distance: distance, favourite: favourite,
                                scratch: scratch, to: base)
                            #expect(chosen.rawValue == base[0])
                        }
                        initializedCount = count + 1
                    }
                    #expect(output == expected)
                }
            }
        }
    }

    @Test func `the prediction of Paeth's filter is the definition's for all three bytes`() {
        // Every a and b against a quarter of all c, which has every kind of order and tie.
        var differences = 0
        for a in 0...255 {
            for b in 0...255 {
                for c in stride(from: (a + b) & 3, to: 256, by: 4)
                where paethPrediction(UInt8(a), UInt8(b), UInt8(c)) != UInt8(paethByDefinition(a, b, c)) {
                    differences += 1
                }
            }
        }
        #expect(differences == 0)
    }

    @Test func `this machine's compressor makes the bytes that every other one makes`() {
        // The golden value was computed under AVX-512, and under emulated Nehalem, Sandy Bridge and Haswell.
        #expect(PNGSegmentEncoder.isReproducible)
    }

    private func encode(
        _ shape: ImageShape, _ pixels: [UInt8], _ rows: Range<Int>, by encoder: PNGSegmentEncoder
    ) -> EncodedSegments {
        pixels.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { preconditionFailure("an image has at least one pixel") }
            return encoder.encode(RowsView(shape: shape, rows: rows, base: base + rows.lowerBound * shape.bytesPerRow))
        }
    }

    private func paethByDefinition(_ a: Int, _ b: Int, _ c: Int) -> Int {
        let p = a + b - c
        let (pa, pb, pc) = (abs(p - a), abs(p - b), abs(p - c))
        if pa <= pb && pa <= pc { return a }
        return pb <= pc ? b : c
    }

    private func filterByDefinition(_ row: [UInt8], above: [UInt8], distance: Int) -> [UInt8] {
        var best: (cost: Int, bytes: [UInt8]) = (.max, [])
        for filter in PNGFilter.allCases {
            let bytes = row.indices.map { x -> UInt8 in
                let a = x < distance ? 0 : Int(row[x - distance])
                let b = Int(above[x])
                let c = x < distance ? 0 : Int(above[x - distance])
                let prediction =
                    switch filter {
                    case .none: 0
                    case .sub: a
                    case .up: b
                    case .average: (a + b) / 2
                    case .paeth: paethByDefinition(a, b, c)
                    }
                return row[x] &- UInt8(prediction)
            }
            let cost = bytes.reduce(0) { $0 + abs(Int(Int8(bitPattern: $1))) }
            if cost < best.cost { best = (cost, [filter.rawValue] + bytes) }
        }
        return best.bytes
    }
}
