import ImageFormats
import ImageCodecs
import Pipelines
import Testing

@testable import Client

@Suite struct VerificationTests {
    static let shape = ImageShape(width: 5, height: 3, format: PixelFormat(.rgb, .sixteen))

    static func pixels(changing byte: Int? = nil) -> [UInt8] {
        var pixels = (0..<shape.byteCount).map { UInt8(truncatingIfNeeded: $0 * 37) }
        if let byte { pixels[byte] ^= 3 }
        return pixels
    }

    @Test func `the serial result is the file that the encoder makes of the inverted pixels`() throws {
        let pixels = Self.pixels()
        let reference = try SerialReference(
            Pipeline(parsing: "invert"), of: PNGFile.encode(shape: Self.shape, pixels: pixels))
        let inverted = pixels.map { ~$0 }
        #expect(reference.pixels == inverted)
        let file = PNGFile.encode(shape: Self.shape, pixels: inverted)
        #expect(try reference.finding(about: file) == .identical(sampleCount: 45))
    }

    @Test func `one other sample is found and named`() throws {
        // Byte 2 * 22 is in sample 22: pixel 7, which is x=2 y=1, channel 1.
        let reference = try SerialReference(
            Pipeline(parsing: "invert | invert"), of: PNGFile.encode(shape: Self.shape, pixels: Self.pixels()))
        let other = Self.pixels(changing: 44)
        let finding = try reference.finding(about: PNGFile.encode(shape: Self.shape, pixels: other))
        guard case .otherPixels(let comparison) = finding else {
            Issue.record("\(finding)")
            return
        }
        #expect(comparison.differingCount == 1)
        let first = try #require(comparison.firstDifference)
        #expect((first.x, first.y, first.channel) == (2, 1, 1))
        #expect(abs(first.expected - first.actual) == comparison.maximumDifference)
        #expect(finding.text.contains("1 of 45 samples differ"))
        #expect(finding.text.contains("x=2 y=1 channel=1"))
        #expect(finding.json.text.contains("\"identical\":false"))
    }

    @Test func `other sizes and other bytes for the same pixels are told apart`() throws {
        let input = PNGFile.encode(shape: Self.shape, pixels: Self.pixels())
        let reference = try SerialReference(Pipeline(parsing: "crop width=4 height=3"), of: input)
        let actual = Self.shape
        var expected = actual
        expected.width = 4
        #expect(try reference.finding(about: input) == .otherShape(expected: expected, actual: actual))

        let same = try SerialReference(Pipeline(parsing: "invert | invert"), of: input)
        let gamma: [UInt8] = [0, 0, 0, 4, 0x67, 0x41, 0x4D, 0x41, 0, 0, 0xB1, 0x8F, 0x0B, 0xFC, 0x61, 0x05]
        let withMetadata = PNGFile.encode(shape: Self.shape, pixels: Self.pixels(), metadata: gamma)
        #expect(try same.finding(about: withMetadata) == .otherFile(sampleCount: 45))
    }

    @Test func `an image above the limit is refused before it is decoded`() throws {
        let input = PNGFile.encode(shape: Self.shape, pixels: Self.pixels())
        #expect(throws: CodecError.self) {
            try SerialReference(Pipeline(parsing: "invert"), of: input, maximumPixelCount: 14)
        }
    }
}
