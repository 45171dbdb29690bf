import ByteCoding
import Pipelines

extension OtsuThreshold: WholeImageKernelProviding {
    func kernel(for step: WholeImageStep) -> any WholeImageKernel { OtsuKernel(shape: step.output) }
}

/// The value is the threshold, as a little-endian `UInt16`.
private struct OtsuKernel: WholeImageKernel {
    let shape: ImageShape

    var outputShape: ImageShape { shape }

    func aggregate(_ rows: RowsView) -> [UInt8] {
        var histogram = LevelHistogram(depth: shape.format.depth)
        histogram.count(gray: rows)
        return histogram.bytes
    }

    func merge(_ partials: [[UInt8]]) throws(PipelineError) -> [UInt8] {
        try LevelHistogram(adding: partials, depth: shape.format.depth, name: "otsu").bytes
    }

    func finalize(_ partials: [[UInt8]]) throws(PipelineError) -> [[UInt8]] {
        let histogram = try LevelHistogram(adding: partials, depth: shape.format.depth, name: "otsu")
        var writer = BinaryWriter()
        writer.write(UInt16(histogram.otsuThreshold))
        return Array(repeating: writer.bytes, count: partials.count)
    }

    func refine(_ value: [UInt8], strips partials: [[UInt8]]) -> [[UInt8]] {
        Array(repeating: value, count: partials.count)
    }

    func apply(_ value: [UInt8], to input: RowsView, into output: MutableRowsView) throws(PipelineError) {
        var reader = PartialReader(value, name: "a value of otsu")
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
