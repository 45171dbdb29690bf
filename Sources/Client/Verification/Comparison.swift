import Kernels
import Pipelines

/// How far the pixels of two images agree.
struct Comparison: Sendable, Hashable {
    /// One sample in both images.
    struct Sample: Sendable, Hashable {
        let x: Int
        let y: Int
        /// Counted from 0, in the order of the format: red, green, blue, alpha.
        let channel: Int
        let expected: Int
        let actual: Int
    }

    let sampleCount: Int
    private(set) var differingCount = 0
    /// In levels; 0 when none differs.
    private(set) var maximumDifference = 0
    /// In the order of rows, pixels and channels.
    private(set) var firstDifference: Sample?

    var isIdentical: Bool { differingCount == 0 }

    /// Compares two images of the shape `shape`, row by row as `RowsView` has them.
    init(shape: ImageShape, expected: [UInt8], actual: [UInt8]) {
        precondition(expected.count == shape.byteCount && actual.count == shape.byteCount, "other pixels than \(shape)")
        sampleCount = shape.byteCount / shape.format.depth.byteCount
        // Whole images are nearly always the same, and that is found at the speed of memory.
        if expected == actual { return }
        switch shape.format.depth {
        case .eight: compare(expected, actual, as: UInt8.self, shape)
        case .sixteen: compare(expected, actual, as: UInt16.self, shape)
        }
    }

    private mutating func compare<Level: FixedWidthInteger>(
        _ expected: [UInt8], _ actual: [UInt8], as _: Level.Type, _ shape: ImageShape
    ) {
        expected.withUnsafeBytes { expected in
            actual.withUnsafeBytes { actual in
                for (index, (level, other)) in zip(
                    expected.bindMemory(to: Level.self), actual.bindMemory(to: Level.self)
                ).enumerated() where level != other {
                    note(index, Int(level), Int(other), shape)
                }
            }
        }
    }

    private mutating func note(_ index: Int, _ expected: Int, _ actual: Int, _ shape: ImageShape) {
        differingCount += 1
        maximumDifference = max(maximumDifference, abs(expected - actual))
        guard firstDifference == nil else { return }
        let channels = shape.format.channelCount
        let pixel = index / channels
        firstDifference = Sample(
            x: pixel % shape.width, y: pixel / shape.width, channel: index % channels, expected: expected,
            actual: actual)
    }
}
