import Pipelines

/// Applies a bilateral window; 8-bit samples are summed in single precision, as OpenCV does, 16-bit ones in double.
///
/// The mean is the centre's level plus the weighted mean of the differences to it.
struct BilateralKernel: RowKernel {
    let outputShape: ImageShape
    let window: BilateralWindow

    func apply(_ input: RowsView, to output: MutableRowsView) {
        switch outputShape.format.depth {
        case .eight: smooth(input, output, UInt8.self, Float.self)
        case .sixteen: smooth(input, output, UInt16.self, Double.self)
        }
    }

    @inline(__always)
    private func smooth<Sample: FixedWidthInteger & UnsignedInteger, Real: BinaryFloatingPoint>(
        _ input: RowsView, _ output: MutableRowsView, _: Sample.Type, _: Real.Type
    ) {
        let (width, channels) = (outputShape.width, outputShape.format.channelCount)
        let colors = outputShape.format.layout.isColor ? 3 : 1
        let first = output.rows.lowerBound
        var rows = PlanarRows<Sample>(input, radius: window.radius, colors: colors, first: first)
        let weights = TapWeights<Sample, Real>(window, width: width, colors: colors)
        let means = WeightedMeans<Sample, Real>(colors: colors)
        defer {
            rows.deallocate()
            weights.deallocate()
            means.deallocate()
        }
        for y in output.rows {
            rows.move(to: y)
            weights.prepare(rows, y, isFirst: y == first)
            let target: UnsafeMutablePointer<Sample> = output.row(y)
            for start in stride(from: 0, to: width, by: WeightedMeans<Sample, Real>.length) {
                let count = min(WeightedMeans<Sample, Real>.length, width - start)
                func tap(_ index: Int) -> TapRow<Sample, Real> {
                    TapRow(window.taps[index], rows, start, weights.row(index, rows, y, start, count))
                }
                means.clear()
                for index in stride(from: 0, to: window.taps.count - 1, by: 2) {
                    means.add(tap(index), tap(index + 1), count)
                }
                // Their number is odd.
                let last = tap(window.taps.count - 1)
                means.add(last, last.withoutWeight, count)
                means.store(rows, start, to: target + start * channels, channels, count)
            }
            if outputShape.format.layout.hasAlpha {
                copyAlpha(from: input.row(y), to: target, width: width, channels: channels)
            }
        }
    }
}

/// The rows that a window reaches, colours in planes, with a reflected border.
///
/// Owns memory: call `deallocate()`.
private struct PlanarRows<Sample: FixedWidthInteger & UnsignedInteger> {
    let radius: Int
    let colors: Int
    /// From one plane to the next.
    private let stride: Int
    private let input: RowsView
    private let memory: UnsafeMutablePointer<Sample>
    private let padded: UnsafeMutablePointer<Sample>
    private var center: Int
    private var end: Int

    init(_ input: RowsView, radius: Int, colors: Int, first: Int) {
        self.input = input
        self.radius = radius
        self.colors = colors
        stride = input.shape.width + 2 * radius
        memory = .allocate(capacity: (2 * radius + 1) * colors * stride)
        padded = .allocate(capacity: stride * input.shape.format.channelCount)
        center = first
        end = first - radius
    }

    func deallocate() {
        memory.deallocate()
        padded.deallocate()
    }

    /// The first row, then one further each time.
    mutating func move(to y: Int) {
        center = y
        while end <= y + radius {
            load(end)
            end += 1
        }
    }

    private func load(_ y: Int) {
        let (width, channels) = (input.shape.width, input.shape.format.channelCount)
        copyPadded(
            input.reflectedRow(y), width: width, channels: channels, radius: radius, border: .reflect101, to: padded)
        let planes = plane(y, 0) - radius
        for color in 0..<colors {
            for x in 0..<stride { planes[color * stride + x] = padded[x * channels + color] }
        }
    }

    /// A colour of row `y`, from pixel 0 on.
    private func plane(_ y: Int, _ color: Int) -> UnsafeMutablePointer<Sample> {
        let count = 2 * radius + 1
        return memory + (((y % count + count) % count) * colors + color) * stride + radius
    }

    /// A colour of the row `dy` below the centre, from pixel 0 on.
    func row(_ dy: Int, _ color: Int) -> UnsafePointer<Sample> { UnsafePointer(plane(center + dy, color)) }
}

/// What neighbours weigh by their colour. Two pixels weigh the same for each other: what the one of them that is further up,
/// or to the left, found for a window of a small radius is kept for the other.
///
/// Owns memory: call `deallocate()`.
private struct TapWeights<Sample: FixedWidthInteger & UnsignedInteger, Real: BinaryFloatingPoint> {
    private let window: BilateralWindow
    private let ofDifference: [Real]
    private let keeps: Bool
    /// From one kept row to the next: a row has `radius` pixels more on either side.
    private let stride: Int
    /// For each tap, where its rows begin: only for those further down, or to the right in the same row.
    private let places: [Int]
    /// What is found for some pixels, unless it is kept: else the centre's weight. Then what is kept.
    private let memory: UnsafeMutablePointer<Real>
    private let differences: UnsafeMutablePointer<Int32>

    init(_ window: BilateralWindow, width: Int, colors: Int) {
        self.window = window
        let largest = colors * Int(Sample.max)
        ofDifference = (0...largest).map { Real(window.weight(ofDifference: $0)) }
        keeps = window.radius <= 3
        stride = width + 2 * window.radius
        var (places, rowCount) = ([Int](), 0)
        for tap in window.taps {
            places.append(2 * WeightedMeans<Sample, Real>.length + rowCount * stride)
            if keeps && tap.isLater { rowCount += tap.dy + 1 }
        }
        self.places = places
        memory = .allocate(capacity: 2 * WeightedMeans<Sample, Real>.length + rowCount * stride)
        memory.initialize(repeating: ofDifference[0], count: WeightedMeans<Sample, Real>.length)
        differences = .allocate(capacity: stride)
    }

    func deallocate() {
        memory.deallocate()
        differences.deallocate()
    }

    /// Finds what is kept of row `y`, the centre of `rows`, and before the first row what it needs of those above.
    @inline(__always)
    func prepare(_ rows: PlanarRows<Sample>, _ y: Int, isFirst: Bool) {
        guard keeps else { return }
        for index in window.taps.indices where window.taps[index].isLater {
            let tap = window.taps[index]
            for distance in 0...(isFirst ? tap.dy : 0) {
                // Where both pixels are within the padding.
                let columns = -max(tap.dx, 0)..<stride - 2 * window.radius - min(tap.dx, 0)
                find(
                    rows, dx: tap.dx, from: -distance, to: tap.dy - distance, columns,
                    into: row(index, tap, y - distance) + columns.lowerBound)
            }
        }
    }

    /// The weights of the tap `index` for `count` pixels of row `y`, the centre of `rows`, from `start` on.
    @inline(__always)
    func row(_ index: Int, _ rows: PlanarRows<Sample>, _ y: Int, _ start: Int, _ count: Int) -> UnsafePointer<Real> {
        let tap = window.taps[index]
        guard keeps else {
            // Two taps are added at a time.
            let found = memory + (index & 1) * WeightedMeans<Sample, Real>.length
            find(rows, dx: tap.dx, from: 0, to: tap.dy, start..<start + count, into: found)
            return UnsafePointer(found)
        }
        if (tap.dx, tap.dy) == (0, 0) { return UnsafePointer(memory) }
        if tap.isLater { return UnsafePointer(row(index, tap, y)) + start }
        // Taps are in order: the opposite one is as far from the end.
        let opposite = window.taps.count - 1 - index
        return UnsafePointer(row(opposite, window.taps[opposite], y + tap.dy)) + start + tap.dx
    }

    /// The kept row `y` of a tap, from pixel 0 on.
    private func row(_ index: Int, _ tap: BilateralWindow.Tap, _ y: Int) -> UnsafeMutablePointer<Real> {
        let count = tap.dy + 1
        return memory + places[index] + ((y % count + count) % count) * stride + window.radius
    }

    /// - Parameters:
    ///   - from: the row of the pixels `columns`, below the centre.
    ///   - to: the row of those that they are compared with, `dx` to the right.
    @inline(__always)
    private func find(
        _ rows: PlanarRows<Sample>, dx: Int, from: Int, to: Int, _ columns: Range<Int>,
        into target: UnsafeMutablePointer<Real>
    ) {
        typealias Row = UnsafePointer<Sample>
        @inline(__always) func pair(_ color: Int) -> (own: Row, other: Row) {
            (rows.row(from, color) + columns.lowerBound, rows.row(to, color) + columns.lowerBound + dx)
        }
        @inline(__always) func difference(_ pair: (own: Row, other: Row), _ i: Int) -> Int32 {
            let difference = Int32(truncatingIfNeeded: pair.other[i]) &- Int32(truncatingIfNeeded: pair.own[i])
            return max(difference, 0 &- difference)
        }
        if rows.colors == 1 {
            let gray = pair(0)
            for i in 0..<columns.count { differences[i] = difference(gray, i) }
        } else {
            let (red, green, blue) = (pair(0), pair(1), pair(2))
            for i in 0..<columns.count {
                differences[i] = difference(red, i) &+ difference(green, i) &+ difference(blue, i)
            }
        }
        // By itself: a lookup does not vectorise.
        ofDifference.withUnsafeBufferPointer { weights in
            for i in 0..<columns.count { target[i] = weights[Int(differences[i])] }
        }
    }
}

/// The sums of the weights of consecutive pixels, and of their weighted differences.
///
/// Owns memory: call `deallocate()`.
private struct WeightedMeans<Sample: FixedWidthInteger & UnsignedInteger, Real: BinaryFloatingPoint> {
    static var length: Int { 256 }

    private let colors: Int
    /// The weights, then the differences in each colour.
    private let sums: UnsafeMutablePointer<Real>

    init(colors: Int) {
        self.colors = colors
        sums = .allocate(capacity: 4 * Self.length)
    }

    func deallocate() { sums.deallocate() }

    func clear() { sums.update(repeating: 0, count: 4 * Self.length) }

    /// Adds two taps, in their order.
    @inline(__always)
    func add(_ one: TapRow<Sample, Real>, _ two: TapRow<Sample, Real>, _ count: Int) {
        let (total, first) = (sums, sums + Self.length)
        let (second, third) = (sums + 2 * Self.length, sums + 3 * Self.length)
        if colors == 1 {
            for i in 0..<count {
                let (weight, next) = (one.weights[i], two.weights[i])
                total[i] = total[i] + one.weight * weight + two.weight * next
                first[i] =
                    first[i] + one.weight * (weight * one.gray.difference(i))
                    + two.weight * (next * two.gray.difference(i))
            }
        } else {
            for i in 0..<count {
                let (weight, next) = (one.weight * one.weights[i], two.weight * two.weights[i])
                total[i] = total[i] + weight + next
                first[i] = first[i] + one.red.difference(i) * weight + two.red.difference(i) * next
                second[i] = second[i] + one.green.difference(i) * weight + two.green.difference(i) * next
                third[i] = third[i] + one.blue.difference(i) * weight + two.blue.difference(i) * next
            }
        }
    }

    /// Writes the means of `count` pixels from `start` on.
    @inline(__always)
    func store(
        _ rows: PlanarRows<Sample>, _ start: Int, to target: UnsafeMutablePointer<Sample>, _ channels: Int, _ count: Int
    ) {
        // Constant strides, which the compiler knows how to store as vectors.
        switch channels {
        case 1: store(rows, start, to: target, stride: 1, count)
        case 2: store(rows, start, to: target, stride: 2, count)
        case 3: store(rows, start, to: target, stride: 3, count)
        default: store(rows, start, to: target, stride: 4, count)
        }
    }

    @inline(__always)
    private func store(
        _ rows: PlanarRows<Sample>, _ start: Int, to target: UnsafeMutablePointer<Sample>, stride: Int, _ count: Int
    ) {
        let largest = Int32(truncatingIfNeeded: Sample.max)
        for color in 0..<colors {
            let (own, differences) = (rows.row(0, color) + start, sums + (color + 1) * Self.length)
            for i in 0..<count {
                let mean = Double(Int32(truncatingIfNeeded: own[i])) + Double(differences[i] / sums[i])
                target[i * stride + color] = Sample(truncatingIfNeeded: roundedLevel(mean, upTo: largest))
            }
        }
    }
}

/// A tap of consecutive pixels: the levels of theirs and of their neighbours, and the weights.
private struct TapRow<Sample: FixedWidthInteger & UnsignedInteger, Real: BinaryFloatingPoint> {
    struct Levels {
        let own: UnsafePointer<Sample>
        let neighbor: UnsafePointer<Sample>

        @inline(__always)
        func difference(_ i: Int) -> Real {
            Real(Int32(truncatingIfNeeded: neighbor[i]) &- Int32(truncatingIfNeeded: own[i]))
        }
    }

    private(set) var levels: (Levels, Levels, Levels)
    /// The weights of the neighbours' colours.
    let weights: UnsafePointer<Real>
    /// The weight of the place.
    private(set) var weight: Real

    var gray: Levels { levels.0 }
    var red: Levels { levels.0 }
    var green: Levels { levels.1 }
    var blue: Levels { levels.2 }

    @inline(__always)
    init(_ tap: BilateralWindow.Tap, _ rows: PlanarRows<Sample>, _ start: Int, _ weights: UnsafePointer<Real>) {
        func levels(_ color: Int) -> Levels {
            Levels(own: rows.row(0, color) + start, neighbor: rows.row(tap.dy, color) + start + tap.dx)
        }
        let last = rows.colors - 1
        self.levels = (levels(0), levels(min(1, last)), levels(last))
        self.weights = weights
        weight = Real(tap.weight)
    }

    /// The same row with weights of 0: it adds nothing.
    var withoutWeight: TapRow {
        var tap = self
        tap.weight = 0
        return tap
    }
}
