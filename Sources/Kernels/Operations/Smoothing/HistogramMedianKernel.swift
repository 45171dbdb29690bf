import Pipelines

/// The median of a square window of 8-bit samples, at a cost that does not grow with the window.
///
/// Every column of pixels has a histogram, which moves down a row by one sample in, one out; the window's histogram moves
/// along a row by one column in, one out. Of the window's 256 bins only those are kept up to date that the median
/// falls among: 16 coarse bins tell which.
///
/// Source: S. Perreault and P. Hebert, Median filtering in constant time, IEEE Transactions on Image Processing 16 (2007).
struct HistogramMedianKernel: RowKernel {
    let outputShape: ImageShape
    let size: Int

    func apply(_ input: RowsView, to output: MutableRowsView) {
        let format = outputShape.format
        // Columns are treated in stripes whose histograms stay in the cache.
        let stripes = RowPartition(rowCount: outputShape.width, rowsPerPart: max(256, 2 * size))
        let columns = ColumnHistograms(capacity: stripes.rowsPerPart + size)
        defer { columns.deallocate() }
        for index in 0..<stripes.count {
            let stripe = ColumnStripe(stripes[index], radius: size / 2, width: outputShape.width)
            for channel in 0..<format.colorChannelCount { move(columns, down: stripe, input, output, channel) }
        }
        guard format.layout.hasAlpha else { return }
        for y in output.rows {
            copyAlpha(
                from: input.row(y, as: UInt8.self), to: output.row(y), width: outputShape.width,
                channels: format.channelCount)
        }
    }

    private func move(
        _ columns: ColumnHistograms, down stripe: ColumnStripe, _ input: RowsView, _ output: MutableRowsView,
        _ channel: Int
    ) {
        let channels = outputShape.format.channelCount
        let radius = size / 2
        func row(_ y: Int) -> UnsafePointer<UInt8> {
            input.row(min(max(y, 0), outputShape.height - 1)) + stripe.present.lowerBound * channels + channel
        }
        columns.clear()
        let first = output.rows.lowerBound
        for y in first - radius..<first + radius { columns.add(row(y), channels, stripe.present.count, 1) }
        for y in output.rows {
            columns.add(row(y + radius), channels, stripe.present.count, 1)
            let target: UnsafeMutablePointer<UInt8> = output.row(y)
            columns.selectMedians(stripe, into: target + channel, channels)
            columns.add(row(y - radius), channels, stripe.present.count, .max)
        }
    }
}

/// Some columns of an image, and those around them that their windows reach.
private struct ColumnStripe {
    /// The columns whose medians are wanted.
    let wanted: Range<Int>
    let radius: Int
    /// The columns with a histogram.
    let present: Range<Int>

    init(_ wanted: Range<Int>, radius: Int, width: Int) {
        self.wanted = wanted
        self.radius = radius
        present = max(0, wanted.lowerBound - radius)..<min(width, wanted.upperBound + radius)
    }

    /// The index among `present` of column `x`; beyond the edges of the image that of the outermost column.
    func index(_ x: Int) -> Int { min(max(x, present.lowerBound), present.upperBound - 1) - present.lowerBound }
}

/// A histogram for each column of a window's rows, at two resolutions.
///
/// Counts are modulo 2^16, which no window exceeds.
private struct ColumnHistograms {
    private typealias Bins = SIMD16<UInt16>

    /// 16 groups of 16 bins per column: bin by bin `level`.
    private let fine: UnsafeMutablePointer<Bins>
    /// 16 bins per column: bin by bin `level / 16`.
    private let coarse: UnsafeMutablePointer<Bins>
    private let capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
        fine = .allocate(capacity: capacity * 16)
        coarse = .allocate(capacity: capacity)
    }

    func deallocate() {
        fine.deallocate()
        coarse.deallocate()
    }

    func clear() {
        fine.initialize(repeating: Bins(), count: capacity * 16)
        coarse.initialize(repeating: Bins(), count: capacity)
    }

    /// Counts a row's samples, one a column, `change` times more.
    func add(_ row: UnsafePointer<UInt8>, _ channels: Int, _ count: Int, _ change: UInt16) {
        fine.withMemoryRebound(to: UInt16.self, capacity: capacity * 256) { fine in
            coarse.withMemoryRebound(to: UInt16.self, capacity: capacity * 16) { coarse in
                for x in 0..<count {
                    let level = Int(row[x &* channels])
                    fine[x &<< 8 | level] &+= change
                    coarse[x &<< 4 | level &>> 4] &+= change
                }
            }
        }
    }

    func selectMedians(_ stripe: ColumnStripe, into target: UnsafeMutablePointer<UInt8>, _ channels: Int) {
        let radius = stripe.radius
        let half = UInt16((2 * radius + 1) * (2 * radius + 1) / 2)
        let first = stripe.wanted.lowerBound
        var windowCoarse = Bins()
        for x in first - radius..<first + radius { windowCoarse &+= coarse[stripe.index(x)] }
        withUnsafeTemporaryAllocation(of: Bins.self, capacity: 16) { window in
            withUnsafeTemporaryAllocation(of: Int.self, capacity: 16) { centers in
                // Far enough away that the first use of a group counts its columns afresh.
                window.initialize(repeating: Bins())
                centers.initialize(repeating: first - 4 * radius - 4)
                for x in stripe.wanted {
                    windowCoarse &+= coarse[stripe.index(x + radius)]
                    var below: UInt16 = 0
                    let group = Self.position(of: half, in: windowCoarse, &below)
                    update(&window[group], group, from: centers[group], to: x, stripe)
                    centers[group] = x
                    let level = Self.position(of: half, in: window[group], &below)
                    target[x * channels] = UInt8(truncatingIfNeeded: group &<< 4 | level)
                    windowCoarse &-= coarse[stripe.index(x - radius)]
                }
            }
        }
    }

    /// The bin that the sample of rank `rank` is in, counted from 0, where `below` samples are in none of them; they and
    /// those of the bins before come out as `below`.
    ///
    /// Without a loop whose end nobody can predict: four bins are a word, and a product of a word has their running sums.
    @inline(__always)
    private static func position(of rank: UInt16, in bins: Bins, _ below: inout UInt16) -> Int {
        let words = unsafeBitCast(bins, to: SIMD4<UInt64>.self)
        let sums = words &* 0x0001_0001_0001_0001
        let rest = UInt64(rank &- below)
        let (first, second) = (sums[0] &>> 48, sums[1] &>> 48 &+ sums[0] &>> 48)
        let third = second &+ sums[2] &>> 48
        let (isPastFirst, isPastSecond, isPastThird) = (first <= rest, second <= rest, third <= rest)
        var (word, before, running) = (0, UInt64(0), sums[0])
        if isPastFirst { (word, before, running) = (4, first, sums[1]) }
        if isPastSecond { (word, before, running) = (8, second, sums[2]) }
        if isPastThird { (word, before, running) = (12, third, sums[3]) }
        let wanted = rest &- before
        let lane =
            (running & 0xFFFF <= wanted ? 1 : 0) &+ (running &>> 16 & 0xFFFF <= wanted ? 1 : 0)
            &+ (running &>> 32 & 0xFFFF <= wanted ? 1 : 0)
        // The running sum of the bin before, 0 for the first.
        below &+= UInt16(truncatingIfNeeded: before &+ (running &<< 16) &>> UInt64(16 &* lane) & 0xFFFF)
        return word &+ lane
    }

    /// Brings a group of fine bins to the window around `x`: step by step, or afresh when that is shorter.
    @inline(__always)
    private func update(_ bins: inout Bins, _ group: Int, from center: Int, to x: Int, _ stripe: ColumnStripe) {
        let radius = stripe.radius
        if x - center > radius {
            bins = Bins()
            for neighbor in x - radius...x + radius { bins &+= fine[stripe.index(neighbor) &<< 4 | group] }
        } else {
            for step in stride(from: center + 1, through: x, by: 1) {
                bins &+= fine[stripe.index(step + radius) &<< 4 | group]
                bins &-= fine[stripe.index(step - radius - 1) &<< 4 | group]
            }
        }
    }
}
