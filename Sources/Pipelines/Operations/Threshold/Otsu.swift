/// Separates two classes of levels where their variance between each other is largest.
public struct Otsu: Operation {
    public static let description = OperationDescription(
        "otsu", family: .threshold,
        summary: "Compares every level with the one that separates the image's levels best, by Otsu's method",
        result: "gray, or gray+alpha where there was alpha: the largest level above the threshold, else 0; of colours, "
            + "the grayscale is taken first",
        matches: "cv2.threshold with THRESH_BINARY | THRESH_OTSU, exactly, at 8 and at 16 bits; alpha passes through")

    public init(arguments: OperationArguments) {}

    public func outputShape(for input: ImageShape) -> ImageShape {
        var shape = input
        shape.format.layout = input.format.layout.grayscale
        return shape
    }

    public func kernel(for input: ImageShape) -> OperationKernel {
        .wholeImage(
            OtsuKernel(
                shape: outputShape(for: input), prelude: input.format.layout.isColour ? [GrayscaleKernel(input)] : []))
    }
}

/// The value is the threshold, as a little-endian `UInt16`.
private struct OtsuKernel: WholeImageKernel {
    let shape: ImageShape
    let prelude: [any RowKernel]

    var outputShape: ImageShape { shape }
    var summarisedShape: ImageShape { shape }
    var finishesRowByRow: Bool { true }

    func summarise(_ rows: Band) -> [UInt8] {
        var histogram = LevelHistogram(depth: shape.format.depth)
        histogram.count(gray: rows)
        return histogram.bytes
    }

    func combine(_ summaries: [[UInt8]]) throws(PipelineError) -> [UInt8] {
        try LevelHistogram(adding: summaries, depth: shape.format.depth, name: "otsu").bytes
    }

    func resolve(_ summaries: [[UInt8]]) throws(PipelineError) -> [[UInt8]] {
        let histogram = try LevelHistogram(adding: summaries, depth: shape.format.depth, name: "otsu")
        var writer = ByteWriter()
        writer.write(UInt16(histogram.otsuThreshold))
        return Array(repeating: writer.bytes, count: summaries.count)
    }

    func refine(_ value: [UInt8], strips summaries: [[UInt8]]) -> [[UInt8]] {
        Array(repeating: value, count: summaries.count)
    }

    func finish(_ input: Band, value: [UInt8], to output: MutableBand) throws(PipelineError) {
        var reader = ByteReader(value, name: "a value of otsu")
        let threshold = Int(try reader.read(UInt16.self))
        try reader.finish()
        let maximum = shape.format.depth.maximum
        guard threshold <= maximum else { throw reader.refused("the threshold \(threshold) is above \(maximum)") }
        ThresholdKernel(outputShape: shape, threshold: threshold, maximum: maximum, kind: .binary)
            .apply(input, to: output)
    }
}

extension LevelHistogram {
    /// The level that maximises the variance between the levels up to it and those above; the first of several.
    ///
    /// In the order and precision of OpenCV's `getThreshVal_Otsu`, so that ties and near-ties fall the same way.
    var otsuThreshold: Int {
        let scale = 1 / Double(counts.reduce(0, +))
        var mean = 0.0
        for (level, count) in counts.enumerated() { mean += Double(level) * Double(count) }
        mean *= scale
        let epsilon = Double(Float.ulpOfOne)
        var (meanBelow, shareBelow) = (0.0, 0.0)
        var (best, bestVariance) = (0, 0.0)
        for (level, count) in counts.enumerated() {
            let share = Double(count) * scale
            meanBelow *= shareBelow
            shareBelow += share
            let shareAbove = 1 - shareBelow
            if min(shareBelow, shareAbove) < epsilon || max(shareBelow, shareAbove) > 1 - epsilon { continue }
            meanBelow = (meanBelow + Double(level) * share) / shareBelow
            let meanAbove = (mean - shareBelow * meanBelow) / shareAbove
            let variance = shareBelow * shareAbove * (meanBelow - meanAbove) * (meanBelow - meanAbove)
            if variance > bestVariance { (best, bestVariance) = (level, variance) }
        }
        return best
    }
}
