import ByteCoding
import Pipelines

/// An image cut into `count` x `count` tiles of the same size, as OpenCV's CLAHE does.
///
/// If the tiles do not fit, the image is continued to the right and below by reflection; tiles beyond the image see what
/// is mirrored there.
struct TileGrid: Sendable {
    let count: Int
    let width: Int
    let height: Int
    private let imageWidth: Int
    private let imageHeight: Int

    init(_ shape: ImageShape, count: Int) {
        self.count = count
        imageWidth = shape.width
        imageHeight = shape.height
        let fits = shape.width % count == 0 && shape.height % count == 0
        // A side that would fit by itself is continued by a whole pixel a tile, as OpenCV does.
        width = shape.width / count + (fits ? 0 : 1)
        height = shape.height / count + (fits ? 0 : 1)
    }

    /// Pixels in a tile.
    var pixelCount: Int { width * height }

    /// The tile rows that see row `y` of the image; a tile row that sees it twice is there twice.
    func tileRows(seeing y: Int) -> [Int] {
        [y / height]
            + (imageHeight..<count * height).filter { reflect101($0, count: imageHeight) == y }.map { $0 / height }
    }

    /// The columns of the image that a column of tiles sees: its own, and those mirrored beyond the edge.
    struct Columns {
        let own: Range<Int>
        let mirrored: [Int]
    }

    /// For each column of tiles, what it sees.
    var columns: [Columns] {
        (0..<count).map { tile in
            let all = tile * width..<(tile + 1) * width
            let own = all.clamped(to: 0..<imageWidth)
            return Columns(
                own: own,
                mirrored: (max(all.lowerBound, imageWidth)..<max(all.upperBound, imageWidth)).map {
                    reflect101($0, count: imageWidth)
                })
        }
    }

    /// The two tiles whose centres enclose a pixel along one axis, and how much the second one weighs.
    struct Neighbors {
        let first: Int
        let second: Int
        let weight: Float
    }

    func neighbors(x: Int) -> Neighbors { neighbors(x, size: width) }
    func neighbors(y: Int) -> Neighbors { neighbors(y, size: height) }

    private func neighbors(_ position: Int, size: Int) -> Neighbors {
        let place = Float(position) * (1 / Float(size)) - 0.5
        let first = place.rounded(.down)
        return Neighbors(
            first: max(0, Int(first)), second: min(count - 1, Int(first) + 1), weight: place - first)
    }
}

/// How often each level occurs in each tile: what `clahe` knows of the rows seen so far.
///
///     u16 tile rows | for each: u16 number, then for each of its tiles, from the left, a u32 count a level
struct TileHistograms {
    private let grid: TileGrid
    private let levelCount: Int
    /// The counts of a tile row's tiles, one tile after the other; `nil` for tile rows without a pixel so far.
    private var rows: [[UInt32]?]

    init(grid: TileGrid, depth: SampleDepth) {
        self.grid = grid
        levelCount = depth.maximum + 1
        rows = Array(repeating: nil, count: grid.count)
    }

    /// The sum of the histograms of several parts.
    init(adding summaries: [[UInt8]], grid: TileGrid, depth: SampleDepth) throws(PipelineError) {
        self.init(grid: grid, depth: depth)
        for summary in summaries { try add(summary) }
    }

    /// Counts a row of the image in all tiles that see it.
    @_specialize(where Sample == UInt8)
    @_specialize(where Sample == UInt16)
    mutating func count<Sample: FixedWidthInteger & UnsignedInteger>(
        _ levels: UnsafePointer<Sample>, ofRow y: Int, columns: [TileGrid.Columns]
    ) {
        for tileRow in grid.tileRows(seeing: y) {
            var counts = rows[tileRow] ?? Array(repeating: 0, count: grid.count * levelCount)
            rows[tileRow] = nil
            counts.withUnsafeMutableBufferPointer { counts in
                for (tile, columns) in columns.enumerated() {
                    let table = counts.baseAddress.unsafelyUnwrapped + tile * levelCount
                    for x in columns.own { table[Int(levels[x])] &+= 1 }
                    for x in columns.mirrored { table[Int(levels[x])] &+= 1 }
                }
            }
            rows[tileRow] = counts
        }
    }

    /// The counts of a tile.
    func counts(_ row: Int, _ column: Int) -> ArraySlice<UInt32> {
        (rows[row] ?? Array(repeating: 0, count: grid.count * levelCount))[
            column * levelCount..<(column + 1) * levelCount]
    }

    var bytes: [UInt8] {
        let present = rows.indices.filter { rows[$0] != nil }
        var writer = BinaryWriter(capacity: 2 + present.count * (2 + grid.count * levelCount * 4))
        writer.write(UInt16(present.count))
        for row in present {
            writer.write(UInt16(row))
            rows[row]?.map { $0.littleEndian }.withUnsafeBytes { writer.append($0) }
        }
        return writer.bytes
    }

    private mutating func add(_ summary: [UInt8]) throws(PipelineError) {
        var reader = PartialReader(summary, name: "a summary of clahe")
        var next = 0
        for _ in 0..<(try reader.read(UInt16.self)) {
            let row = Int(try reader.read(UInt16.self))
            guard row >= next, row < grid.count else { throw reader.refused("tile row \(row) is out of place") }
            next = row + 1
            let block = try reader.readBlock(grid.count * levelCount * 4)
            var counts = rows[row] ?? Array(repeating: 0, count: grid.count * levelCount)
            var overflow = false
            block.withUnsafeBytes { raw in
                for index in counts.indices {
                    let count = UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self))
                    let (sum, isTooLarge) = counts[index].addingReportingOverflow(count)
                    counts[index] = sum
                    overflow = overflow || isTooLarge
                }
            }
            guard !overflow else { throw reader.refused("it counts more than 2^32 pixels of one level in a tile") }
            rows[row] = counts
        }
        try reader.finish()
    }
}
