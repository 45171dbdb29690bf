import Pipelines

/// Weights the samples of a window, scales their sum and rounds it.
///
/// Adds up in integers of 16 or 32 bits where the weights are integers and no sum can be larger, else in double precision.
/// Works through a row in blocks whose sums stay in the cache, four weights at a time.
struct ConvolutionKernel: RowKernel {
    let outputShape: ImageShape
    let matrix: Matrix
    /// The window is square in memory: its larger reach counts for both directions.
    let radius: Int
    let scale: Double
    let offset: Double

    func apply(_ input: RowsView, to output: MutableRowsView) {
        let weights = matrix.rows.joined()
        let reach = weights.reduce(0) { $0 + $1.magnitude } * Double(outputShape.format.depth.maximum)
        let areIntegers = weights.allSatisfy { $0 == $0.rounded(.towardZero) }
        switch outputShape.format.depth {
        case .eight where areIntegers && reach <= Double(Int16.max): convolve(input, output, UInt8.self, Int16.self)
        case .eight where areIntegers && reach < Double(Int32.max): convolve(input, output, UInt8.self, Int32.self)
        case .eight: convolve(input, output, UInt8.self, Double.self)
        case .sixteen where areIntegers && reach < Double(Int32.max): convolve(input, output, UInt16.self, Int32.self)
        case .sixteen: convolve(input, output, UInt16.self, Double.self)
        }
    }

    private func convolve<Sample: FixedWidthInteger & UnsignedInteger, Sum: WeightedSum>(
        _ input: RowsView, _ output: MutableRowsView, _: Sample.Type, _: Sum.Type
    ) {
        let (channels, count) = (outputShape.format.channelCount, outputShape.samplesPerRow)
        let quads = Quad<Sum>.all(of: matrix, channels: channels)
        let finish = SumFinish<Sample>(matrix, scale: scale, offset: offset)
        var ring = RowRing<Sample>(input, radius: radius, border: .reflect101, first: output.rows.lowerBound)
        let blockLength = 1024
        let sums = UnsafeMutablePointer<Sum>.allocate(capacity: blockLength)
        defer {
            ring.deallocate()
            sums.deallocate()
        }
        for y in output.rows {
            ring.move(to: y)
            let target: UnsafeMutablePointer<Sample> = output.row(y)
            for start in stride(from: 0, to: count, by: blockLength) {
                let length = min(blockLength, count - start)
                sums.update(repeating: Sum(weight: 0), count: length)
                for quad in quads { quad.add(from: ring, start, to: sums, length) }
                finish.apply(sums, into: target + start, length)
            }
            if outputShape.format.layout.hasAlpha {
                copyAlpha(from: input.row(y), to: target, width: outputShape.width, channels: channels)
            }
        }
    }
}

/// A number that weighted samples are added up in.
protocol WeightedSum: BitwiseCopyable {
    init(weight: Double)
    /// This and a sample times a weight.
    func adding(_ sample: Int32, times weight: Self) -> Self
    var double: Double { get }
    /// Where the sum is an integer.
    var integer: Int32 { get }
}

extension Int16: WeightedSum {
    init(weight: Double) { self = Int16(weight) }
    @inline(__always) func adding(_ sample: Int32, times weight: Int16) -> Int16 {
        self &+ Int16(truncatingIfNeeded: sample) &* weight
    }
    @inline(__always) var double: Double { Double(self) }
    @inline(__always) var integer: Int32 { Int32(self) }
}

extension Int32: WeightedSum {
    init(weight: Double) { self = Int32(weight) }
    @inline(__always) func adding(_ sample: Int32, times weight: Int32) -> Int32 { self &+ sample &* weight }
    @inline(__always) var double: Double { Double(self) }
    @inline(__always) var integer: Int32 { self }
}

extension Double: WeightedSum {
    init(weight: Double) { self = weight }
    @inline(__always) func adding(_ sample: Int32, times weight: Double) -> Double { self + Double(sample) * weight }
    @inline(__always) var double: Double { self }
    @inline(__always) var integer: Int32 { Int32(self) }
}

/// Four weights that are not 0, and where their samples are; the last four may be filled up with zeros.
private struct Quad<Sum: WeightedSum> {
    private struct Place {
        /// From the window's centre.
        let row: Int
        /// From the sample that is computed.
        let offset: Int
        let weight: Sum
    }

    private let places: (Place, Place, Place, Place)

    private init(_ places: ArraySlice<Place>) {
        let first = places.startIndex
        func place(_ index: Int) -> Place {
            first + index < places.endIndex
                ? places[first + index]
                : Place(row: places[first].row, offset: places[first].offset, weight: Sum(weight: 0))
        }
        self.places = (place(0), place(1), place(2), place(3))
    }

    static func all(of matrix: Matrix, channels: Int) -> [Quad] {
        let (down, across) = (matrix.rowCount / 2, matrix.columnCount / 2)
        let places = matrix.rows.enumerated().flatMap { row, line in
            line.enumerated().compactMap { column, weight in
                weight == 0
                    ? nil : Place(row: row - down, offset: (column - across) * channels, weight: Sum(weight: weight))
            }
        }
        return stride(from: 0, to: places.count, by: 4).map { Quad(places[$0..<min($0 + 4, places.count)]) }
    }

    @inline(__always)
    func add<Sample: FixedWidthInteger & UnsignedInteger>(
        from ring: RowRing<Sample>, _ start: Int, to sums: UnsafeMutablePointer<Sum>, _ count: Int
    ) {
        let (a, b, c, d) = places
        let (first, second) = (ring.row(a.row) + a.offset + start, ring.row(b.row) + b.offset + start)
        let (third, fourth) = (ring.row(c.row) + c.offset + start, ring.row(d.row) + d.offset + start)
        for i in 0..<count {
            sums[i] = sums[i].adding(Int32(truncatingIfNeeded: first[i]), times: a.weight)
                .adding(Int32(truncatingIfNeeded: second[i]), times: b.weight)
                .adding(Int32(truncatingIfNeeded: third[i]), times: c.weight)
                .adding(Int32(truncatingIfNeeded: fourth[i]), times: d.weight)
        }
    }
}

/// Scales sums, adds the offset and rounds: in the cheapest way that gives every sum that can occur the same level.
private struct SumFinish<Sample: FixedWidthInteger & UnsignedInteger> {
    private enum Way {
        case line(SingleLine)
        /// Levels from the smallest sum on.
        case table([Sample], smallest: Int32)
        case double
    }

    private let scale: Double
    private let offset: Double
    private let way: Way

    init(_ matrix: Matrix, scale: Double, offset: Double) {
        (self.scale, self.offset) = (scale, offset)
        let weights = matrix.rows.joined()
        let largest = Double(Int32(truncatingIfNeeded: Sample.max))
        let smallestSum = weights.reduce(0) { $0 + min($1, 0) } * largest
        let largestSum = weights.reduce(0) { $0 + max($1, 0) } * largest
        let areIntegers = weights.allSatisfy { $0 == $0.rounded(.towardZero) }
        guard areIntegers && largestSum - smallestSum < 65536 else {
            way = .double
            return
        }
        let sums = Int32(smallestSum)...Int32(largestSum)
        let table = sums.map { Sample(truncatingIfNeeded: rounded(Double($0) * scale + offset, upTo: largest)) }
        let line = SingleLine.ways(factor: Float(scale), offset: Float(offset))
            .first { $0.makes(table, from: sums.lowerBound) }
        way = line.map { .line($0) } ?? .table(table, smallest: sums.lowerBound)
    }

    @inline(__always)
    func apply<Sum: WeightedSum>(_ sums: UnsafePointer<Sum>, into target: UnsafeMutablePointer<Sample>, _ count: Int) {
        let largest = Int32(truncatingIfNeeded: Sample.max)
        switch way {
        case .line(let line):
            for i in 0..<count { target[i] = Sample(truncatingIfNeeded: line.level(sums[i].integer, upTo: largest)) }
        case .table(let table, let smallest):
            table.withUnsafeBufferPointer { table in
                for i in 0..<count { target[i] = table[Int(sums[i].integer &- smallest)] }
            }
        case .double:
            for i in 0..<count {
                let level = rounded(sums[i].double * scale + offset, upTo: Double(largest))
                target[i] = Sample(truncatingIfNeeded: level)
            }
        }
    }
}
