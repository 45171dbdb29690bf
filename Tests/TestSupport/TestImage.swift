import ImageFormats
import ImageCodecs
import Kernels
import Pipelines
import JobModel

/// A picture made from a seed: gradients, shapes with edges, and noise, so that no operation finds it trivial.
public struct TestImage: Sendable {
    public let shape: ImageShape
    /// All rows without padding; 16-bit samples in the machine's byte order.
    public let pixels: [UInt8]

    public init(
        width: Int, height: Int, _ layout: ChannelLayout = .rgb, _ depth: SampleDepth = .eight, seed: UInt64 = 1
    ) {
        shape = ImageShape(width: width, height: height, format: PixelFormat(layout, depth))
        var state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
        func noise() -> Int {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Int(state % 31)
        }
        var pixels: [UInt8] = []
        pixels.reserveCapacity(shape.byteCount)
        for y in 0..<height {
            for x in 0..<width {
                let (dx, dy) = (x - width / 2, y - height / 2)
                let isInside = dx * dx + dy * dy < min(width, height) * min(width, height) / 9
                let isLine = (x + 2 * y) % 37 < 2
                for channel in 0..<shape.format.channelCount {
                    let gradient = (x * (channel + 1) + y * 2) % 160
                    let level = min(255, gradient + (isInside ? 70 : 0) + (isLine ? 90 : 0) + noise())
                    switch depth {
                    case .eight: pixels.append(UInt8(level))
                    case .sixteen:
                        withUnsafeBytes(of: UInt16(level * 256 + noise())) { pixels.append(contentsOf: $0) }
                    }
                }
            }
        }
        self.pixels = pixels
    }

    /// The picture as a PNG file.
    public var png: [UInt8] { PNGFile.encode(shape: shape, pixels: pixels) }

    public var geometry: ImageGeometry {
        ImageGeometry(
            width: UInt32(shape.width), height: UInt32(shape.height), channelCount: UInt8(shape.format.channelCount),
            bitsPerSample: shape.format.depth.rawValue)
    }

    /// Calls `body` with all rows.
    public func withBand<Result>(_ body: (RowsView) throws -> Result) rethrows -> Result {
        try pixels.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { preconditionFailure("an image has at least one pixel") }
            return try body(RowsView(shape: shape, rows: 0..<shape.height, base: base))
        }
    }

    /// The PNG file that one undisturbed process makes of the picture, in one strip: what every other way must equal.
    public func processedSerially(_ pipeline: String) throws -> [UInt8] {
        try withBand { band in
            let pipeline = try Pipeline(parsing: pipeline)
            if pipeline.resultKind.isDocument { return try SerialExecutor.report(pipeline, on: band) }
            let result = try SerialExecutor.run(pipeline, on: band)
            return withExtendedLifetime(result) { PNGFile.encode(result.view) }
        }
    }
}
