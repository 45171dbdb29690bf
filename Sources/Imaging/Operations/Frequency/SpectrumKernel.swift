/// Multiplies the spectrum of each channel by a real gain that depends on the frequency.
///
/// The two-dimensional transform is made row by row and then column by column; between the two the ranks exchange blocks, so
/// that who had rows has columns, and back again:
///
///     rows of samples -> transform rows | exchange | transform columns, times gain, transform back | exchange | rows back
///
/// Whoever transforms a row or column, it is the same numbers in the same order: the result does not depend on the ranks.
/// Only half of each row's spectrum is kept, since that of real numbers mirrors itself.
struct SpectrumKernel: CollectiveKernel {
    let outputShape: ImageShape
    let filter: ButterworthFilter

    func apply(_ input: Band, to output: MutableBand, with ranks: some CollectiveRanks) {
        for channel in 0..<outputShape.format.colourChannelCount {
            let plane = SpectrumPlane(outputShape, ranks)
            defer { plane.deallocate() }
            switch outputShape.format.depth {
            case .eight: plane.transformRows(input, channel, UInt8.self)
            case .sixteen: plane.transformRows(input, channel, UInt16.self)
            }
            plane.exchangeToColumns()
            plane.filterColumns(filter)
            plane.exchangeToRows()
            switch outputShape.format.depth {
            case .eight: plane.restoreRows(output, channel, UInt8.self, offset: filter.offset(outputShape))
            case .sixteen: plane.restoreRows(output, channel, UInt16.self, offset: filter.offset(outputShape))
            }
        }
        guard outputShape.format.layout.hasAlpha else { return }
        let channels = outputShape.format.channelCount
        for y in output.rows {
            switch outputShape.format.depth {
            case .eight:
                copyAlpha(
                    from: input.row(y, as: UInt8.self), to: output.row(y), width: outputShape.width, channels: channels)
            case .sixteen:
                copyAlpha(
                    from: input.row(y, as: UInt16.self), to: output.row(y), width: outputShape.width, channels: channels
                )
            }
        }
    }
}

/// A rank's share of the spectrum of one channel: first rows of it, then columns, then rows again.
///
/// Owns memory: call `deallocate()`.
private struct SpectrumPlane<Ranks: CollectiveRanks> {
    private let shape: ImageShape
    private let ranks: Ranks
    /// This rank's rows, and its columns of the half spectrum.
    private let rows: Range<Int>
    private let columns: Range<Int>
    /// `rows.count` rows of `columnCount` numbers; the rows of each rank's columns lie together, so that a block is a run:
    /// rank 0's columns of all rows, then rank 1's ...
    private let rowMemory: ComplexRow
    /// `columns.count` columns of `height` numbers.
    private let columnMemory: ComplexRow

    private var columnCount: Int { shape.width / 2 + 1 }

    init(_ shape: ImageShape, _ ranks: Ranks) {
        self.shape = shape
        self.ranks = ranks
        rows = ranks.rows(of: ranks.rank, height: shape.height)
        columns = Self.columns(of: ranks.rank, ranks, shape)
        rowMemory = Self.allocate(rows.count * (shape.width / 2 + 1))
        columnMemory = Self.allocate(columns.count * shape.height)
    }

    private static func allocate(_ count: Int) -> ComplexRow {
        ComplexRow(real: .allocate(capacity: count), imaginary: .allocate(capacity: count))
    }

    func deallocate() {
        for row in [rowMemory, columnMemory] {
            row.real.deallocate()
            row.imaginary.deallocate()
        }
    }

    private static func columns(of rank: Int, _ ranks: Ranks, _ shape: ImageShape) -> Range<Int> {
        let count = shape.width / 2 + 1
        return count * rank / ranks.size..<count * (rank + 1) / ranks.size
    }

    private func columns(of rank: Int) -> Range<Int> { Self.columns(of: rank, ranks, shape) }
    private func rows(of rank: Int) -> Range<Int> { ranks.rows(of: rank, height: shape.height) }

    // MARK: Rows

    func transformRows<Sample: FixedWidthInteger & UnsignedInteger>(_ input: Band, _ channel: Int, _: Sample.Type) {
        let channels = shape.format.channelCount
        forEachRow { row, y, transform, scratch in
            let source: UnsafePointer<Sample> = input.row(y)
            for x in 0..<shape.width {
                (row.real[x], row.imaginary[x]) = (Double(source[x * channels + channel]), 0)
            }
            transform.forward(row, scratch)
            for rank in 0..<ranks.size {
                let (columns, place) = (columns(of: rank), place(y, rank))
                for x in columns {
                    rowMemory.real[place + x - columns.lowerBound] = row.real[x]
                    rowMemory.imaginary[place + x - columns.lowerBound] = row.imaginary[x]
                }
            }
        }
    }

    func restoreRows<Sample: FixedWidthInteger & UnsignedInteger>(
        _ output: MutableBand, _ channel: Int, _: Sample.Type, offset: Double
    ) {
        let channels = shape.format.channelCount
        let largest = Double(shape.format.depth.maximum)
        forEachRow { row, y, transform, scratch in
            for rank in 0..<ranks.size {
                let (columns, place) = (columns(of: rank), place(y, rank))
                for x in columns {
                    row.real[x] = rowMemory.real[place + x - columns.lowerBound]
                    row.imaginary[x] = rowMemory.imaginary[place + x - columns.lowerBound]
                }
            }
            for x in columnCount..<max(columnCount, shape.width) {
                (row.real[x], row.imaginary[x]) = (row.real[shape.width - x], -row.imaginary[shape.width - x])
            }
            transform.inverse(row, scratch)
            let target: UnsafeMutablePointer<Sample> = output.row(y)
            for x in 0..<shape.width {
                target[x * channels + channel] = Sample(
                    truncatingIfNeeded: rounded(row.real[x] + offset, upTo: largest))
            }
        }
    }

    private func forEachRow(_ body: (ComplexRow, _ y: Int, FourierTransform, FourierScratch) -> Void) {
        guard !rows.isEmpty else { return }
        let transform = FourierTransform(count: shape.width)
        let scratch = FourierScratch(for: transform)
        let row = Self.allocate(shape.width)
        defer {
            row.real.deallocate()
            row.imaginary.deallocate()
        }
        for y in rows { body(row, y, transform, scratch) }
    }

    /// Where the columns of `rank` in row `y` begin in `rowMemory`.
    private func place(_ y: Int, _ rank: Int) -> Int {
        let columns = columns(of: rank)
        return rows.count * columns.lowerBound + (y - rows.lowerBound) * columns.count
    }

    // MARK: Exchange

    func exchangeToColumns() {
        let blocks = ranks.size == 1 ? rowMemory : Self.allocate(columns.count * shape.height)
        defer { if ranks.size > 1 { free(blocks) } }
        if ranks.size > 1 { exchange(rowMemory, blocks, byRows: true) }
        forEachBlock { rows, offset in
            for y in rows {
                for x in 0..<columns.count {
                    let from = offset + (y - rows.lowerBound) * columns.count + x
                    columnMemory.real[x * shape.height + y] = blocks.real[from]
                    columnMemory.imaginary[x * shape.height + y] = blocks.imaginary[from]
                }
            }
        }
    }

    func exchangeToRows() {
        let blocks = ranks.size == 1 ? rowMemory : Self.allocate(columns.count * shape.height)
        defer { if ranks.size > 1 { free(blocks) } }
        forEachBlock { rows, offset in
            for y in rows {
                for x in 0..<columns.count {
                    let to = offset + (y - rows.lowerBound) * columns.count + x
                    blocks.real[to] = columnMemory.real[x * shape.height + y]
                    blocks.imaginary[to] = columnMemory.imaginary[x * shape.height + y]
                }
            }
        }
        if ranks.size > 1 { exchange(blocks, rowMemory, byRows: false) }
    }

    private func free(_ row: ComplexRow) {
        row.real.deallocate()
        row.imaginary.deallocate()
    }

    /// For each rank its rows, and where this rank's columns of them begin among the blocks by rank.
    private func forEachBlock(_ body: (_ rows: Range<Int>, _ offset: Int) -> Void) {
        for rank in 0..<ranks.size {
            let rows = rows(of: rank)
            body(rows, rows.lowerBound * columns.count)
        }
    }

    /// Sends each rank its block, and receives each rank's: blocks of this rank's rows and others' columns one way, of others'
    /// rows and this rank's columns the other way.
    private func exchange(_ source: ComplexRow, _ target: ComplexRow, byRows: Bool) {
        for (from, to) in [(source.real, target.real), (source.imaginary, target.imaginary)] {
            var outgoing: [UnsafeRawBufferPointer] = []
            var incoming: [UnsafeMutableRawBufferPointer] = []
            for rank in 0..<ranks.size {
                let (theirColumns, theirRows) = (columns(of: rank), rows(of: rank))
                let ofRows = (offset: rows.count * theirColumns.lowerBound, count: rows.count * theirColumns.count)
                let ofColumns = (offset: theirRows.lowerBound * columns.count, count: theirRows.count * columns.count)
                let (out, into) = byRows ? (ofRows, ofColumns) : (ofColumns, ofRows)
                outgoing.append(UnsafeRawBufferPointer(start: from + out.offset, count: out.count * 8))
                incoming.append(UnsafeMutableRawBufferPointer(start: to + into.offset, count: into.count * 8))
            }
            incoming[ranks.rank].copyMemory(from: outgoing[ranks.rank])
            ranks.exchange(outgoing, incoming)
        }
    }

    // MARK: Columns

    func filterColumns(_ filter: ButterworthFilter) {
        guard !columns.isEmpty else { return }
        let transform = FourierTransform(count: shape.height)
        let scratch = FourierScratch(for: transform)
        for x in columns {
            let column = columnMemory + (x - columns.lowerBound) * shape.height
            transform.forward(column, scratch)
            for y in 0..<shape.height {
                let gain = filter.gain(x: x, y: y, in: shape)
                column.real[y] *= gain
                column.imaginary[y] *= gain
            }
            transform.inverse(column, scratch)
        }
    }
}
