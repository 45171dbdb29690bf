import Pipelines
import Checksums
import Testing

@testable import ImageCodecs
@testable import ImageFormats

/// Willem van Schaik's PngSuite: every kind of PNG file that there is, and some that must be refused.
@Suite struct PngSuiteTests {
    @Test(arguments: PngSuite.digests)
    func `a good file decodes to the pixels that the specification gives it`(_ digest: PngSuite.Digest) throws {
        let file = PngSuite.read(digest.file)
        for decoder in Decoder.allCases {
            let (shape, pixels) = try decoder.decode(file)
            #expect(shape.width == digest.width && shape.height == digest.height)
            #expect(shape.format.channelCount == digest.channelCount)
            #expect(Int(shape.format.depth.rawValue) == digest.bitsPerSample)
            let bigEndian =
                shape.format.depth == .eight
                ? pixels : stride(from: 0, to: pixels.count, by: 2).flatMap { [pixels[$0 + 1], pixels[$0]] }
            let checksums = [CRC32.checksum(bigEndian), Adler32.checksum(bigEndian)].map { value in
                let digits = String(value, radix: 16)
                return String(repeating: "0", count: 8 - digits.count) + digits
            }
            #expect(checksums == digest.checksums)
            #expect(try probe(file).shape == shape)
        }
    }

    /// Every file whose name begins with x, and what its reason must name.
    @Test(arguments: [
        ("xc1n0g08", "colour type 1"), ("xc9n2c08", "colour type 9"), ("xcrn0g04", "begins with 89 50 4e 47 0d"),
        ("xcsn0g01", "IDAT"), ("xd0n2c08", "0 bits per sample"), ("xd3n2c08", "3 bits per sample"),
        ("xd9n2c08", "99 bits per sample"), ("xdtn0g01", "no image data (IDAT)"),
        ("xhdn0g08", "checksum of its IHDR chunk"),
        ("xlfn0g04", "begins with"), ("xs1n0g01", "begins with"), ("xs2n0g01", "begins with"),
        ("xs4n0g01", "begins with"),
        ("xs7n0g01", "begins with"),
    ])
    func `a corrupt file is refused with its reason`(_ name: String, _ reason: String) throws {
        let file = PngSuite.read(name + ".png")
        let error = try #require(codecError { _ = try PNGFile.decode(file) })
        #expect(error.kind == .corrupt)
        #expect(error.reason.contains(reason), "\(error.reason)")
        #expect(codecError { _ = try Decoder.libpng.decode(file) }?.kind == .corrupt)
    }

    @Test(arguments: PngSuite.goodFiles)
    func `rows come the same one by one, by primes and all at once`(_ name: String) throws {
        let file = PngSuite.read(name)
        let (shape, expected) = try PNGFile.decode(file)
        for step in [1, 7, 13] {
            var pixels = [UInt8](repeating: 0, count: shape.byteCount)
            try file.withUnsafeBytes { bytes in
                let reader = try PNGReader(bytes)
                try pixels.withUnsafeMutableBytes { destination in
                    let base = try #require(destination.baseAddress)
                    // Rows that were delivered may be overwritten: the reader must not lean on them.
                    let rows = UnsafeMutableRawPointer.allocate(byteCount: step * shape.bytesPerRow, alignment: 16)
                    defer { rows.deallocate() }
                    for y in stride(from: 0, to: shape.height, by: step) {
                        let count = min(step, shape.height - y)
                        rows.initializeMemory(as: UInt8.self, repeating: 0xa5, count: step * shape.bytesPerRow)
                        try reader.readRows(into: rows, count: count)
                        (base + y * shape.bytesPerRow).copyMemory(from: rows, byteCount: count * shape.bytesPerRow)
                    }
                    #expect(reader.nextRow == shape.height)
                }
            }
            #expect(pixels == expected)
        }
    }
}
