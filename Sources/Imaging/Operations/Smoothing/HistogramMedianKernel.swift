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

    func inputRows(for wanted: Range<Int>) -> Range<Int> { rows(wanted, widenedBy: size / 2, in: outputShape) }

    func apply(_ input: Band, to output: MutableBand) {
        let format = outputShape.format
        let columns = ColumnHistograms(width: outputShape.width)
        defer { columns.deallocate() }
        for channel in 0..<format.colourChannelCount {
            columns.clear()
            move(columns, down: input, output, channel)
        }
        guard format.layout.hasAlpha else { return }
        for y in output.rows {
            copyAlpha(
                from: input.row(y, as: UInt8.self), to: output.row(y), width: outputShape.width,
                channels: format.channelCount)
        }
    }

    private func move(_ columns: ColumnHistograms, down input: Band, _ output: MutableBand, _ channel: Int) {
        let channels = outputShape.format.channelCount
        let radius = size / 2
        func row(_ y: Int) -> UnsafePointer<UInt8> { input.row(min(max(y, 0), outputShape.height - 1)) + channel }
        let first = output.rows.lowerBound
        for y in first - radius..<first + radius { columns.add(row(y), channels, 1) }
        for y in output.rows {
            columns.add(row(y + radius), channels, 1)
            columns.selectMedians(radius: radius, into: output.row(y, as: UInt8.self) + channel, channels)
            columns.add(row(y - radius), channels, UInt16.max)
        }
    }
}

/// A histogram for each column of a window's rows, at two resolutions.
private struct ColumnHistograms {
    private static let binCount = 256
    private static let coarseCount = 16

    private let width: Int
    private let fine: UnsafeMutablePointer<UInt16>
    private let coarse: UnsafeMutablePointer<UInt16>
    /// The window's: fine bins, then coarse bins.
    private let window: UnsafeMutablePointer<UInt16>
    /// For each coarse bin, the column that its fine bins in `window` are centred on.
    private let centres: UnsafeMutablePointer<Int>

    init(width: Int) {
        self.width = width
        fine = .allocate(capacity: width * Self.binCount)
        coarse = .allocate(capacity: width * Self.coarseCount)
        window = .allocate(capacity: Self.binCount + Self.coarseCount)
        centres = .allocate(capacity: Self.coarseCount)
    }

    func deallocate() {
        fine.deallocate()
        coarse.deallocate()
        window.deallocate()
        centres.deallocate()
    }

    func clear() {
        fine.initialize(repeating: 0, count: width * Self.binCount)
        coarse.initialize(repeating: 0, count: width * Self.coarseCount)
    }

    /// Counts a row's samples `change` times more, modulo 2^16.
    func add(_ row: UnsafePointer<UInt8>, _ channels: Int, _ change: UInt16) {
        for x in 0..<width {
            let level = Int(row[x * channels])
            fine[x * Self.binCount + level] &+= change
            coarse[x * Self.coarseCount + level >> 4] &+= change
        }
    }

    /// The median of each window of `2 * radius + 1` columns; beyond the edges the outermost column counts again.
    func selectMedians(radius: Int, into target: UnsafeMutablePointer<UInt8>, _ channels: Int) {
        let windowCoarse = window + Self.binCount
        windowCoarse.initialize(repeating: 0, count: Self.coarseCount)
        for x in -radius..<radius { addCoarse(x, to: windowCoarse) }
        // Far enough away that the first use of each coarse bin counts its columns afresh.
        centres.initialize(repeating: -4 * radius - 4, count: Self.coarseCount)
        let half = UInt16((2 * radius + 1) * (2 * radius + 1) / 2)
        for x in 0..<width {
            addCoarse(x + radius, to: windowCoarse)
            var below: UInt16 = 0
            var bin = 0
            while below &+ windowCoarse[bin] <= half {
                below &+= windowCoarse[bin]
                bin += 1
            }
            let bins = window + bin * 16
            update(bins, bin, to: x, radius)
            var level = 0
            while below &+ bins[level] <= half {
                below &+= bins[level]
                level += 1
            }
            target[x * channels] = UInt8(truncatingIfNeeded: bin * 16 + level)
            subtractCoarse(x - radius, from: windowCoarse)
        }
    }

    private func column(_ x: Int) -> Int { min(max(x, 0), width - 1) }

    private func addCoarse(_ x: Int, to bins: UnsafeMutablePointer<UInt16>) {
        let source = coarse + column(x) * Self.coarseCount
        for i in 0..<16 { bins[i] &+= source[i] }
    }

    private func subtractCoarse(_ x: Int, from bins: UnsafeMutablePointer<UInt16>) {
        let source = coarse + column(x) * Self.coarseCount
        for i in 0..<16 { bins[i] &-= source[i] }
    }

    /// Brings the 16 fine bins of a coarse one to the window around `x`: step by step, or afresh when that is shorter.
    private func update(_ bins: UnsafeMutablePointer<UInt16>, _ coarseBin: Int, to x: Int, _ radius: Int) {
        let steps = x - centres[coarseBin]
        if 2 * steps > 2 * radius + 1 {
            bins.initialize(repeating: 0, count: 16)
            for neighbour in x - radius...x + radius {
                let source = fine + column(neighbour) * Self.binCount + coarseBin * 16
                for i in 0..<16 { bins[i] &+= source[i] }
            }
        } else {
            for centre in stride(from: centres[coarseBin] + 1, through: x, by: 1) {
                let enters = fine + column(centre + radius) * Self.binCount + coarseBin * 16
                let leaves = fine + column(centre - radius - 1) * Self.binCount + coarseBin * 16
                for i in 0..<16 { bins[i] = bins[i] &+ enters[i] &- leaves[i] }
            }
        }
        centres[coarseBin] = x
    }
}
