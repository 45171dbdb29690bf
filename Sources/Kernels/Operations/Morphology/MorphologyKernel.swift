import Pipelines

extension WindowExtremum: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel {
        MorphologyKernel(
            outputShape: step.output, element: StructuringElement(shape, size: size), extremum: extremum)
    }
}

/// The smallest or largest level of a window. Pixels outside the image do not count, as with OpenCV's default border.
///
/// Along rows the window is built by doubling (1, 2, 4 ... pixels), so that it costs the logarithm of its width; down the
/// columns of a rectangle by van Herk's blocks, which cost three comparisons whatever the height. Other windows take the
/// extremum of their rows one by one.
///
/// Source: M. van Herk, A fast algorithm for local minimum and maximum filters, Pattern Recognition Letters 13 (1992).
struct MorphologyKernel: RowKernel {
    let outputShape: ImageShape
    let element: StructuringElement
    let extremum: Extremum

    func apply(_ input: RowsView, to output: MutableRowsView) {
        switch (outputShape.format.depth, extremum) {
        case (.eight, .minimum): apply(input, output, Smaller<UInt8>.self)
        case (.eight, .maximum): apply(input, output, Larger<UInt8>.self)
        case (.sixteen, .minimum): apply(input, output, Smaller<UInt16>.self)
        case (.sixteen, .maximum): apply(input, output, Larger<UInt16>.self)
        }
        if outputShape.format.layout.hasAlpha {
            for y in output.rows {
                let (width, channels) = (outputShape.width, outputShape.format.channelCount)
                switch outputShape.format.depth {
                case .eight:
                    copyAlpha(from: input.row(y, as: UInt8.self), to: output.row(y), width: width, channels: channels)
                case .sixteen:
                    copyAlpha(from: input.row(y, as: UInt16.self), to: output.row(y), width: width, channels: channels)
                }
            }
        }
    }

    private func apply<Choice: Selection>(_ input: RowsView, _ output: MutableRowsView, _: Choice.Type) {
        if element.isRectangle && (1...2).contains(element.radius) {
            applySmallSquare(input, output, Choice.self)
        } else if element.isRectangle {
            applyRectangle(input, output, Choice.self)
        } else {
            applyRows(input, output, Choice.self)
        }
    }

    /// Squares of side 3 and 5: down the columns, then along the row, each in one pass.
    private func applySmallSquare<Choice: Selection>(_ input: RowsView, _ output: MutableRowsView, _: Choice.Type) {
        typealias Sample = Choice.Sample
        let (count, channels, radius) = (outputShape.samplesPerRow, outputShape.format.channelCount, element.radius)
        let padded = UnsafeMutablePointer<Sample>.allocate(capacity: count + 2 * radius * channels)
        defer { padded.deallocate() }
        padded.initialize(repeating: Choice.neutral, count: count + 2 * radius * channels)
        let columns = padded + radius * channels
        for y in output.rows {
            // A row outside the image does not count: the centre stands for it, which counts anyhow.
            func row(_ distance: Int) -> UnsafePointer<Sample> {
                input.row((0..<outputShape.height).contains(y + distance) ? y + distance : y)
            }
            Choice.merge(radius, row, into: columns, count)
            Choice.merge(radius, { UnsafePointer(columns + $0 * channels) }, into: output.row(y), count)
        }
    }

    /// Van Herk's method on rows: a block of `size` output rows shares the extrema towards its middle.
    ///
    ///     rows   a0 a1 a2 | b0 b1 b2        window of output row i: from a(i) to b(i - 1)
    ///     upper: extremum of a(i)...a2      lower: extremum of b0...b(i - 1)
    private func applyRectangle<Choice: Selection>(_ input: RowsView, _ output: MutableRowsView, _: Choice.Type) {
        typealias Sample = Choice.Sample
        let count = outputShape.samplesPerRow
        let radius = element.radius
        let size = 2 * radius + 1
        var window = RowWindow<Choice>(outputShape, reach: element.reaches[0])
        let memory = UnsafeMutablePointer<Sample>.allocate(capacity: 2 * size * count)
        let lower = UnsafeMutablePointer<Sample>.allocate(capacity: count)
        defer {
            window.deallocate()
            memory.deallocate()
            lower.deallocate()
        }
        var upper = memory
        var next = memory + size * count
        /// The extrema along row `y`, or what never wins outside the image.
        func load(_ y: Int, into target: UnsafeMutablePointer<Sample>) {
            if y < 0 || y >= outputShape.height {
                target.update(repeating: Choice.neutral, count: count)
            } else {
                window.apply(input.row(y), into: target)
            }
        }
        let first = output.rows.lowerBound
        for index in 0..<size { load(first - radius + index, into: upper + index * count) }
        for start in stride(from: first, to: output.rows.upperBound, by: size) {
            for index in stride(from: size - 2, through: 0, by: -1) {
                Choice.merge(upper + (index + 1) * count, into: upper + index * count, count)
            }
            for index in 0..<min(size, output.rows.upperBound - start) {
                let target: UnsafeMutablePointer<Sample> = output.row(start + index)
                let best = upper + index * count
                if index == 0 {
                    target.update(from: best, count: count)
                } else {
                    let loaded = next + (index - 1) * count
                    load(start + radius + index, into: loaded)
                    if index == 1 {
                        lower.update(from: loaded, count: count)
                    } else {
                        Choice.merge(loaded, into: lower, count)
                    }
                    Choice.merge(best, lower, into: target, count)
                }
            }
            if start + size < output.rows.upperBound {
                load(start + radius + size, into: next + (size - 1) * count)
                swap(&upper, &next)
            }
        }
    }

    /// Row by row: each row of the window once for every distance that it reaches.
    private func applyRows<Choice: Selection>(_ input: RowsView, _ output: MutableRowsView, _: Choice.Type) {
        typealias Sample = Choice.Sample
        let count = outputShape.samplesPerRow
        let radius = element.radius
        let size = 2 * radius + 1
        let distances = Set(element.reaches).sorted()
        let kinds = element.reaches.map { reach in distances.firstIndex(of: reach) ?? 0 }
        var windows = distances.map { RowWindow<Choice>(outputShape, reach: $0) }
        // For each distance a ring of rows.
        let memory = UnsafeMutablePointer<Sample>.allocate(capacity: distances.count * size * count)
        defer {
            for window in windows { window.deallocate() }
            memory.deallocate()
        }
        func slot(_ kind: Int, _ y: Int) -> UnsafeMutablePointer<Sample> { memory + (kind * size + y % size) * count }
        var loaded = max(0, output.rows.lowerBound - radius)
        for y in output.rows {
            while loaded < min(outputShape.height, y + radius + 1) {
                for kind in distances.indices { windows[kind].apply(input.row(loaded), into: slot(kind, loaded)) }
                loaded += 1
            }
            let target: UnsafeMutablePointer<Sample> = output.row(y)
            var isFirst = true
            for row in max(0, y - radius)...min(outputShape.height - 1, y + radius) {
                let best = slot(kinds[row - y + radius], row)
                if isFirst { target.update(from: best, count: count) } else { Choice.merge(best, into: target, count) }
                isFirst = false
            }
        }
    }
}

/// The smaller or the larger of two samples, as a type so that loops over it vectorise.
private protocol Selection {
    associatedtype Sample: FixedWidthInteger & UnsignedInteger
    /// What never wins against another sample.
    static var neutral: Sample { get }
    static func choose(_ left: Sample, _ right: Sample) -> Sample
}

private enum Smaller<Sample: FixedWidthInteger & UnsignedInteger>: Selection {
    static var neutral: Sample { .max }
    @inline(__always) static func choose(_ left: Sample, _ right: Sample) -> Sample { left < right ? left : right }
}

private enum Larger<Sample: FixedWidthInteger & UnsignedInteger>: Selection {
    static var neutral: Sample { .min }
    @inline(__always) static func choose(_ left: Sample, _ right: Sample) -> Sample { left > right ? left : right }
}

extension Selection {
    fileprivate static func merge(_ row: UnsafePointer<Sample>, into target: UnsafeMutablePointer<Sample>, _ count: Int)
    {
        for i in 0..<count { target[i] = choose(target[i], row[i]) }
    }

    fileprivate static func merge(
        _ row: UnsafeMutablePointer<Sample>, into target: UnsafeMutablePointer<Sample>, _ count: Int
    ) {
        merge(UnsafePointer(row), into: target, count)
    }

    fileprivate static func merge(
        _ left: UnsafePointer<Sample>, _ right: UnsafePointer<Sample>, into target: UnsafeMutablePointer<Sample>,
        _ count: Int
    ) {
        for i in 0..<count { target[i] = choose(left[i], right[i]) }
    }

    /// The choice of the rows from `-radius` to `radius`; the radius is 1 or 2.
    fileprivate static func merge(
        _ radius: Int, _ row: (Int) -> UnsafePointer<Sample>, into target: UnsafeMutablePointer<Sample>, _ count: Int
    ) {
        let (left, center, right) = (row(-1), row(0), row(1))
        if radius == 1 {
            for i in 0..<count { target[i] = choose(choose(left[i], right[i]), center[i]) }
        } else {
            let (first, last) = (row(-2), row(2))
            for i in 0..<count {
                target[i] = choose(choose(choose(left[i], right[i]), choose(first[i], last[i])), center[i])
            }
        }
    }
}

/// The extremum of `reach` pixels to the left and right of each pixel of a row.
private struct RowWindow<Choice: Selection> {
    typealias Sample = Choice.Sample

    private let channels: Int
    private let count: Int
    private let reach: Int
    /// Two padded rows that take turns: a loop that wrote what it reads would not vectorise.
    private let padded: UnsafeMutablePointer<Sample>
    private var length: Int { count + 2 * reach * channels }

    init(_ shape: ImageShape, reach: Int) {
        channels = shape.format.channelCount
        count = shape.samplesPerRow
        self.reach = reach
        padded = .allocate(capacity: 2 * (count + 2 * reach * channels))
        padded.initialize(repeating: Choice.neutral, count: 2 * (count + 2 * reach * channels))
    }

    func deallocate() { padded.deallocate() }

    mutating func apply(_ row: UnsafePointer<Sample>, into target: UnsafeMutablePointer<Sample>) {
        guard reach > 0 else { return target.update(from: row, count: count) }
        let size = 2 * reach + 1
        var (current, next) = (padded, padded + length)
        current.update(repeating: Choice.neutral, count: reach * channels)
        (current + reach * channels).update(from: row, count: count)
        (current + reach * channels + count).update(repeating: Choice.neutral, count: reach * channels)
        // current[i] covers `covered` pixels from i on.
        var covered = 1
        while 2 * covered < size {
            let step = covered * channels
            Choice.merge(current, current + step, into: next, length - 2 * step + channels)
            swap(&current, &next)
            covered *= 2
        }
        Choice.merge(current, current + (size - covered) * channels, into: target, count)
    }
}
