import ImageCodecs
import ImageFormats
import Kernels
import Pipelines
import TestBasics
import Testing

@testable import Gateway

/// Pictures that are made small.
@Suite struct ThumbnailTests {
    @Test func `a picture is turned as its file says`() {
        // 1 2
        // 3 4
        // 5 6
        let shape = ImageShape(width: 2, height: 3, format: PixelFormat(.gray, .eight))
        let expected: [UInt8: [UInt8]] = [
            1: [1, 2, 3, 4, 5, 6], 2: [2, 1, 4, 3, 6, 5], 3: [6, 5, 4, 3, 2, 1], 4: [5, 6, 3, 4, 1, 2],
            5: [1, 3, 5, 2, 4, 6], 6: [5, 3, 1, 6, 4, 2], 7: [6, 4, 2, 5, 3, 1], 8: [2, 4, 6, 1, 3, 5],
        ]
        for (orientation, pixels) in expected {
            let upright = Orientation.upright(shape, [1, 2, 3, 4, 5, 6], as: orientation)
            #expect(upright.pixels == pixels, "orientation \(orientation)")
            #expect(upright.shape.width == (orientation < 5 ? 2 : 3))
        }
    }

    private static func file(_ pixels: [UInt8], _ shape: ImageShape, _ encoding: any ImageEncoding) throws -> [UInt8] {
        try pixels.withUnsafeBytes { bytes in
            try ImageFile.encode(
                RowsView(shape: shape, rows: 0..<shape.height, base: bytes.baseAddress.unsafelyUnwrapped), to: encoding)
        }
    }

    @Test(arguments: [
        PixelFormat(.gray, .eight), PixelFormat(.rgb, .eight), PixelFormat(.rgba, .eight), PixelFormat(.rgb, .sixteen),
    ])
    func `each pixel is the mean of those that it covers, over gray where they are transparent`(
        format: PixelFormat
    ) throws {
        let shape = ImageShape(width: 301, height: 173, format: format)
        let pixels = Noise.bytes(shape.byteCount)
        let png = try #require(ImageFormats.encoding(named: "png"))
        let jpeg = try #require(
            try OutputEncoding(request: "jpeg quality=82", ofInput: PNGFormat()).format as? any ImageEncoding)
        let stored = format.channelCount
        // The eight bits that are shown of a sample.
        func sample(_ x: Int, _ y: Int, _ channel: Int) -> Int {
            let index = (y * shape.width + x) * stored + channel
            return Int(format.depth == .sixteen ? pixels[2 * index + 1] : pixels[index])
        }
        for (side, width, height) in [(40, 40, 23), (301, 301, 173), (2048, 301, 173)] {
            let channels = format.layout.isColor ? 3 : 1
            var (sums, counts) = (
                [Int](repeating: 0, count: width * height * channels), [Int](repeating: 0, count: width * height)
            )
            var line = 0
            for y in 0..<shape.height {
                for x in 0..<shape.width {
                    let alpha = format.layout.hasAlpha ? sample(x, y, stored - 1) : 255
                    let place = line * width + x * width / shape.width
                    counts[place] += 1
                    for channel in 0..<channels {
                        sums[place * channels + channel] += (sample(x, y, channel) * alpha + 128 * (255 - alpha)) / 255
                    }
                }
                line = max(line, (y + 1) * height / shape.height)
            }
            let means = sums.indices.map { UInt8(sums[$0] / counts[$0 / channels]) }
            let small = ImageShape(
                width: width, height: height, format: PixelFormat(channels == 3 ? .rgb : .gray, .eight))
            let made = try Thumbnail.jpeg(of: try Self.file(pixels, shape, png), side: side, maximumPixelCount: 1 << 20)
            #expect(made == (try Self.file(means, small, jpeg)), "\(side)")
        }
    }
}
