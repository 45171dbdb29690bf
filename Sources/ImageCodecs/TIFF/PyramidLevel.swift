import Kernels
import Pipelines

/// The reduction of an image to half its sides: each pixel is the mean of the two by two that it stands for, rounded half up; at an
/// odd edge, of those that there are. Colours count as much as they are opaque, so that what is under transparent pixels
/// does not show.
package enum PyramidLevel {
    /// - Parameters:
    ///   - rows: the rows of `source` that are reduced; the first is even.
    ///   - target: as many rows as these become, of an image of half the width, rounded up.
    package static func halve(_ source: RowsView, _ rows: Range<Int>, to target: MutableRowsView) {
        switch source.shape.format.depth {
        case .eight: halve(UInt8.self, source, rows, target)
        case .sixteen: halve(UInt16.self, source, rows, target)
        }
    }

    private static func halve<Sample: FixedWidthInteger & UnsignedInteger>(
        _: Sample.Type, _ source: RowsView, _ rows: Range<Int>, _ target: MutableRowsView
    ) {
        let format = source.shape.format
        for (index, y) in target.rows.enumerated() {
            let top = rows.lowerBound + 2 * index
            let upper = source.row(top, as: Sample.self)
            let lower = source.row(min(top + 1, rows.upperBound - 1), as: Sample.self)
            let output = target.row(y, as: Sample.self)
            let count = target.shape.width
            if format.layout.hasAlpha {
                weightedMeans(upper, lower, output, count, source.shape.width, format.channelCount)
            } else {
                means(upper, lower, output, count, source.shape.width, format.channelCount)
            }
        }
    }

    private static func means<Sample: FixedWidthInteger & UnsignedInteger>(
        _ upper: UnsafePointer<Sample>, _ lower: UnsafePointer<Sample>,
        _ output: UnsafeMutablePointer<Sample>,
        _ count: Int, _ sourceCount: Int, _ channelCount: Int
    ) {
        let pairCount = sourceCount / 2
        for x in 0..<pairCount {
            for channel in 0..<channelCount {
                let left = 2 * x * channelCount + channel
                let right = left + channelCount
                let sum =
                    UInt32(upper[left]) + UInt32(upper[right]) + UInt32(lower[left]) + UInt32(lower[right])
                output[x * channelCount + channel] = Sample(truncatingIfNeeded: (sum + 2) >> 2)
            }
        }
        guard pairCount < count else { return }
        for channel in 0..<channelCount {
            let last = 2 * pairCount * channelCount + channel
            let sum = UInt32(upper[last]) + UInt32(lower[last])
            output[pairCount * channelCount + channel] = Sample(truncatingIfNeeded: (sum + 1) >> 1)
        }
    }

    private static func weightedMeans<Sample: FixedWidthInteger & UnsignedInteger>(
        _ upper: UnsafePointer<Sample>, _ lower: UnsafePointer<Sample>,
        _ output: UnsafeMutablePointer<Sample>,
        _ count: Int, _ sourceCount: Int, _ channelCount: Int
    ) {
        let alpha = channelCount - 1
        for x in 0..<count {
            let left = 2 * x * channelCount
            let right = min(2 * x + 1, sourceCount - 1) * channelCount
            let pixels = (upper + left, upper + right, lower + left, lower + right)
            let weights = (
                UInt64(pixels.0[alpha]), UInt64(pixels.1[alpha]), UInt64(pixels.2[alpha]),
                UInt64(pixels.3[alpha])
            )
            let total = weights.0 + weights.1 + weights.2 + weights.3
            for channel in 0..<alpha {
                let colors = (
                    UInt64(pixels.0[channel]), UInt64(pixels.1[channel]), UInt64(pixels.2[channel]),
                    UInt64(pixels.3[channel])
                )
                let mean =
                    if total == 0 {
                        (colors.0 + colors.1 + colors.2 + colors.3 + 2) / 4
                    } else {
                        (colors.0 * weights.0 + colors.1 * weights.1 + colors.2 * weights.2 + colors.3
                            * weights.3
                            + total / 2) / total
                    }
                output[x * channelCount + channel] = Sample(truncatingIfNeeded: mean)
            }
            output[x * channelCount + alpha] = Sample(truncatingIfNeeded: (total + 2) / 4)
        }
    }
}
