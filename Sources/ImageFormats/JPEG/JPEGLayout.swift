import JobModel
import Pipelines

/// Where rows of a JPEG image are in its file, by its restart intervals.
///
///     +---------------------+------+   An interval is a number of blocks (MCUs), which need not end with a row of blocks. A
///     | 0                   | 1    |   unit is the fewest rows of blocks that intervals begin and end with: here two rows, of
///     +--------------+------+------+   three intervals.
///     | 1            | 2           |
///     +--------------+-------------+
///
///     file:    header | unit 0, its last mark | unit 1, its last mark | ... | unit n | EOI
///     decoded: header | unit 3 | unit 4 | ... | EOI     by libjpeg, as an image of these rows, with marks from RST0 on
///
/// Where rows share colours (4:2:0), libjpeg smooths them over the edges of rows of blocks. So such units are decoded with
/// their neighbours above and below, whose rows are dropped: all pixels are those of the whole image.
///
/// Source: ITU-T T.81, annexes B.2 and E.1.4.
public struct JPEGLayout: PieceLayout {
    /// The image as it decodes.
    public let shape: ImageShape
    let frame: JPEGRestartFrame
    /// The units that are described: all, or those that were asked for and their neighbours.
    package let units: Range<Int>
    /// For each of these, where it begins in the file; and where the last one ends, behind the mark that follows it.
    package let starts: [UInt64]

    /// - Precondition: `frame.hasUnits`.
    init(_ frame: JPEGRestartFrame, units: Range<Int>? = nil, starts: [UInt64]) {
        self.frame = frame
        self.starts = starts
        shape = ImageShape(
            width: frame.width, height: frame.height,
            format: PixelFormat(frame.componentCount == 1 ? .gray : .rgb, .eight))
        let all = 0..<frame.unitCount
        self.units = units ?? all
        precondition(starts.count == self.units.count + 1, "\(starts.count) places of units \(self.units)")
    }

    // MARK: Geometry

    package var rowsPerUnit: Int { frame.rowsPerUnit }
    private var unitCount: Int { frame.unitCount }

    /// The units that have the rows.
    package func units(of rows: Range<Int>) -> Range<Int> {
        precondition(
            !rows.isEmpty && rows.lowerBound >= 0 && rows.upperBound <= shape.height, "rows \(rows) of \(shape.height)")
        return rows.lowerBound / rowsPerUnit..<(rows.upperBound - 1) / rowsPerUnit + 1
    }

    /// The rows of the units.
    package func rows(of units: Range<Int>) -> Range<Int> {
        units.lowerBound * rowsPerUnit..<min(shape.height, units.upperBound * rowsPerUnit)
    }

    /// The units that are decoded for these: with their neighbours where colours are smoothed over edges.
    package func decodedUnits(for units: Range<Int>) -> Range<Int> {
        guard frame.sharesColorsOfRows else { return units }
        return max(0, units.lowerBound - 1)..<min(unitCount, units.upperBound + 1)
    }

    /// Where the units are in the file, with the mark behind the last one.
    package func bytes(of units: Range<Int>) -> Range<UInt64> {
        precondition(
            self.units.lowerBound <= units.lowerBound && units.upperBound <= self.units.upperBound,
            "units \(units) are not among \(self.units)")
        let first = self.units.lowerBound
        return starts[units.lowerBound - first]..<starts[units.upperBound - first]
    }

    /// The start of a JPEG file of the units' rows, up to its image data.
    package func header(of units: Range<Int>) -> [UInt8] {
        frame.header(width: shape.width, height: rows(of: units).count, hasIntervals: true)
    }

    /// The intervals of the units.
    package func intervals(of units: Range<Int>) -> Range<Int> {
        units.lowerBound * frame.intervalsPerUnit..<min(units.upperBound * frame.intervalsPerUnit, frame.intervalCount)
    }

    /// The mark that is behind an interval in the file.
    package func mark(behind interval: Int) -> JPEGMarker {
        interval == frame.intervalCount - 1 ? .endOfImage : .restart(interval)
    }

    // MARK: PieceLayout

    public func decodedRows(for rows: Range<Int>) -> Range<Int> { self.rows(of: units(of: rows)) }

    /// The bytes count four times: those of a neighbour on both sides come with them, and all of them are copied.
    public var facts: PieceFacts {
        let largest = zip(starts, starts.dropFirst()).map { $1 - $0 }.max() ?? 0
        return PieceFacts(
            count: UInt32(clamping: unitCount), rowsPerBand: UInt32(clamping: rowsPerUnit),
            largestBandByteCount: 4 * largest)
    }

    public var tableByteCount: Int { header(of: units).count }

    public func byteRanges(for rows: Range<Int>) -> [Range<UInt64>] { [bytes(of: decodedUnits(for: units(of: rows)))] }

    public func limited(to rows: Range<Int>) -> JPEGLayout {
        let kept = decodedUnits(for: units(of: rows))
        precondition(
            units.lowerBound <= kept.lowerBound && kept.upperBound <= units.upperBound,
            "rows \(rows) are not among those of the units \(units)")
        let places = kept.lowerBound - units.lowerBound...kept.upperBound - units.lowerBound
        return JPEGLayout(frame, units: kept, starts: Array(starts[places]))
    }

    public func holds(_ rows: Range<Int>) -> Bool {
        guard !rows.isEmpty, rows.lowerBound >= 0, rows.upperBound <= shape.height else { return false }
        let needed = decodedUnits(for: units(of: rows))
        return units.lowerBound <= needed.lowerBound && needed.upperBound <= units.upperBound
    }
}
