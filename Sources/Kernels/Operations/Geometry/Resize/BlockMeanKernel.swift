import Pipelines

/// Shrinks by whole factors: every output pixel is the rounded mean of a block of input pixels.
///
/// Source: OpenCV's `resizeAreaFast_`. Its sums are in single precision at 16 bits, so that it may be a level off when a
/// block has more than 256 pixels; ours are exact.
struct BlockMeanKernel: RowKernel {
    /// Its sides are blocks times output pixels, or (where the result's size was rounded up) less.
    let input: ImageShape
    let outputShape: ImageShape
    let blockWidth: Int
    let blockHeight: Int

    func apply(_ input: RowsView, to output: MutableRowsView) {
        switch (outputShape.format.depth, blockWidth, blockHeight, outputShape.format.channelCount) {
        // OpenCV rounds halves up in blocks of 2 x 2 pixels of 1, 3 or 4 channels, else to even.
        case (.eight, 2, 2, 1): halve(input, output, UInt8.self, UInt16.self, channels: 1)
        case (.eight, 2, 2, 3): halve(input, output, UInt8.self, UInt16.self, channels: 3)
        case (.eight, 2, 2, 4): halve(input, output, UInt8.self, UInt16.self, channels: 4)
        case (.sixteen, 2, 2, 1): halve(input, output, UInt16.self, UInt32.self, channels: 1)
        case (.sixteen, 2, 2, 3): halve(input, output, UInt16.self, UInt32.self, channels: 3)
        case (.sixteen, 2, 2, 4): halve(input, output, UInt16.self, UInt32.self, channels: 4)
        // Sums of a block's columns in the least bits that hold them.
        case (.eight, _, ...257, _): average(input, output, UInt8.self, UInt16.self)
        case (.eight, _, _, _): average(input, output, UInt8.self, UInt64.self)
        case (.sixteen, _, ...65537, _): average(input, output, UInt16.self, UInt32.self)
        case (.sixteen, _, _, _): average(input, output, UInt16.self, UInt64.self)
        }
    }

    @inline(__always)
    private func halve<
        Sample: FixedWidthInteger & UnsignedInteger, Sum: FixedWidthInteger & UnsignedInteger & BitwiseCopyable
    >(
        _ input: RowsView, _ output: MutableRowsView, _: Sample.Type, _: Sum.Type, channels: Int
    ) {
        let pairs = self.input.width / 2
        // The sums of two rows, for some pairs of pixels that stay in the first cache.
        let block = 256
        let sums = UnsafeMutablePointer<Sum>.allocate(capacity: 2 * block * channels + 1)
        defer { sums.deallocate() }
        sums[2 * block * channels] = 0
        for y in output.rows {
            guard 2 * y + 1 < self.input.height else {
                return average(input, output.slice(y..<y + 1), Sample.self, UInt64.self)
            }
            let upper: UnsafePointer<Sample> = input.row(2 * y)
            let lower: UnsafePointer<Sample> = input.row(2 * y + 1)
            let target: UnsafeMutablePointer<Sample> = output.row(y)
            if channels == 1 {
                // Both samples of a pair at once, which vectorises as plain pairs do not.
                let (first, second) = (UnsafeRawPointer(upper), UnsafeRawPointer(lower))
                let bytes = 2 * MemoryLayout<Sample>.size
                let low = Sum(truncatingIfNeeded: Sample.max)
                let bits = Sum(Sample.bitWidth)
                for x in 0..<pairs {
                    let one = first.loadUnaligned(fromByteOffset: x * bytes, as: Sum.self)
                    let other = second.loadUnaligned(fromByteOffset: x * bytes, as: Sum.self)
                    let sum = (one & low) &+ (one &>> bits) &+ (other & low) &+ (other &>> bits)
                    target[x] = Sample(truncatingIfNeeded: (sum &+ 2) &>> 2)
                }
            } else if Sample.bitWidth == 16 {
                for x in 0..<pairs {
                    for channel in 0..<channels {
                        let (left, right) = (2 * x * channels + channel, (2 * x + 1) * channels + channel)
                        let sum =
                            Sum(truncatingIfNeeded: upper[left]) &+ Sum(truncatingIfNeeded: upper[right])
                            &+ Sum(truncatingIfNeeded: lower[left]) &+ Sum(truncatingIfNeeded: lower[right])
                        target[x * channels + channel] = Sample(truncatingIfNeeded: (sum &+ 2) &>> 2)
                    }
                }
            } else {
                for start in stride(from: 0, to: pairs, by: block) {
                    let count = min(block, pairs - start)
                    let (first, second) = (upper + 2 * start * channels, lower + 2 * start * channels)
                    for i in 0..<2 * count * channels {
                        sums[i] = Sum(truncatingIfNeeded: first[i]) &+ Sum(truncatingIfNeeded: second[i])
                    }
                    func mean(_ x: Int, _ channel: Int) -> Sample {
                        let left = 2 * x * channels + channel
                        return Sample(truncatingIfNeeded: (sums[left] &+ sums[left + channels] &+ 2) &>> 2)
                    }
                    let means = target + start * channels
                    // Of three samples the fourth is the next pixel's first, which the last pixel does not have.
                    for x in 0..<count - 1 { storeFour({ mean(x, $0) }, { means[x * channels + $0] = $1 }) }
                    for channel in 0..<channels { means[(count - 1) * channels + channel] = mean(count - 1, channel) }
                }
            }
            guard outputShape.width > pairs else { continue }
            let last = (self.input.width - 1) * channels
            for channel in 0..<channels {
                let sum = Float(UInt32(upper[last + channel]) + UInt32(lower[last + channel]))
                target[(outputShape.width - 1) * channels + channel] = Sample(
                    truncatingIfNeeded: rounded(sum / 2, upTo: Float(outputShape.format.depth.maximum)))
            }
        }
    }

    private func average<Sample: FixedWidthInteger & UnsignedInteger, Sum: FixedWidthInteger & UnsignedInteger>(
        _ input: RowsView, _ output: MutableRowsView, _: Sample.Type, _: Sum.Type
    ) {
        let channels = outputShape.format.channelCount
        let count = input.shape.samplesPerRow
        let columns = UnsafeMutablePointer<Sum>.allocate(capacity: count)
        defer { columns.deallocate() }
        let largest = Float(outputShape.format.depth.maximum)
        for y in output.rows {
            let rows = y * blockHeight..<min((y + 1) * blockHeight, input.shape.height)
            columns.update(repeating: 0, count: count)
            for row in rows {
                let source: UnsafePointer<Sample> = input.row(row)
                for i in 0..<count { columns[i] &+= Sum(truncatingIfNeeded: source[i]) }
            }
            let target: UnsafeMutablePointer<Sample> = output.row(y)
            let scale = 1 / Float(blockWidth * blockHeight)
            for x in 0..<outputShape.width {
                let pixels = x * blockWidth..<min((x + 1) * blockWidth, input.shape.width)
                let isWhole = pixels.count == blockWidth && rows.count == blockHeight
                for channel in 0..<channels {
                    var sum: UInt64 = 0
                    for pixel in pixels { sum &+= UInt64(truncatingIfNeeded: columns[pixel * channels + channel]) }
                    let mean = isWhole ? Float(sum) * scale : Float(sum) / Float(pixels.count * rows.count)
                    target[x * channels + channel] = Sample(truncatingIfNeeded: rounded(mean, upTo: largest))
                }
            }
        }
    }
}
