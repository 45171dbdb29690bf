import Pipelines

extension HistogramPlot: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel {
        HistogramPlotKernel(outputShape: step.output, image: image, bins: bins, scale: scale)
    }
}

/// Draws counts of bins as a diagram: levels to the right, pixels upwards, the colours of channels added where they overlap.
///
///     pixels
///       12k |  ____
///        8k | /    \__
///        4k |/        \
///         0 +-----------
///           0    128  255   level
///
/// All in integers but for the logarithms, which are the same on every machine.
private struct HistogramPlotKernel: RowKernel {
    let outputShape: ImageShape
    let image: ImageShape
    let bins: Int
    let scale: Histogram.Scale

    /// More pixels than any image has. The counts may come from another worker, and products of this one do not overflow.
    private static let largestCount: UInt64 = 1 << 42

    func apply(_ input: RowsView, to output: MutableRowsView) {
        var counts: [[UInt64]] = []
        let row = UnsafeRawPointer(input.row(0, as: UInt8.self))
        for channel in 0..<image.format.colorChannelCount {
            counts.append(
                (0..<bins).map {
                    let offset = 8 * (channel * bins + $0)
                    let count = UInt64(littleEndian: row.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                    return min(count, Self.largestCount)
                })
        }
        let picture = HistogramPicture(
            width: outputShape.width, height: outputShape.height, painted: output.rows, counts: counts,
            levelCount: image.format.depth.maximum + 1, scale: scale)
        for y in output.rows { picture.canvas.copyRow(y, to: output.row(y)) }
    }
}

/// The whole diagram.
private struct HistogramPicture {
    private(set) var canvas: Canvas
    private let counts: [[UInt64]]
    private let levelCount: Int
    private let axis: CountAxis
    /// Columns and rows of the area in which the bars are.
    private let columns: Range<Int>
    private let rows: Range<Int>

    private static let background = Canvas.Color(red: 24, green: 24, blue: 28)
    private static let grid = Canvas.Color(red: 62, green: 62, blue: 70)
    private static let ink = Canvas.Color(red: 214, green: 214, blue: 220)

    /// - Parameter painted: the rows that are painted.
    init(
        width: Int, height: Int, painted: Range<Int>, counts: [[UInt64]], levelCount: Int, scale: Histogram.Scale
    ) {
        canvas = Canvas(width: width, rows: painted, color: Self.background)
        self.counts = counts
        self.levelCount = levelCount
        columns = 92..<92 + 3 * 224
        rows = 48..<height - 68
        axis = CountAxis(counts: counts, scale: scale, height: rows.count)
        drawGrid()
        drawBars()
        drawFrame()
        drawTitle()
    }

    private mutating func drawGrid() {
        for tick in axis.ticks {
            canvas.fill(columns, rows.upperBound - tick.place - 1..<rows.upperBound - tick.place, Self.grid)
            canvas.write(
                tick.label, x: columns.lowerBound - 12, y: rows.upperBound - tick.place - 8, align: .right, Self.ink)
        }
    }

    /// For each column the bar of the bin whose levels are there, in the colours of the channels that reach as high.
    private mutating func drawBars() {
        let heights = counts.map { channel in channel.map { axis.place(of: $0) } }
        let colors = heights.count == 1 ? Self.gray : Self.mixtures
        for x in columns {
            let bin = (x - columns.lowerBound) * bins / columns.count
            for y in rows.clamped(to: canvas.rows) {
                var reached = 0
                for channel in heights.indices where rows.upperBound - 1 - y < heights[channel][bin] {
                    reached |= 1 << channel
                }
                if reached != 0 { canvas[x, y] = colors[reached] }
            }
        }
    }

    private static let gray = [background, Canvas.Color(red: 190, green: 190, blue: 196)]
    /// By the channels that are added: red counts 1, green 2, blue 4.
    private static let mixtures = (0..<8).map { channels in
        Canvas.Color(
            red: channels & 1 != 0 ? 235 : 40, green: channels & 2 != 0 ? 225 : 40, blue: channels & 4 != 0 ? 245 : 40)
    }

    private var bins: Int { counts[0].count }

    private mutating func drawFrame() {
        canvas.fill(columns.lowerBound - 2..<columns.upperBound, rows.upperBound..<rows.upperBound + 2, Self.ink)
        canvas.fill(columns.lowerBound - 2..<columns.lowerBound, rows.lowerBound..<rows.upperBound, Self.ink)
        for quarter in 0...4 {
            let level = quarter == 4 ? levelCount - 1 : quarter * levelCount / 4
            let x = columns.lowerBound + (columns.count - 1) * level / (levelCount - 1)
            canvas.fill(x..<x + 2, rows.upperBound..<rows.upperBound + 8, Self.ink)
            canvas.write("\(level)", x: x + 1, y: rows.upperBound + 12, align: .center, Self.ink)
        }
        canvas.write(
            "level", x: (columns.lowerBound + columns.upperBound) / 2, y: rows.upperBound + 40, align: .center, Self.ink
        )
        canvas.write(
            axis.isLogarithmic ? "pixels, log scale" : "pixels", x: 16, y: 16, align: .left, Self.ink)
    }

    /// Which colour is which channel.
    private mutating func drawTitle() {
        guard counts.count == 3 else { return }
        var x = columns.upperBound
        let names: [(String, Canvas.Color)] = [
            ("blue", Canvas.Color(red: 90, green: 90, blue: 245)),
            ("green", Canvas.Color(red: 40, green: 225, blue: 40)),
            ("red", Canvas.Color(red: 235, green: 60, blue: 60)),
        ]
        for (name, color) in names {
            canvas.write(name, x: x, y: 16, align: .right, color)
            x -= Canvas.width(of: name) + 24
        }
    }
}

/// The vertical axis: where a count is, and what is written beside it.
private struct CountAxis {
    struct Tick {
        /// Pixels above the axis.
        let place: Int
        let label: String
    }

    let isLogarithmic: Bool
    private let height: Int
    /// What is at the top.
    private let top: UInt64

    init(counts: [[UInt64]], scale: Histogram.Scale, height: Int) {
        self.height = height
        let largest = max(1, counts.joined().max() ?? 1)
        switch scale {
        case .linear: isLogarithmic = false
        case .log: isLogarithmic = true
        case .auto:
            isLogarithmic = counts.contains { channel in
                (channel.max() ?? 0) * UInt64(channel.count) > 16 * channel.reduce(0, +)
            }
        }
        top = largest
    }

    /// How high the bar of a count is: at least a pixel, unless it is 0.
    func place(of count: UInt64) -> Int {
        if count == 0 { return 0 }
        if isLogarithmic {
            // One more, so that a single pixel is seen.
            let share = logarithm(Double(count) + 1) / logarithm(Double(top) + 1)
            return max(1, Int((share * Double(height)).rounded(.down)))
        }
        let (high, low) = count.multipliedFullWidth(by: UInt64(height))
        return max(1, Int(top.dividingFullWidth((high, low)).quotient))
    }

    var ticks: [Tick] {
        if isLogarithmic {
            var ticks: [Tick] = []
            var count: UInt64 = 1
            while count <= top {
                let place = place(of: count)
                if place - (ticks.last?.place ?? -40) >= 24 {
                    ticks.append(Tick(place: place, label: Self.text(count)))
                }
                count *= 10
            }
            return ticks
        }
        // Steps of 1, 2 or 5 times a power of ten, at most five of them.
        var step: UInt64 = 1
        while top / step > 5 {
            let digits = "\(step)".first
            step = digits == "2" ? step / 2 * 5 : step * 2
        }
        return (0...top / step).map { Tick(place: $0 == 0 ? 0 : place(of: $0 * step), label: Self.text($0 * step)) }
    }

    /// `0`, `500`, `1.5k`, `20k`, `3M`.
    private static func text(_ count: UInt64) -> String {
        for (unit, name) in [(1_000_000_000_000, "T"), (1_000_000_000, "G"), (1_000_000, "M"), (1000, "k")]
            as [(UInt64, String)]
        where count >= unit {
            let tenths = count / (unit / 10)
            return tenths % 10 == 0 ? "\(tenths / 10)\(name)" : "\(tenths / 10).\(tenths % 10)\(name)"
        }
        return "\(count)"
    }
}
