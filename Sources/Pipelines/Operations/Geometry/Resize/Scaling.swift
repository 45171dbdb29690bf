/// A computation that scales an image along both axes.
package protocol Scaling: RowComputation {
    var columns: ResizeAxis { get }
    var rows: ResizeAxis { get }
}

extension Scaling {
    package func outputShape(for input: ImageShape) -> ImageShape {
        ImageShape(width: columns.outputCount, height: rows.outputCount, format: input.format)
    }
}

/// Repeats or drops pixels and rows.
package struct NearestPixels: Scaling {
    package let columns: ResizeAxis
    package let rows: ResizeAxis

    package func inputRows(for wanted: Range<Int>, of input: ImageShape) -> Range<Int> {
        rows.nearest(wanted.lowerBound)..<rows.nearest(wanted.upperBound - 1) + 1
    }
}

/// Shrinks by whole factors: the rounded mean of a block of input pixels.
package struct BlockMean: Scaling {
    package let columns: ResizeAxis
    package let rows: ResizeAxis

    package var blockWidth: Int { columns.wholeStep ?? 1 }
    package var blockHeight: Int { rows.wholeStep ?? 1 }

    package func inputRows(for wanted: Range<Int>, of input: ImageShape) -> Range<Int> {
        wanted.lowerBound * blockHeight..<min(wanted.upperBound * blockHeight, input.height)
    }
}

/// Shrinks: the mean of the input pixels that an output pixel covers, those at its edges by their covered part.
package struct AreaMean: Scaling {
    package let columns: ResizeAxis
    package let rows: ResizeAxis

    package func inputRows(for wanted: Range<Int>, of input: ImageShape) -> Range<Int> {
        rows.cover(wanted.lowerBound).pixels.lowerBound..<rows.cover(wanted.upperBound - 1).pixels.upperBound
    }
}

/// Interpolates between the pixels around each output pixel's centre.
package struct InterpolatedPixels: Scaling {
    package let kind: AxisTaps.Kind
    package let columns: ResizeAxis
    package let rows: ResizeAxis

    package var across: AxisTaps {
        let isPair =
            switch kind {
            case .linear, .overlap: true
            case .cubic, .lanczos: false
            }
        return AxisTaps(axis: columns, kind: kind, isExactAtEdges: isPair)
    }

    package var down: AxisTaps { AxisTaps(axis: rows, kind: kind, isExactAtEdges: false) }

    package func inputRows(for wanted: Range<Int>, of input: ImageShape) -> Range<Int> {
        let taps = down
        let (first, last) = (taps.place(wanted.lowerBound).pixel, taps.place(wanted.upperBound - 1).pixel)
        let before = taps.tapCount / 2 - 1
        return max(0, first - before)..<min(input.height, last + taps.tapCount / 2 + 1)
    }
}
