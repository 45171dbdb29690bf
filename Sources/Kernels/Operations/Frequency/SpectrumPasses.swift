import Pipelines

/// Transforms rows of samples to blocks of columns, and back. Owns memory: call `deallocate()`.
///
/// Each lane has a row. Samples are measured from half the range: their spectrum is the same but for frequency 0.
struct SpectrumRows<Lanes: FourierLanes, Sample: FixedWidthInteger & UnsignedInteger> {
    typealias Number = ComplexLanes<Lanes>

    private let shape: ImageShape
    private let rows: Range<Int>
    private let transform: RealFourierTransform<Lanes>
    /// `nil` for an image that is repeated beyond its edges.
    private let mirror: MirrorOrder<Lanes>?

    init(_ shape: ImageShape, _ rows: Range<Int>, isMirrored: Bool) {
        self.shape = shape
        self.rows = rows
        mirror = isMirrored ? MirrorOrder(count: shape.width) : nil
        transform = RealFourierTransform(count: shape.width)
        let count = Self.samplesPerPart * transform.places.step
        levels = .allocate(capacity: count)
        levels.initialize(repeating: 0, count: count)
    }

    func deallocate() {
        transform.deallocate()
        levels.deallocate()
    }

    /// What both transforms together multiply by.
    var scale: Double { transform.scale }

    private var half: Lanes.Scalar { Lanes.number(1 << Int32(Sample.bitWidth - 1)) }

    /// Samples of a part of each lane's row, which are read or written together.
    private let levels: UnsafeMutablePointer<Sample>
    private static var samplesPerPart: Int { 64 }

    func transform(_ input: RowsView, _ channel: Int, to spectrum: Number.Row) {
        forEachGroup { y, count in
            load(input, channel, y, count)
            let numbers = transform.forward()
            turn(numbers)
            forEachBlock { block, place in
                Number.transpose(
                    numbers + place, count: Lanes.scalarCount, to: spectrum + block + y - rows.lowerBound, count: count)
            }
        }
    }

    /// - Parameter spectrum: with the parts of each number exchanged.
    func restore(_ spectrum: Number.Row, to output: MutableRowsView, _ channel: Int) {
        forEachGroup { y, count in
            forEachBlock { block, place in
                Number.transpose(
                    spectrum + block + y - rows.lowerBound, count: count, to: transform.row + place,
                    count: Lanes.scalarCount)
            }
            // What is turned back has its parts exchanged: it is turned the other way by the same constants.
            turn(transform.row)
            store(transform.back(), output, channel, y, count)
        }
    }

    private func turn(_ numbers: Number.Row) {
        guard let mirror else { return }
        for k in 0..<transform.spectrumCount { numbers[k] = numbers[k] * mirror.turns[k] }
    }

    /// As many rows at once as there are lanes.
    @inline(__always)
    private func forEachGroup(_ body: (_ y: Int, _ count: Int) -> Void) {
        for y in stride(from: rows.lowerBound, to: rows.upperBound, by: Lanes.scalarCount) {
            body(y, min(Lanes.scalarCount, rows.upperBound - y))
        }
    }

    /// Where each block of columns begins in the spectrum, and in a row.
    @inline(__always)
    private func forEachBlock(_ body: (_ block: Int, _ place: Int) -> Void) {
        for index in 0..<SpectrumExchange<Lanes>.blockCount(shape) {
            body(index * rows.count, index * Lanes.scalarCount)
        }
    }

    private func load(_ input: RowsView, _ channel: Int, _ y: Int, _ count: Int) {
        let (channels, places, half) = (shape.format.channelCount, transform.places, half)
        forEachPart { start, length in
            for lane in 0..<count {
                let row = input.row(y + lane, as: Sample.self) + channel
                if let mirror {
                    for x in 0..<length {
                        levels[places[x] + lane] = row[mirror.index(atPlace: start + x) * channels]
                    }
                    continue
                }
                let source = row + start * channels
                for x in 0..<length { levels[places[x] + lane] = source[x * channels] }
            }
            let numbers =
                UnsafeMutableRawPointer(transform.row).assumingMemoryBound(to: Lanes.Scalar.self)
                + start * places.step
            for index in 0..<length * places.step {
                numbers[index] = Lanes.number(Int32(truncatingIfNeeded: levels[index])) - half
            }
        }
    }

    private func store(_ result: Number.Row, _ output: MutableRowsView, _ channel: Int, _ y: Int, _ count: Int) {
        let (channels, places, half) = (shape.format.channelCount, transform.placesBack, half)
        let largest = Int32(truncatingIfNeeded: Sample.max)
        forEachPart { start, length in
            let numbers = UnsafeRawPointer(result).assumingMemoryBound(to: Lanes.Scalar.self) + start * places.step
            for index in 0..<length * places.step {
                levels[index] = Sample(truncatingIfNeeded: Lanes.level(numbers[index] + half, upTo: largest))
            }
            for lane in 0..<count {
                let row = output.row(y + lane, as: Sample.self) + channel
                if let mirror {
                    for x in 0..<length {
                        row[mirror.index(atPlace: start + x) * channels] = levels[places[x] + lane]
                    }
                    continue
                }
                let target = row + start * channels
                for x in 0..<length { target[x * channels] = levels[places[x] + lane] }
            }
        }
    }

    @inline(__always)
    private func forEachPart(_ body: (_ start: Int, _ length: Int) -> Void) {
        for start in stride(from: 0, to: shape.width, by: Self.samplesPerPart) {
            body(start, min(Self.samplesPerPart, shape.width - start))
        }
    }
}

/// Transforms columns of a spectrum, multiplies them by a filter's gains, and transforms them back. Owns memory: call
/// `deallocate()`.
struct SpectrumColumns<Lanes: FourierLanes> {
    typealias Number = ComplexLanes<Lanes>

    private let shape: ImageShape
    private let filter: ButterworthFilter
    private let scale: Lanes.Scalar
    private let transform: FourierTransform<Lanes>
    private let scratch: Number.Row
    /// `nil` for an image that is repeated beyond its edges.
    private let mirror: MirrorOrder<Lanes>?
    /// A column in the mirror's order; no memory without one.
    private let ordered: Number.Row

    /// - Parameter scale: what gains are multiplied by.
    init(_ shape: ImageShape, _ filter: ButterworthFilter, scale: Double) {
        self.shape = shape
        self.filter = filter
        self.scale = Lanes.Scalar(scale)
        transform = FourierTransform(count: shape.height)
        scratch = Number.allocate(transform.scratchCount)
        mirror = filter.isMirrored ? MirrorOrder(count: shape.height) : nil
        ordered = Number.allocate(filter.isMirrored ? shape.height : 0)
    }

    func deallocate() {
        scratch.deallocate()
        ordered.deallocate()
    }

    /// Filters the columns of a block, where they are; the parts of each number come out exchanged.
    func filter(_ block: Int, _ column: Number.Row) {
        guard let mirror else { return filterRepeated(block, column) }
        let height = shape.height
        for place in 0..<height { ordered[place] = column[mirror.index(atPlace: place)] }
        let numbers = transform.forward(ordered, scratch)
        filterMirrored(block, numbers, mirror)
        let result = transform.forward(numbers, numbers == ordered ? scratch : ordered)
        for place in 0..<height { column[mirror.index(atPlace: place)] = result[place] }
    }

    /// Makes cosine transforms of Fourier transforms, multiplies them by the gains, and makes Fourier transforms of them again,
    /// with their parts exchanged.
    ///
    /// Each complex number has the cosine transforms of two columns, the x-th and the (width - x)-th, which have gains of their
    /// own. The numbers k and height - k are made of each other.
    private func filterMirrored(_ block: Int, _ numbers: Number.Row, _ mirror: MirrorOrder<Lanes>) {
        var (squares, otherSquares) = (Lanes(), Lanes())
        for lane in 0..<Lanes.scalarCount {
            let x = block * Lanes.scalarCount + lane
            squares[lane] = Lanes.Scalar(filter.square(x, of: 2 * shape.width, in: shape))
            otherSquares[lane] = Lanes.Scalar(filter.square(shape.width - x, of: 2 * shape.width, in: shape))
        }
        func filtered(_ number: Number, _ y: Int) -> Number {
            let square = Lanes.Scalar(filter.square(y, of: 2 * shape.height, in: shape))
            let (gain, other) = (filter.gain(squares, square), filter.gain(otherSquares, square))
            return Number(
                real: Lanes.product(number.real, Lanes.product(gain, scale)),
                imaginary: Lanes.product(number.imaginary, Lanes.product(other, scale)))
        }
        let half = Lanes.Scalar(1) / 2
        for k in 0...shape.height / 2 {
            let other = shape.height - k
            guard k > 0 && other != k else {
                // C[k] and U[k] are the same but for a real factor.
                numbers[k] = filtered(numbers[k], k).exchanged
                continue
            }
            let turn = mirror.turns[k]
            let (a, b) = (numbers[k] * turn, numbers[other] * turn.conjugate)
            let first = filtered(a + b, k) * half
            // i (a - b), filtered, times i.
            let second = filtered((b - a).turned, other).turned * (half * -1)
            numbers[k] = ((first - second) * turn.conjugate).exchanged
            numbers[other] = ((first + second) * turn).exchanged
        }
    }

    private func filterRepeated(_ block: Int, _ column: Number.Row) {
        let numbers = transform.forward(column, scratch)
        var squares = Lanes()
        for lane in 0..<Lanes.scalarCount {
            let x = block * Lanes.scalarCount + lane
            squares[lane] = Lanes.Scalar(filter.square(x, of: shape.width, in: shape))
        }
        for y in 0...shape.height / 2 {
            let square = Lanes.Scalar(filter.square(y, of: shape.height, in: shape))
            let gain = Lanes.product(filter.gain(squares, square), scale)
            multiply(&numbers[y], gain)
            if y > 0 && 2 * y < shape.height { multiply(&numbers[shape.height - y], gain) }
        }
        // A forward transform between two exchanges is an inverse one.
        _ = transform.forward(numbers, numbers == column ? scratch : column)
    }

    @inline(__always)
    private func multiply(_ number: inout Number, _ gain: Lanes) {
        number = Number(real: Lanes.product(number.imaginary, gain), imaginary: Lanes.product(number.real, gain))
    }
}
