import Pipelines

/// Pixels of a row of the result of which all neighbours are within the picture.
struct InnerPixels<Sample> {
    let line: WarpLine
    let pixels: Range<Int>
    /// The first sample of the row.
    let target: UnsafeMutablePointer<Sample>
}

/// Cubic interpolation of small squares of the result, from the part of the picture that they need.
///
/// Each sample of the part is fetched and converted once, and not for each of the sixteen pixels around it. The four neighbours in
/// a column are a vector then: four such vectors, weighed, are what the four rows around a place have there.
///
/// Valid while `with` runs.
struct CubicWindow {
    /// Rows and columns of a square: what it usually needs fits the first cache.
    static let side = 32
    /// Samples of a channel: four for each pixel of the result, and those around. A turn needs two.
    private static let capacity = 67 * 67

    private var window: PictureWindow
    /// For a row, and for the one before it.
    private let scratch: (CubicRow, CubicRow)

    static func with(channels: Int, _ body: (inout CubicWindow) -> Void) {
        let row = CubicRow.floatCount(side, channels: channels)
        withUnsafeTemporaryAllocation(of: Float.self, capacity: channels * capacity + 2 * row) { floats in
            withUnsafeTemporaryAllocation(of: Int32.self, capacity: 4 * side + capacity) { integers in
                let (floats, integers) = (floats.baseAddress.unsafelyUnwrapped, integers.baseAddress.unsafelyUnwrapped)
                let rows = floats + channels * capacity
                var window = CubicWindow(
                    window: PictureWindow(floats, capacity: capacity, origins: integers + 4 * side),
                    scratch: (CubicRow(side, integers, rows), CubicRow(side, integers + 2 * side, rows + row)))
                body(&window)
            }
        }
    }

    /// Loads what those pixels of `rows` that are in `columns` need of the picture.
    ///
    /// - Returns: whether there was room for it.
    @inline(__always)
    mutating func load<Places: PixelPlaces, Sample: FixedWidthInteger & UnsignedInteger>(
        _ rows: [InnerPixels<Sample>], _ columns: Range<Int>, of input: RowsView, _ places: Places, channels: Int
    ) -> Bool {
        var (left, right, top, bottom) = (Int.max, Int.min, Int.max, Int.min)
        func include(_ line: WarpLine, _ x: Int) {
            let (column, row) = (Int(line.column(Int32(x))), Int(line.row(Int32(x))))
            (left, right) = (min(left, column), max(right, column))
            (top, bottom) = (min(top, row), max(bottom, row))
        }
        for row in rows {
            let pixels = row.pixels.clamped(to: columns)
            guard !pixels.isEmpty else { continue }
            // Along a row, places move in one direction: those of its ends are the outermost.
            include(row.line, pixels.lowerBound)
            include(row.line, pixels.upperBound - 1)
        }
        guard left <= right else { return true }
        let (across, down) = (left - 1..<right + 3, top - 1..<bottom + 3)
        guard window.hasRoom(for: across, down) else { return false }
        window.load(columns: across, rows: down, of: input, places, channels: channels, Sample.self)
        return true
    }

    /// Computes those pixels of `rows` that are in `columns`, for which the window was loaded.
    ///
    /// Each row is finished after the next one was begun: a processor that reads as one vector what it has just written as two waits
    /// until these have reached the cache.
    @inline(__always)
    func interpolate<Sample: FixedWidthInteger & UnsignedInteger>(
        _ rows: [InnerPixels<Sample>], _ columns: Range<Int>, channels: Int
    ) {
        var (next, begun) = scratch
        var last: InnerPixels<Sample>?
        for row in rows {
            let pixels = row.pixels.clamped(to: columns)
            guard !pixels.isEmpty else { continue }
            next.begin(row.line, pixels, window, channels: channels)
            if let last { begun.finish(last.pixels, to: last.target, channels: channels) }
            last = InnerPixels(line: row.line, pixels: pixels, target: row.target)
            swap(&next, &begun)
        }
        if let last { begun.finish(last.pixels, to: last.target, channels: channels) }
    }
}

/// Some pixels of a row while they are computed. Its memory is another's.
private struct CubicRow {
    /// The most pixels.
    private let size: Int
    /// Where the first neighbour of each pixel is in the window.
    private let places: UnsafeMutablePointer<Int32>
    /// The weights of the columns, then those of the rows: of all pixels the first, the second and so on.
    private let weights: UnsafeMutablePointer<Float>
    /// For each channel, of each pixel: what its place's column has in the four rows.
    private let levels: UnsafeMutablePointer<Float>
    /// The new level of each pixel in one channel: vectors cannot store into a result that has several.
    private let samples: UnsafeMutablePointer<Int32>

    static func floatCount(_ size: Int, channels: Int) -> Int { (8 + 4 * channels) * size }

    /// - Parameters:
    ///   - integers: room for twice `size`.
    ///   - floats: room for `floatCount`.
    init(_ size: Int, _ integers: UnsafeMutablePointer<Int32>, _ floats: UnsafeMutablePointer<Float>) {
        self.size = size
        places = integers
        samples = integers + size
        weights = floats
        levels = floats + 8 * size
    }

    /// Weighs the columns.
    @inline(__always)
    func begin(_ line: WarpLine, _ pixels: Range<Int>, _ window: PictureWindow, channels: Int) {
        let (count, first) = (pixels.count, Int32(pixels.lowerBound))
        let (left, top) = (Int32(window.columns.lowerBound + 1), Int32(window.rows.lowerBound + 1))
        let columnStride = Int32(window.columnStride)
        for i in 0..<count {
            let x = first &+ Int32(truncatingIfNeeded: i)
            let (column, row) = (line.column(x), line.row(x))
            // Not negative here.
            let (wholeColumn, wholeRow) = (Int32(column), Int32(row))
            places[i] = (wholeColumn &- left) &* columnStride &+ (wholeRow &- top)
            CubicTaps.weigh(column - Float(wholeColumn), row - Float(wholeRow)) { weights[$0 * size + i] = $1 }
        }
        for channel in 0..<channels {
            weighColumns(window.channel(channel), window.columnStride, to: levels + 4 * size * channel, count)
        }
    }

    @inline(__always)
    private func weighColumns(
        _ samples: UnsafePointer<Float>, _ columnStride: Int, to levels: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        for i in 0..<count {
            let column = samples + Int(places[i])
            storeFour { row in
                CubicTaps.weighed(level: { column[$0 * columnStride + row] }, weight: { weights[$0 * size + i] })
            } _: {
                levels[4 * i + $0] = $1
            }
        }
    }

    /// Weighs the rows.
    @inline(__always)
    func finish<Sample: FixedWidthInteger & UnsignedInteger>(
        _ pixels: Range<Int>, to target: UnsafeMutablePointer<Sample>, channels: Int
    ) {
        let target = target + pixels.lowerBound * channels
        for channel in 0..<channels {
            let levels = levels + 4 * size * channel
            for i in 0..<pixels.count {
                let level = CubicTaps.weighed(level: { levels[4 * i + $0] }, weight: { weights[(4 + $0) * size + i] })
                samples[i] = rounded(level, upTo: Float(Sample.max))
            }
            for i in 0..<pixels.count { target[i * channels + channel] = Sample(truncatingIfNeeded: samples[i]) }
        }
    }
}
