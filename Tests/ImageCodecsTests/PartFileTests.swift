import ImageCodecs
import ImageFormats
import Kernels
import Pipelines
import Testing

/// Rows of a result that decode before the others are there.
@Suite struct `Files of finished rows` {
    private static let formats: [PixelFormat] = [
        PixelFormat(.gray, .eight), PixelFormat(.grayAlpha, .sixteen), PixelFormat(.rgb, .eight),
        PixelFormat(.rgba, .sixteen),
    ]

    /// Rows of noise over a slope.
    private static func image(_ shape: ImageShape) -> RowBuffer {
        let image = RowBuffer(shape: shape, rows: 0..<shape.height)
        var state: UInt64 = 88_172_645_463_325_252
        for index in image.mutableView.bytes.indices {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            image.mutableView.bytes[index] = UInt8(truncatingIfNeeded: index / 97) &+ UInt8(state & 15)
        }
        return image
    }

    @Test(arguments: ["png", "tiff", "tiff compression=none"], formats)
    func `any run of segments decodes to the rows of the whole file`(encoding: String, pixels: PixelFormat) throws {
        let format = try #require(try OutputEncoding(parsing: encoding).format as? any ImageEncoding)
        #expect(format.decodesBySegments)
        // Segments of a few rows, and a last one that is shorter.
        let rowsPerSegment = format.segmentGrid.rowsPerSegment(
            of: ImageShape(width: 3_000, height: 1, format: pixels))
        let shape = ImageShape(width: 3_000, height: rowsPerSegment * 3 + 5, format: pixels)
        let image = Self.image(shape)
        let grid = format.segmentGrid.segments(of: shape)
        for run in [0..<1, 1..<3, 2..<4, 3..<4, 0..<4] {
            let rows = grid[run.lowerBound].lowerBound..<grid[run.upperBound - 1].upperBound
            var segments: [UInt8] = []
            let checksum = withExtendedLifetime(image) {
                format.encoder(of: shape).encode(image.mutableView.slice(rows).readable) {
                    segments.append(contentsOf: $0)
                }
            }
            let file = try format.file(ofRows: rows, in: shape, segments: segments, checksum: checksum)
            let decoded = try ImageFile.decode(file)
            #expect(decoded.shape == ImageShape(width: shape.width, height: rows.count, format: pixels))
            let isEqual = withExtendedLifetime(image) {
                decoded.pixels.elementsEqual(image.mutableView.slice(rows).readable.bytes)
            }
            #expect(isEqual, "rows \(rows)")

            segments[segments.count / 2] ^= 1
            let damaged = Result {
                try ImageFile.decode(try format.file(ofRows: rows, in: shape, segments: segments, checksum: checksum))
            }
            if encoding == "png" { #expect(throws: CodecError.self) { try damaged.get() } }
        }
    }

    @Test func `the other formats say that their segments do not decode by themselves`() throws {
        for encoding in ["jpeg", "jpeg progressive", "jpeg subsampling=4:4:4", "webp", "tiff pyramid"] {
            let format = try OutputEncoding(parsing: encoding).format
            #expect(!format.decodesBySegments, "\(encoding)")
        }
    }
}
