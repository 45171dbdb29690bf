import Kernels
import Pipelines
import SeededRandom
import Testing

@testable import ImageCodecs
@testable import ImageFormats

/// Reduced levels: what they are of, and where they are.
@Suite struct TIFFPyramidTests {
    /// An image as numbers, reduced the plain way.
    private struct Picture {
        var shape: ImageShape
        var samples: [Int]

        init(_ shape: ImageShape) {
            var random = SeededGenerator(seed: UInt64(shape.width))
            self.shape = shape
            samples = (0..<shape.width * shape.height * shape.format.channelCount).map { index in
                // Some pixels are transparent.
                index % 11 == 3 ? 0 : Int(random.next() & (shape.format.depth == .eight ? 0xff : 0xffff))
            }
        }

        var bytes: [UInt8] {
            samples.flatMap { shape.format.depth == .eight ? [UInt8($0)] : [UInt8($0 & 255), UInt8($0 >> 8)] }
        }

        private func pixel(_ x: Int, _ y: Int) -> ArraySlice<Int> {
            let count = shape.format.channelCount
            return samples[(y * shape.width + x) * count..<(y * shape.width + x + 1) * count]
        }

        /// Means of those pixels of each square that there are, by how opaque they are.
        var halved: Picture {
            var half = self
            half.shape.width = (shape.width + 1) / 2
            half.shape.height = (shape.height + 1) / 2
            half.samples = []
            for y in 0..<half.shape.height {
                for x in 0..<half.shape.width {
                    var pixels: [ArraySlice<Int>] = []
                    for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)]
                    where 2 * x + dx < shape.width && 2 * y + dy < shape.height {
                        pixels.append(pixel(2 * x + dx, 2 * y + dy))
                    }
                    half.samples += mean(pixels)
                }
            }
            return half
        }

        private func mean(_ pixels: [ArraySlice<Int>]) -> [Int] {
            let count = shape.format.channelCount
            let weights = pixels.map { shape.format.layout.hasAlpha ? ($0.last ?? 0) : 1 }
            let total = weights.reduce(0, +)
            return (0..<count).map { channel in
                let values = pixels.map { $0[$0.startIndex + channel] }
                let isWeighted = total > 0 && !(shape.format.layout.hasAlpha && channel == count - 1)
                guard isWeighted else { return (values.reduce(0, +) + pixels.count / 2) / pixels.count }
                return (zip(values, weights).reduce(0) { $0 + $1.0 * $1.1 } + total / 2) / total
            }
        }
    }

    private static func encode(_ picture: Picture) throws -> [UInt8] {
        try picture.bytes.withUnsafeBytes { bytes in
            let rows = RowsView(
                shape: picture.shape, rows: 0..<picture.shape.height, base: try #require(bytes.baseAddress))
            return try ImageFile.encode(rows, to: TIFFFormat(isPyramid: true))
        }
    }

    private static func level(_ number: Int, of file: [UInt8]) throws -> (shape: ImageShape, pixels: [UInt8]) {
        var limits = DecodingLimits()
        limits.options.level = number
        let image = try ImageFile.decode(file, limits: limits)
        return (image.shape, image.pixels)
    }

    /// Tiles and strips, odd sides, and edges that are less than a row of a level.
    @Test(arguments: allFormats) func `each level is the mean of the one before, down to 256 pixels`(
        _ pixel: PixelFormat
    )
        throws
    {
        for (width, height) in [(1_100, 1_027), (257, 20), (33, 1_301)] {
            let shape = ImageShape(width: width, height: height, format: pixel)
            var expected = Picture(shape)
            let file = try Self.encode(expected)
            var number = 0
            while true {
                let found = try Self.level(number, of: file)
                #expect(found.shape == expected.shape && found.pixels == expected.bytes, "level \(number) of \(shape)")
                if max(expected.shape.width, expected.shape.height) <= 256 { break }
                expected = expected.halved
                number += 1
            }
            #expect(throws: CodecError.self) { try Self.level(number + 1, of: file) }
        }
    }

    @Test func `levels end after eight, of which four have tiles`() {
        func levels(_ width: Int, _ height: Int) -> [TIFFOutput.Level] {
            let shape = ImageShape(width: width, height: height, format: PixelFormat(.rgb, .eight))
            return TIFFOutput(shape, isCompressed: true, isPyramid: true).levels
        }
        #expect(levels(256, 256).map(\.isTiled) == [false], "nothing to reduce: as without a pyramid")
        #expect(levels(300, 100).map(\.isTiled) == [true, true])
        let slide = levels(150_000, 90_001)
        #expect(slide.map(\.shape.width) == [150_000, 75_000, 37_500, 18_750, 9_375, 4_688, 2_344, 1_172, 586])
        #expect(slide.map(\.shape.height) == [90_001, 45_001, 22_501, 11_251, 5_626, 2_813, 1_407, 704, 352])
        #expect(slide.map(\.pieceHeight) == [256, 128, 64, 32, 16, 8, 4, 2, 1])
        #expect(slide.map(\.isTiled) == [true, true, true, true, true, false, false, false, false])
    }

    @Test func `levels are not counted as pages, and nothing is remarked on`() throws {
        let file = try Self.encode(Picture(ImageShape(width: 600, height: 300, format: PixelFormat(.gray, .eight))))
        let decoded = try file.withUnsafeBytes { try TIFFFormat().decoder(of: $0, limits: DecodingLimits()).remarks }
        #expect(decoded == [])
    }
}
