import Kernels
import Pipelines
import SeededRandom
import Testing

/// A whole image as plain numbers, for references and for what goes in and out.
struct TestImage: Equatable {
    var shape: ImageShape
    /// Row after row, channels interleaved.
    var samples: [Int]

    init(shape: ImageShape, samples: [Int]) {
        self.shape = shape
        self.samples = samples
    }

    init(shape: ImageShape, bytes: [UInt8]) {
        self.shape = shape
        switch shape.format.depth {
        case .eight: samples = bytes.map { Int($0) }
        case .sixteen:
            samples = bytes.withUnsafeBytes { raw in raw.bindMemory(to: UInt16.self).map { Int($0) } }
        }
    }

    var bytes: [UInt8] {
        switch shape.format.depth {
        case .eight: samples.map { UInt8($0) }
        case .sixteen: samples.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
        }
    }

    var width: Int { shape.width }
    var height: Int { shape.height }
    var channels: Int { shape.format.channelCount }
    var colors: Int { shape.format.colorChannelCount }
    var maximum: Int { shape.format.depth.maximum }

    subscript(_ x: Int, _ y: Int, _ channel: Int) -> Int {
        get { samples[(y * width + x) * channels + channel] }
        set { samples[(y * width + x) * channels + channel] = newValue }
    }

    /// The rows that some steps make of the image, one after the other.
    func prepared(by steps: [RowStep]) throws -> [UInt8] {
        var rows = GuardedRows(shape: shape, rows: 0..<height)
        rows.fill(from: bytes)
        for step in steps {
            let next = GuardedRows(shape: step.output, rows: 0..<step.output.height)
            step.kernel.apply(rows.view(rows.rows), to: next.mutableView(next.rows))
            rows = next
        }
        return rows.bytes
    }

    /// The document that `pipeline` makes of this one, in one piece.
    func document(of pipeline: Pipeline) throws -> [UInt8] {
        try bytes.withUnsafeBytes { raw in
            let base = try #require(raw.baseAddress)
            return try SerialExecutor.report(pipeline, on: RowsView(shape: shape, rows: 0..<height, base: base))
        }
    }

    /// The image that `pipeline` makes of this one, in one piece.
    func applying(_ pipeline: Pipeline) throws -> TestImage {
        try bytes.withUnsafeBytes { raw in
            let base = try #require(raw.baseAddress)
            let result = try SerialExecutor.run(pipeline, on: RowsView(shape: shape, rows: 0..<height, base: base))
            return TestImage(shape: result.shape, bytes: result.bytes)
        }
    }
}

extension TestImage {
    /// Noise over a few flat rectangles, so that ties, edges and every level range occur.
    static func drawn(_ width: Int, _ height: Int, _ format: PixelFormat, seed: UInt64) -> TestImage {
        var random = SeededGenerator(seed: seed)
        let shape = ImageShape(width: width, height: height, format: format)
        var image = TestImage(shape: shape, samples: Array(repeating: 0, count: width * height * format.channelCount))
        let maximum = format.depth.maximum
        for index in image.samples.indices { image.samples[index] = Int.random(in: 0...maximum, using: &random) }
        for _ in 0..<4 {
            let (x, y) = (Int.random(in: 0..<width, using: &random), Int.random(in: 0..<height, using: &random))
            let level = Int.random(in: 0...maximum, using: &random)
            for row in y..<min(height, y + height / 2 + 1) {
                for column in x..<min(width, x + width / 2 + 1) {
                    for channel in 0..<format.channelCount {
                        image[column, row, channel] = min(maximum, level / (channel + 1) + (row ^ column) & 3)
                    }
                }
            }
        }
        return image
    }
}
