/// Equalises the levels tile by tile, with limited contrast.
public struct Clahe: Operation {
    public static let description = OperationDescription(
        "clahe", family: .histogram,
        summary:
            "Equalises the levels of each tile of a grid with limited contrast, blended between tiles; of colours, the "
            + "lightness",
        parameters: [
            ParameterDescription(
                "clip", "how many times its even share a level may count; the rest is spread evenly; 0 for no limit",
                .number(0...10_000), default: .number(2)),
            ParameterDescription(
                "grid", "tiles along each side; at 16 bits at most 16", .integer(1...128), default: .integer(8)),
        ],
        matches:
            "cv2.createCLAHE(clip, (grid, grid)) on gray, exactly; colour: on L between cv2.cvtColor with COLOR_RGB2LAB "
            + "and COLOR_LAB2RGB, exactly at 8 bits. At 16, where OpenCV has no Lab, L is rounded to 0...65535, a and b are "
            + "not rounded, and the conversions are OpenCV's formulas in double precision. Alpha passes through")

    private let clip: Double
    private let grid: Int

    public init(arguments: OperationArguments) {
        clip = arguments.number("clip")
        grid = arguments.integer("grid")
    }

    public func outputShape(for input: ImageShape) throws(PipelineError) -> ImageShape {
        guard input.format.depth == .eight || grid <= 16 else {
            throw PipelineError(
                .unsuitableImage,
                "`clahe`: grid=\(grid) on an image of 16 bits needs \(grid * grid) tables of 65536 levels; at most "
                    + "grid=16 is allowed there")
        }
        return input
    }

    public func kernel(for input: ImageShape) -> OperationKernel {
        .wholeImage(ClaheKernel(shape: input, clip: clip, grid: TileGrid(input, count: grid)))
    }
}

/// The value is a table of new levels for each tile, row by row: a byte a level, or a little-endian `UInt16`.
private struct ClaheKernel: WholeImageKernel {
    let shape: ImageShape
    let clip: Double
    let grid: TileGrid

    var prelude: [any RowKernel] { [] }
    var outputShape: ImageShape { shape }
    var summarisedShape: ImageShape { shape }
    var finishesRowByRow: Bool { true }

    private var levelCount: Int { shape.format.depth.maximum + 1 }

    func summarise(_ rows: Band) -> [UInt8] {
        switch shape.format.depth {
        case .eight: histograms(of: rows, LightnessRow<UInt8>(shape)).bytes
        case .sixteen: histograms(of: rows, LightnessRow<UInt16>(shape)).bytes
        }
    }

    private func histograms<Sample: LabSample>(of rows: Band, _ lightness: LightnessRow<Sample>) -> TileHistograms {
        defer { lightness.deallocate() }
        let columns = grid.columns
        var histograms = TileHistograms(grid: grid, depth: shape.format.depth)
        for y in rows.rows { histograms.count(lightness.read(rows.row(y)), ofRow: y, columns: columns) }
        return histograms
    }

    func combine(_ summaries: [[UInt8]]) throws(PipelineError) -> [UInt8] {
        try TileHistograms(adding: summaries, grid: grid, depth: shape.format.depth).bytes
    }

    func resolve(_ summaries: [[UInt8]]) throws(PipelineError) -> [[UInt8]] {
        let histograms = try TileHistograms(adding: summaries, grid: grid, depth: shape.format.depth)
        let tables = (0..<grid.count).flatMap { row in
            (0..<grid.count).flatMap { column in newLevels(histograms.counts(row, column)) }
        }
        let value: [UInt8]
        switch shape.format.depth {
        case .eight: value = tables.map { UInt8(truncatingIfNeeded: $0) }
        case .sixteen: value = tables.map { $0.littleEndian }.withUnsafeBytes { Array($0) }
        }
        return Array(repeating: value, count: summaries.count)
    }

    func refine(_ value: [UInt8], strips summaries: [[UInt8]]) -> [[UInt8]] {
        Array(repeating: value, count: summaries.count)
    }

    /// The table of a tile: its cumulative distribution after what exceeds the limit was spread over all levels, what
    /// remains of it over every so many of them, from 0 on.
    private func newLevels(_ counts: ArraySlice<UInt32>) -> [UInt16] {
        var counts = counts.map { Int($0) }
        if clip > 0 {
            let limit = max(1, Int(clip * Double(grid.pixelCount) / Double(levelCount)))
            var excess = 0
            for level in counts.indices where counts[level] > limit {
                excess += counts[level] - limit
                counts[level] = limit
            }
            let (share, rest) = excess.quotientAndRemainder(dividingBy: levelCount)
            for level in counts.indices { counts[level] += share }
            if rest > 0 {
                let step = max(levelCount / rest, 1)
                for place in 0..<rest where place * step < levelCount { counts[place * step] += 1 }
            }
        }
        let scale = Float(levelCount - 1) / Float(grid.pixelCount)
        var sum = 0
        return counts.map { count in
            sum += count
            return UInt16(saturated(Double(Float(sum) * scale), shape.format.depth))
        }
    }

    func finish(_ input: Band, value: [UInt8], to output: MutableBand) throws(PipelineError) {
        let byteCount = grid.count * grid.count * levelCount * shape.format.depth.byteCount
        guard value.count == byteCount else {
            throw PipelineError(
                .badPartialResult,
                "a value of clahe has \(value.count) bytes instead of \(byteCount); compute the reduction again")
        }
        switch shape.format.depth {
        case .eight: value.withUnsafeBufferPointer { blend(input, tables: $0, LightnessRow<UInt8>(shape), to: output) }
        case .sixteen:
            let tables = value.withUnsafeBytes { raw in
                (0..<byteCount / 2).map {
                    UInt16(littleEndian: raw.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self))
                }
            }
            tables.withUnsafeBufferPointer { blend(input, tables: $0, LightnessRow<UInt16>(shape), to: output) }
        }
    }

    /// Replaces each level by what the tables of the four tiles around it say, blended by the distance of their centres.
    @_specialize(where Sample == UInt8)
    @_specialize(where Sample == UInt16)
    private func blend<Sample: LabSample>(
        _ input: Band, tables: UnsafeBufferPointer<Sample>, _ lightness: LightnessRow<Sample>, to output: MutableBand
    ) {
        defer { lightness.deallocate() }
        let new = UnsafeMutablePointer<Sample>.allocate(capacity: shape.width)
        defer { new.deallocate() }
        let columns = (0..<shape.width).map { x in
            let tiles = grid.neighbours(x: x)
            return Column(
                first: Int32(tiles.first * levelCount), second: Int32(tiles.second * levelCount),
                firstWeight: 1 - tiles.weight, secondWeight: tiles.weight)
        }
        for y in output.rows {
            let tiles = grid.neighbours(y: y)
            let above = tables.baseAddress.unsafelyUnwrapped + tiles.first * grid.count * levelCount
            let below = tables.baseAddress.unsafelyUnwrapped + tiles.second * grid.count * levelCount
            let (aboveWeight, belowWeight) = (1 - tiles.weight, tiles.weight)
            let levels = lightness.read(input.row(y))
            columns.withUnsafeBufferPointer { columns in
                for x in 0..<shape.width {
                    let column = columns[x]
                    let level = Int(levels[x])
                    let (first, second) = (Int(column.first) + level, Int(column.second) + level)
                    let upper = Float(above[first]) * column.firstWeight + Float(above[second]) * column.secondWeight
                    let lower = Float(below[first]) * column.firstWeight + Float(below[second]) * column.secondWeight
                    let blend = upper * aboveWeight + lower * belowWeight
                    // A blend of levels is none above the largest; the addition leaves no bits for a fraction.
                    new[x] = Sample(truncatingIfNeeded: Int32((blend + 0x1.8p23) - 0x1.8p23))
                }
            }
            lightness.replace(input.row(y), by: new, to: output.row(y))
        }
    }

    /// Where the tables of the tiles to the left and right of a column begin within a row of tiles, and their weights.
    private struct Column {
        let first: Int32
        let second: Int32
        let firstWeight: Float
        let secondWeight: Float
    }
}
