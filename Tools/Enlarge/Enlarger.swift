import Pipelines

/// Makes a photograph larger, row by row: cubic interpolation, then a little noise, so that the result costs as much to compress
/// as a photograph of that size.
struct Enlarger {
    private let source: [UInt8]
    private let sourceShape: ImageShape
    let shape: ImageShape
    private let columns: [Tap]
    private let rows: [Tap]
    /// The source rows that were last stretched to the new width, by row.
    private var stretched: [Int: [Float]] = [:]

    /// Four neighbouring samples and their weights.
    private struct Tap {
        let indices: SIMD4<Int32>
        let weights: SIMD4<Float>
    }

    /// - Parameter pixels: 8-bit samples of an image of shape `source`.
    init(_ pixels: [UInt8], shape source: ImageShape, width: Int, height: Int) {
        precondition(source.format.depth == .eight, "only 8-bit images are enlarged")
        self.source = pixels
        sourceShape = source
        shape = ImageShape(width: width, height: height, format: source.format)
        columns = (0..<width).map { Self.tap($0, from: source.width, to: width) }
        rows = (0..<height).map { Self.tap($0, from: source.height, to: height) }
    }

    /// Cubic convolution with a = -0.75, pixel centres aligned, the border repeated (Keys 1981; OpenCV's INTER_CUBIC).
    private static func tap(_ index: Int, from sourceCount: Int, to count: Int) -> Tap {
        let position = (Float(index) + 0.5) * Float(sourceCount) / Float(count) - 0.5
        let first = Int(position.rounded(.down))
        let t = position - Float(first)
        let a: Float = -0.75
        func near(_ x: Float) -> Float { ((a + 2) * x - (a + 3)) * x * x + 1 }
        func far(_ x: Float) -> Float { ((a * x - 5 * a) * x + 8 * a) * x - 4 * a }
        let weights = SIMD4(far(1 + t), near(t), near(1 - t), far(2 - t))
        let indices = SIMD4<Int32>((0..<4).map { Int32(min(max(first - 1 + $0, 0), sourceCount - 1)) })
        return Tap(indices: indices, weights: weights)
    }

    /// Computes the samples of row `y`; rows are asked for in order.
    mutating func row(_ y: Int, into output: UnsafeMutablePointer<UInt8>) {
        let tap = rows[y]
        let needed = (0..<4).map { Int(tap.indices[$0]) }
        stretched = stretched.filter { needed.contains($0.key) }
        for row in needed where stretched[row] == nil { stretched[row] = stretch(row) }
        let inputs = needed.map { stretched[$0] ?? [] }
        var noise = Noise(seed: UInt64(y))
        for x in 0..<shape.samplesPerRow {
            let value =
                inputs[0][x] * tap.weights[0] + inputs[1][x] * tap.weights[1] + inputs[2][x] * tap.weights[2]
                + inputs[3][x] * tap.weights[3] + noise.next()
            output[x] = UInt8(min(max(value.rounded(), 0), 255))
        }
    }

    private func stretch(_ row: Int) -> [Float] {
        let channels = shape.format.channelCount
        let base = row * sourceShape.samplesPerRow
        return [Float](unsafeUninitializedCapacity: shape.samplesPerRow) { buffer, count in
            for x in 0..<shape.width {
                let tap = columns[x]
                for channel in 0..<channels {
                    var value: Float = 0
                    for k in 0..<4 {
                        value += Float(source[base + Int(tap.indices[k]) * channels + channel]) * tap.weights[k]
                    }
                    buffer[x * channels + channel] = value
                }
            }
            count = shape.samplesPerRow
        }
    }
}

/// Nearly normal noise of mean 0 and deviation 2: the sum of four uniform bytes. The same for the same seed.
private struct Noise {
    private var state: UInt64

    init(seed: UInt64) { state = (seed &+ 1) &* 0x9e37_79b9_7f4a_7c15 | 1 }

    mutating func next() -> Float {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        let bytes = state >> 16
        let sum = (bytes & 255) + (bytes >> 8 & 255) + (bytes >> 16 & 255) + (bytes >> 24 & 255)
        return (Float(sum) - 510) * (2 / 147.8)
    }
}
