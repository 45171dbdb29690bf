/// The median of 3 x 3 by a sorting network.
struct Median3Kernel: RowKernel {
    let outputShape: ImageShape

    func inputRows(for wanted: Range<Int>) -> Range<Int> { rows(wanted, widenedBy: 1, in: outputShape) }

    func apply(_ input: Band, to output: MutableBand) {
        switch outputShape.format.depth {
        case .eight: select(input, output, UInt8.self)
        case .sixteen: select(input, output, UInt16.self)
        }
    }

    private func select<Sample: FixedWidthInteger & UnsignedInteger>(
        _ input: Band, _ output: MutableBand, _: Sample.Type
    ) {
        let channels = outputShape.format.channelCount
        let (width, count) = (outputShape.width, outputShape.samplesPerRow)
        let stride = count + 2 * channels
        // The columns of three, sorted: their smallest, middle and largest levels, each row with a pixel of border.
        let sorted = UnsafeMutablePointer<Sample>.allocate(capacity: 3 * stride)
        defer { sorted.deallocate() }
        let (lows, middles, highs) = (sorted, sorted + stride, sorted + 2 * stride)
        func row(_ y: Int) -> UnsafePointer<Sample> { input.row(min(max(y, 0), outputShape.height - 1)) }
        func pad(_ first: UnsafeMutablePointer<Sample>) {
            fillPadding(around: first, width: width, channels: channels, radius: 1, border: .replicate)
        }
        for y in output.rows {
            let (above, centre, below) = (row(y - 1), row(y), row(y + 1))
            let target: UnsafeMutablePointer<Sample> = output.row(y)
            for i in 0..<count {
                var (low, middle, high) = (above[i], centre[i], below[i])
                order(&low, &middle)
                order(&middle, &high)
                order(&low, &middle)
                lows[channels + i] = low
                middles[channels + i] = middle
                highs[channels + i] = high
            }
            pad(lows + channels)
            pad(middles + channels)
            pad(highs + channels)
            for i in 0..<count {
                // The median of nine is that of the largest low, the middle middle and the smallest high.
                let (j, k) = (i + channels, i + 2 * channels)
                let low = larger(larger(lows[i], lows[j]), lows[k])
                let high = smaller(smaller(highs[i], highs[j]), highs[k])
                target[i] = median(low, median(middles[i], middles[j], middles[k]), high)
            }
            if outputShape.format.layout.hasAlpha {
                copyAlpha(from: centre, to: target, width: width, channels: channels)
            }
        }
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

    func inputRows(for wanted: Range<Int>) -> Range<Int> { rows(wanted, widenedBy: 2, in: outputShape) }

    func apply(_ input: Band, to output: MutableBand) {
        switch outputShape.format.depth {
        case .eight: select(input, output, UInt8.self)
        case .sixteen: select(input, output, UInt16.self)
        }
    }

    private func select<Sample: FixedWidthInteger & UnsignedInteger>(
        _ input: Band, _ output: MutableBand, _: Sample.Type
    ) {
        let channels = outputShape.format.channelCount
        var ring = RowRing<Sample>(input, radius: 2, border: .replicate, first: output.rows.lowerBound)
        let stride = ring.stride
        let count = outputShape.samplesPerRow
        // Blocks whose thirteen candidates a sample stay in the cache.
        let blockLength = 512
        let sorted = UnsafeMutablePointer<Sample>.allocate(capacity: 5 * stride)
        let candidates = UnsafeMutablePointer<Sample>.allocate(capacity: 13 * blockLength)
        defer {
            ring.deallocate()
            sorted.deallocate()
            candidates.deallocate()
        }
        for y in output.rows {
            ring.move(to: y)
            sortColumns(ring, into: sorted, stride)
            let target: UnsafeMutablePointer<Sample> = output.row(y)
            var start = 0
            while start < count {
                let length = min(blockLength, count - start)
                // Which ranks of a sorted row are candidates, row by row of the table.
                var next = candidates
                for (rank, kept) in [3...4, 2...4, 1...3, 0...2, 0...1].enumerated() {
                    sortRank(sorted + rank * stride + start, channels, keeping: kept, into: next, length)
                    next += kept.count * length
                }
                selectMiddle(candidates, into: target + start, length)
                start += length
            }
            if outputShape.format.layout.hasAlpha {
                copyAlpha(from: ring.row(0), to: target, width: outputShape.width, channels: channels)
            }
        }
    }

    private func sortColumns<Sample: FixedWidthInteger>(
        _ ring: RowRing<Sample>, into sorted: UnsafeMutablePointer<Sample>, _ stride: Int
    ) {
        let (row0, row1, row2) = (ring.padded(-2), ring.padded(-1), ring.padded(0))
        let (row3, row4) = (ring.padded(1), ring.padded(2))
        for i in 0..<stride {
            var (a, b, c, d, e) = (row0[i], row1[i], row2[i], row3[i], row4[i])
            sort(&a, &b, &c, &d, &e)
            sorted[i] = a
            sorted[stride + i] = b
            sorted[2 * stride + i] = c
            sorted[3 * stride + i] = d
            sorted[4 * stride + i] = e
        }
    }

    private func sortRank<Sample: FixedWidthInteger>(
        _ row: UnsafePointer<Sample>, _ channels: Int, keeping kept: ClosedRange<Int>,
        into target: UnsafeMutablePointer<Sample>, _ count: Int
    ) {
        let (row1, row2) = (row + channels, row + 2 * channels)
        let (row3, row4) = (row + 3 * channels, row + 4 * channels)
        let (second, third) = (target + count, target + 2 * count)
        switch kept {
        case 3...4:
            for i in 0..<count {
                var (a, b, c, d, e) = (row[i], row1[i], row2[i], row3[i], row4[i])
                sort(&a, &b, &c, &d, &e)
                (target[i], second[i]) = (d, e)
            }
        case 2...4:
            for i in 0..<count {
                var (a, b, c, d, e) = (row[i], row1[i], row2[i], row3[i], row4[i])
                sort(&a, &b, &c, &d, &e)
                (target[i], second[i], third[i]) = (c, d, e)
            }
        case 1...3:
            for i in 0..<count {
                var (a, b, c, d, e) = (row[i], row1[i], row2[i], row3[i], row4[i])
                sort(&a, &b, &c, &d, &e)
                (target[i], second[i], third[i]) = (b, c, d)
            }
        case 0...2:
            for i in 0..<count {
                var (a, b, c, d, e) = (row[i], row1[i], row2[i], row3[i], row4[i])
                sort(&a, &b, &c, &d, &e)
                (target[i], second[i], third[i]) = (a, b, c)
            }
        default:
            for i in 0..<count {
                var (a, b, c, d, e) = (row[i], row1[i], row2[i], row3[i], row4[i])
                sort(&a, &b, &c, &d, &e)
                (target[i], second[i]) = (a, b)
            }
        }
    }

    /// The middle one of thirteen: of eight, the smallest and the largest cannot be it; another takes their place.
    private func selectMiddle<Sample: FixedWidthInteger>(
        _ candidates: UnsafePointer<Sample>, into target: UnsafeMutablePointer<Sample>, _ count: Int
    ) {
        for i in 0..<count {
            var (a, b, c, d) = (
                candidates[i], candidates[count + i], candidates[2 * count + i], candidates[3 * count + i]
            )
            var (e, f, g, h) = (
                candidates[4 * count + i], candidates[5 * count + i], candidates[6 * count + i],
                candidates[7 * count + i]
            )
            // a becomes the smallest, h the largest of eight.
            order(&a, &b)
            order(&c, &d)
            order(&e, &f)
            order(&g, &h)
            order(&a, &c)
            order(&e, &g)
            order(&a, &e)
            order(&b, &d)
            order(&f, &h)
            order(&d, &h)
            // Of seven: b to g and the next.
            a = candidates[8 * count + i]
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
            a = candidates[9 * count + i]
            order(&a, &b)
            order(&c, &d)
            order(&e, &f)
            order(&a, &c)
            order(&a, &e)
            order(&b, &d)
            order(&d, &f)
            // Of five: b to e and the next.
            a = candidates[10 * count + i]
            order(&a, &b)
            order(&c, &d)
            order(&a, &c)
            order(&a, &e)
            order(&b, &d)
            order(&d, &e)
            // Of four: b to d and the next.
            a = candidates[11 * count + i]
            order(&a, &b)
            order(&c, &d)
            order(&a, &c)
            order(&b, &d)
            target[i] = median(b, c, candidates[12 * count + i])
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
