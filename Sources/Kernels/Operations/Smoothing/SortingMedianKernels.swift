import Pipelines

/// The median of 3 x 3 by a sorting network.
struct Median3Kernel: RowKernel {
    let outputShape: ImageShape

    func apply(_ input: RowsView, to output: MutableRowsView) {
        switch outputShape.format.depth {
        case .eight: select(input, output, UInt8.self)
        case .sixteen: select(input, output, UInt16.self)
        }
    }

    private func select<Sample: FixedWidthInteger & UnsignedInteger>(
        _ input: RowsView, _ output: MutableRowsView, _: Sample.Type
    ) {
        let channels = outputShape.format.channelCount
        let count = outputShape.samplesPerRow
        func row(_ y: Int) -> UnsafePointer<Sample> { input.row(min(max(y, 0), outputShape.height - 1)) }
        for y in output.rows {
            let window = Window3(above: row(y - 1), center: row(y), below: row(y + 1))
            let target: UnsafeMutablePointer<Sample> = output.row(y)
            inWholeVectors(max(0, count - 2 * channels)) { start, length in
                window.selectMiddles(from: start, channels, into: target + channels, length)
            }
            let last = count - channels
            for i in 0..<channels {
                target[i] = window.middle(i, i, min(i + channels, last + i))
                target[last + i] = window.middle(max(last - channels, 0) + i, last + i, last + i)
            }
            if outputShape.format.layout.hasAlpha {
                copyAlpha(from: window.center, to: target, width: outputShape.width, channels: channels)
            }
        }
    }
}

/// Three rows, of which any three columns make a window. Columns are sorted again for each window, which is faster than to
/// keep them sorted in memory.
private struct Window3<Sample: FixedWidthInteger & UnsignedInteger> {
    let above: UnsafePointer<Sample>
    let center: UnsafePointer<Sample>
    let below: UnsafePointer<Sample>

    @inline(__always)
    private func column(_ i: Int) -> (low: Sample, middle: Sample, high: Sample) {
        var (low, middle, high) = (above[i], center[i], below[i])
        order(&low, &middle)
        order(&middle, &high)
        order(&low, &middle)
        return (low, middle, high)
    }

    /// The median of nine is that of the largest low, the middle middle and the smallest high.
    @inline(__always)
    func middle(_ left: Int, _ own: Int, _ right: Int) -> Sample {
        let (a, b, c) = (column(left), column(own), column(right))
        let low = larger(larger(a.low, b.low), c.low)
        let high = smaller(smaller(a.high, b.high), c.high)
        return median(low, median(a.middle, b.middle, c.middle), high)
    }

    /// The medians of windows that begin at samples `start` and the next.
    func selectMiddles(from start: Int, _ channels: Int, into target: UnsafeMutablePointer<Sample>, _ count: Int) {
        for i in start..<start + count { target[i] = middle(i, i + channels, i + 2 * channels) }
    }
}

/// The median of 5 x 5 by sorting networks.
///
/// Columns are sorted, then the five levels of each rank. In the 5 x 5 table that is ordered both ways thirteen entries can
/// be the median (six others are certainly not above it, six not below), and it is the middle one of these:
///
///     . . . x x
///     . . x x x
///     . x x x .
///     x x x . .
///     x x . . .
struct Median5Kernel: RowKernel {
    let outputShape: ImageShape

    func apply(_ input: RowsView, to output: MutableRowsView) {
        switch outputShape.format.depth {
        case .eight: select(input, output, UInt8.self)
        case .sixteen: select(input, output, UInt16.self)
        }
    }

    private func select<Sample: FixedWidthInteger & UnsignedInteger>(
        _ input: RowsView, _ output: MutableRowsView, _: Sample.Type
    ) {
        let (width, channels) = (outputShape.width, outputShape.format.channelCount)
        // The sorted columns of a block of pixels and of two more on either side: they stay in the cache.
        let pixelsPerBlock = 512
        let stride = (pixelsPerBlock + 4) * channels
        let sorted = UnsafeMutablePointer<Sample>.allocate(capacity: 5 * stride)
        defer { sorted.deallocate() }
        func row(_ y: Int) -> UnsafePointer<Sample> { input.row(min(max(y, 0), outputShape.height - 1)) }
        for y in output.rows {
            let rows = (row(y - 2), row(y - 1), row(y), row(y + 1), row(y + 2))
            let target: UnsafeMutablePointer<Sample> = output.row(y)
            var start = 0
            while start < width {
                let end = min(start + pixelsPerBlock, width)
                let inside = max(start - 2, 0)..<min(end + 2, width)
                let first = sorted + 2 * channels - start * channels
                inWholeVectors(inside.count * channels) { offset, length in
                    let place = inside.lowerBound * channels + offset
                    sortColumns(rows, place, into: first + place, stride, length)
                }
                for rank in 0..<5 {
                    let levels = first + rank * stride
                    for x in start - 2..<inside.lowerBound {
                        (levels + x * channels).update(from: levels, count: channels)
                    }
                    for x in inside.upperBound..<end + 2 {
                        (levels + x * channels).update(from: levels + (width - 1) * channels, count: channels)
                    }
                }
                inWholeVectors((end - start) * channels) { offset, length in
                    selectMiddles(
                        sorted + offset, stride, channels, into: target + start * channels + offset, length)
                }
                start = end
            }
            if outputShape.format.layout.hasAlpha {
                copyAlpha(from: rows.2, to: target, width: width, channels: channels)
            }
        }
    }

    private func sortColumns<Sample: FixedWidthInteger>(
        _ rows: (
            UnsafePointer<Sample>, UnsafePointer<Sample>, UnsafePointer<Sample>, UnsafePointer<Sample>,
            UnsafePointer<Sample>
        ), _ start: Int, into sorted: UnsafeMutablePointer<Sample>, _ stride: Int, _ count: Int
    ) {
        let (row0, row1, row2) = (rows.0 + start, rows.1 + start, rows.2 + start)
        let (row3, row4) = (rows.3 + start, rows.4 + start)
        for i in 0..<count {
            var (a, b, c, d, e) = (row0[i], row1[i], row2[i], row3[i], row4[i])
            sort(&a, &b, &c, &d, &e)
            sorted[i] = a
            sorted[stride + i] = b
            sorted[2 * stride + i] = c
            sorted[3 * stride + i] = d
            sorted[4 * stride + i] = e
        }
    }

    /// The middle one of thirteen: of eight, the smallest and the largest cannot be it; another takes their place.
    private func selectMiddles<Sample: FixedWidthInteger>(
        _ sorted: UnsafePointer<Sample>, _ stride: Int, _ channels: Int, into target: UnsafeMutablePointer<Sample>,
        _ count: Int
    ) {
        for i in 0..<count {
            /// The row of the table; what is not used of it is not computed.
            @inline(__always) func row(_ rank: Int) -> (Sample, Sample, Sample, Sample, Sample) {
                let levels = sorted + rank * stride + i
                var (a, b, c) = (levels[0], levels[channels], levels[2 * channels])
                var (d, e) = (levels[3 * channels], levels[4 * channels])
                sort(&a, &b, &c, &d, &e)
                return (a, b, c, d, e)
            }
            let (row0, row1, row2, row3, row4) = (row(0), row(1), row(2), row(3), row(4))
            var (a, b, c, d) = (row0.3, row0.4, row1.2, row1.3)
            var (e, f, g, h) = (row1.4, row2.1, row2.2, row2.3)
            // a becomes the smallest, h the largest of eight: rows and columns are in order, so these are three and two.
            order(&a, &c)
            order(&a, &f)
            order(&e, &h)
            // Of seven: b to g and the next.
            a = row3.0
            order(&a, &b)
            order(&c, &d)
            order(&e, &f)
            order(&a, &c)
            order(&a, &e)
            order(&a, &g)
            order(&b, &d)
            order(&d, &f)
            order(&f, &g)
            // Of six: b to f and the next.
            a = row3.1
            order(&a, &b)
            order(&c, &d)
            order(&e, &f)
            order(&a, &c)
            order(&a, &e)
            order(&b, &d)
            order(&d, &f)
            // Of five: b to e and the next.
            a = row3.2
            order(&a, &b)
            order(&c, &d)
            order(&a, &c)
            order(&a, &e)
            order(&b, &d)
            order(&d, &e)
            // Of four: b to d and the next.
            a = row4.0
            order(&a, &b)
            order(&c, &d)
            order(&a, &c)
            order(&b, &d)
            target[i] = median(b, c, row4.1)
        }
    }
}

@inline(__always)
private func smaller<Sample: Comparable>(_ left: Sample, _ right: Sample) -> Sample { left < right ? left : right }

@inline(__always)
private func larger<Sample: Comparable>(_ left: Sample, _ right: Sample) -> Sample { left > right ? left : right }

@inline(__always)
private func median<Sample: Comparable>(_ a: Sample, _ b: Sample, _ c: Sample) -> Sample {
    larger(smaller(a, b), smaller(larger(a, b), c))
}

/// The comparator of the networks: the smaller first.
@inline(__always)
private func order<Sample: Comparable>(_ first: inout Sample, _ second: inout Sample) {
    (first, second) = (smaller(first, second), larger(first, second))
}

/// Nine comparators sort five.
@inline(__always)
private func sort<Sample: Comparable>(
    _ a: inout Sample, _ b: inout Sample, _ c: inout Sample, _ d: inout Sample, _ e: inout Sample
) {
    order(&a, &b)
    order(&d, &e)
    order(&c, &e)
    order(&c, &d)
    order(&b, &e)
    order(&a, &d)
    order(&a, &c)
    order(&b, &d)
    order(&b, &c)
}
