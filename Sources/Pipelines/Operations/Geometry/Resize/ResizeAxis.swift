/// How the pixels of one axis are spread over another number of them: arithmetic only, as OpenCV's `resize` does it.
package struct ResizeAxis: Hashable, Sendable {
    package let inputCount: Int
    package let outputCount: Int
    /// Output pixels for each input pixel.
    package let magnification: Double

    /// Input pixels for each output pixel.
    package var step: Double { 1 / magnification }

    /// The factor by which the axis shrinks, if that is a whole number.
    package var wholeStep: Int? {
        let nearest = step.rounded(.toNearestOrEven)
        return abs(step - nearest) < .ulpOfOne ? Int(nearest) : nil
    }

    /// The input pixel that stands for the output pixel `index` when nothing is interpolated.
    package func nearest(_ index: Int) -> Int { min(Int((Double(index) * step).rounded(.down)), inputCount - 1) }

    /// The input pixel at or before the centre of the output pixel `index`, -1 before the first, and how far the centre
    /// is beyond it, from 0 to 1.
    package func center(_ index: Int) -> (pixel: Int, beyond: Float) {
        // Single precision as there: it decides the last bit of the weights.
        let position = Float((Double(index) + 0.5) * step - 0.5)
        let pixel = position.rounded(.down)
        return (min(max(Int(pixel), -1), inputCount - 1), position - pixel)
    }

    /// The input pixel in which the output pixel `index` begins, and the weight of the next one: what `INTER_AREA` does
    /// when it enlarges.
    package func start(_ index: Int) -> (pixel: Int, beyond: Float) {
        let pixel = (Double(index) * step).rounded(.down)
        let beyond = Float(Double(index + 1) - (pixel + 1) * magnification)
        return (min(Int(pixel), inputCount - 1), beyond <= 0 ? 0 : beyond - beyond.rounded(.down))
    }

    /// The input pixels that the output pixel `index` covers, and the share of each in it.
    package func cover(_ index: Int) -> (pixels: Range<Int>, shares: [Float]) {
        let start = Double(index) * step
        let end = start + step
        let width = min(step, Double(inputCount) - start)
        let last = min(Int(end.rounded(.down)), inputCount - 1)
        let first = min(Int(start.rounded(.up)), last)
        var shares = Array(repeating: Float(1 / width), count: last - first)
        // Slivers below a thousandth of a pixel do not count.
        let hasStart = Double(first) - start > 1e-3
        let hasEnd = end - Double(last) > 1e-3
        if hasStart { shares.insert(Float((Double(first) - start) / width), at: 0) }
        if hasEnd { shares.append(Float(min(min(end - Double(last), 1), width) / width)) }
        return ((hasStart ? first - 1 : first)..<(hasEnd ? last + 1 : last), shares)
    }
}

/// The neighbours that each output pixel of an axis is made of.
package struct AxisTaps: Sendable {
    package enum Kind: Sendable {
        case linear, cubic, lanczos
        /// The two pixels that an output pixel covers, by its parts on them.
        case overlap
    }

    package let axis: ResizeAxis
    package let kind: Kind
    /// At the edge the nearest pixel counts alone, instead of twice with two weights: OpenCV's two neighbours in a row.
    package let isExactAtEdges: Bool

    package var tapCount: Int {
        switch kind {
        case .linear, .overlap: 2
        case .cubic: 4
        case .lanczos: 8
        }
    }

    /// The pixel before the middle of the neighbours, -1 before the first pixel; and how far the output pixel's centre is
    /// beyond it.
    package func place(_ index: Int) -> (pixel: Int, beyond: Float) {
        let (pixel, beyond) = kind == .overlap ? axis.start(index) : axis.center(index)
        guard isExactAtEdges, pixel < 0 || pixel >= axis.inputCount - 1 else { return (pixel, beyond) }
        return (min(max(pixel, 0), axis.inputCount - 1), 0)
    }
}
