import Pipelines

extension TiledEqualization: WholeImageKernelProviding {
    func kernel(for step: WholeImageStep) -> any WholeImageKernel {
        ClaheKernel(shape: step.output, clip: clip, grid: TileGrid(step.output, count: grid))
    }
}

/// The value is a table of new levels for each tile, row by row: a byte a level, or a little-endian `UInt16`.
private struct ClaheKernel: WholeImageKernel {
    let shape: ImageShape
    let clip: Double
    let grid: TileGrid

    var outputShape: ImageShape { shape }

    private var levelCount: Int { shape.format.depth.maximum + 1 }

    func aggregate(_ rows: RowsView) -> [UInt8] {
        switch shape.format.depth {
        case .eight: histograms(of: rows, LightnessRow<UInt8>(shape)).bytes
        case .sixteen: histograms(of: rows, LightnessRow<UInt16>(shape)).bytes
        }
    }

    private func histograms<Sample: LabSample>(of rows: RowsView, _ lightness: LightnessRow<Sample>) -> TileHistograms {
        defer { lightness.deallocate() }
        let columns = grid.columns
        var histograms = TileHistograms(grid: grid, depth: shape.format.depth)
        for y in rows.rows { histograms.count(lightness.read(rows.row(y)), ofRow: y, columns: columns) }
        return histograms
    }

    func merge(_ partials: [[UInt8]]) throws(PipelineError) -> [UInt8] {
        try TileHistograms(adding: partials, grid: grid, depth: shape.format.depth).bytes
    }

    func finalize(_ partials: [[UInt8]]) throws(PipelineError) -> [[UInt8]] {
        let histograms = try TileHistograms(adding: partials, grid: grid, depth: shape.format.depth)
        let tables = [UInt16](unsafeUninitializedCapacity: grid.count * grid.count * levelCount) { tables, count in
            for row in 0..<grid.count {
                for column in 0..<grid.count {
                    findLevels(histograms.counts(row, column), into: tables.baseAddress.unsafelyUnwrapped + count)
                    count += levelCount
                }
            }
        }
        let value: [UInt8]
        switch shape.format.depth {
        case .eight: value = tables.map { UInt8(truncatingIfNeeded: $0) }
        case .sixteen: value = tables.map { $0.littleEndian }.withUnsafeBytes { Array($0) }
        }
        return Array(repeating: value, count: partials.count)
    }

    func refine(_ value: [UInt8], strips partials: [[UInt8]]) -> [[UInt8]] {
        Array(repeating: value, count: partials.count)
    }

    /// The table of a tile: its cumulative distribution after what exceeds the limit was spread over all levels, what
    /// remains of it over levels at equal distances, from 0 on.
    private func findLevels(_ counts: ArraySlice<UInt32>, into table: UnsafeMutablePointer<UInt16>) {
        let largest = levelCount - 1
        let scale = Float(largest) / Float(grid.pixelCount)
        let limit = clip > 0 ? max(1, Int(clip * Double(grid.pixelCount) / Double(levelCount))) : Int.max
        counts.withUnsafeBufferPointer { counts in
            var excess = 0
            for count in counts { excess += max(Int(count) - limit, 0) }
            let (share, rest) = excess.quotientAndRemainder(dividingBy: levelCount)
            let step = max(levelCount / max(rest, 1), 1)
            // The next level that gets one of the rest.
            var next = 0
            var sum = 0
            for level in 0...largest {
                sum += min(Int(counts[level]), limit) + share
                if level == next && level < rest * step {
                    sum += 1
                    next += step
                }
                let new = roundedLevel(Float(sum) * scale, upTo: Int32(truncatingIfNeeded: largest))
                table[level] = UInt16(truncatingIfNeeded: new)
            }
        }
    }

    func apply(_ value: [UInt8], to input: RowsView, into output: MutableRowsView) throws(PipelineError) {
        let byteCount = grid.count * grid.count * levelCount * shape.format.depth.byteCount
        guard value.count == byteCount else {
            throw PipelineError(
                .badPartialResult,
                "a value of clahe has \(value.count) bytes instead of \(byteCount); compute the reduction again")
        }
        switch shape.format.depth {
        case .eight: value.withUnsafeBufferPointer { blend(input, $0, LightnessRow<UInt8>(shape), to: output) }
        case .sixteen:
            let tables = [UInt16](unsafeUninitializedCapacity: byteCount / 2) { tables, count in
                value.withUnsafeBytes { raw in
                    for index in 0..<byteCount / 2 {
                        let level = raw.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)
                        tables.initializeElement(at: index, to: UInt16(littleEndian: level))
                    }
                }
                count = byteCount / 2
            }
            tables.withUnsafeBufferPointer { blend(input, $0, LightnessRow<UInt16>(shape), to: output) }
        }
    }

    /// Replaces each level by what the tables of the four tiles around it say, blended by the distance of their centres.
    @_specialize(where Sample == UInt8)
    @_specialize(where Sample == UInt16)
    private func blend<Sample: LabSample>(
        _ input: RowsView, _ levels: UnsafeBufferPointer<Sample>, _ lightness: LightnessRow<Sample>,
        to output: MutableRowsView
    ) {
        let width = shape.width
        let tables = TileTables(levels, of: grid)
        // What each of the four tables says, and the blend.
        let said = UnsafeMutablePointer<Sample>.allocate(capacity: 5 * width)
        defer {
            lightness.deallocate()
            said.deallocate()
        }
        let (aboveFirst, aboveSecond) = (said, said + width)
        let (belowFirst, belowSecond) = (said + 2 * width, said + 3 * width)
        let new = said + 4 * width
        let neighbors = (0..<width).map { grid.neighbors(x: $0) }
        let segments = Segment.all(of: neighbors)
        let secondWeights = neighbors.map { $0.weight }
        for y in output.rows {
            let rows = grid.neighbors(y: y)
            let (aboveWeight, belowWeight) = (1 - rows.weight, rows.weight)
            let levels = lightness.read(input.row(y))
            for segment in segments {
                let (x, count) = (segment.columns.lowerBound, segment.columns.count)
                tables.lookUp(rows.first, segment.first, levels + x, into: aboveFirst + x, count)
                tables.lookUp(rows.first, segment.second, levels + x, into: aboveSecond + x, count)
                tables.lookUp(rows.second, segment.first, levels + x, into: belowFirst + x, count)
                tables.lookUp(rows.second, segment.second, levels + x, into: belowSecond + x, count)
            }
            secondWeights.withUnsafeBufferPointer { secondWeights in
                @inline(__always) func single(_ level: Sample) -> Float { Float(Int32(truncatingIfNeeded: level)) }
                for x in 0..<width {
                    let second = secondWeights[x]
                    let first = 1 - second
                    let upper = single(aboveFirst[x]) * first + single(aboveSecond[x]) * second
                    let lower = single(belowFirst[x]) * first + single(belowSecond[x]) * second
                    let blend = upper * aboveWeight + lower * belowWeight
                    // A blend of levels is none above the largest; the addition leaves no bits for a fraction.
                    new[x] = Sample(truncatingIfNeeded: Int32((blend + 0x1.8p23) - 0x1.8p23))
                }
            }
            lightness.replace(input.row(y), by: new, to: output.row(y))
        }
    }

    /// Columns of the image between the centres of the same two columns of tiles.
    private struct Segment {
        let first: Int
        let second: Int
        var columns: Range<Int>

        static func all(of neighbors: [TileGrid.Neighbors]) -> [Segment] {
            var segments: [Segment] = []
            for (x, tiles) in neighbors.enumerated() {
                if let last = segments.last, (last.first, last.second) == (tiles.first, tiles.second) {
                    segments[segments.count - 1].columns = last.columns.lowerBound..<x + 1
                } else {
                    segments.append(Segment(first: tiles.first, second: tiles.second, columns: x..<x + 1))
                }
            }
            return segments
        }
    }
}

/// The new levels of all tiles' tables.
private struct TileTables<Sample: FixedWidthInteger & UnsignedInteger> {
    private let grid: TileGrid
    private let levels: UnsafePointer<Sample>
    /// The table of each tile, where samples are bytes.
    private let bytes: [ByteTable]

    private static var levelCount: Int { Int(Sample.max) + 1 }

    /// - Parameter levels: outlive this.
    init(_ levels: UnsafeBufferPointer<Sample>, of grid: TileGrid) {
        self.grid = grid
        self.levels = levels.baseAddress.unsafelyUnwrapped
        guard Sample.self == UInt8.self else {
            bytes = []
            return
        }
        bytes = stride(from: 0, to: levels.count, by: Self.levelCount).map { start in
            ByteTable(levels[start..<start + Self.levelCount].map { UInt8(truncatingIfNeeded: $0) })
        }
    }

    @inline(__always)
    func lookUp(
        _ row: Int, _ column: Int, _ source: UnsafePointer<Sample>, into target: UnsafeMutablePointer<Sample>,
        _ count: Int
    ) {
        let tile = row * grid.count + column
        if Sample.self == UInt8.self {
            bytes[tile].lookUp(
                UnsafeRawPointer(source).assumingMemoryBound(to: UInt8.self),
                into: UnsafeMutableRawPointer(target).assumingMemoryBound(to: UInt8.self), count)
        } else {
            let table = levels + tile * Self.levelCount
            for i in 0..<count { target[i] = table[Int(source[i])] }
        }
    }
}
