import ByteCoding
import Pipelines

/// Pixels that are counted together: so many that the cells of an angle, which are counted one angle after the other, stay in
/// the nearest cache for some time. Owns memory: call `deallocate()`.
struct HoughPlaces {
    /// With this many, they are to be counted.
    private static let enough = 4096

    private let width: Int
    let x: UnsafeMutablePointer<Float>
    let y: UnsafeMutablePointer<Float>
    /// Room for their distances.
    let distances: UnsafeMutablePointer<Int32>
    private(set) var count = 0

    init(rowWidth: Int) {
        width = rowWidth
        let capacity = Self.enough + rowWidth
        x = .allocate(capacity: capacity)
        y = .allocate(capacity: capacity)
        distances = .allocate(capacity: capacity)
    }

    func deallocate() {
        x.deallocate()
        y.deallocate()
        distances.deallocate()
    }

    var isFull: Bool { count >= Self.enough }

    /// Adds the pixels of row `y` that are foreground: not 0, whatever another worker wrote there. There is room as long as it is
    /// not full.
    mutating func append(_ row: UnsafePointer<UInt8>, y rowNumber: Int) {
        var end = count
        for place in 0..<width {
            // Written for every pixel, kept for those of the foreground.
            (x[end], y[end]) = (Float(place), Float(rowNumber))
            end += Int(min(row[place], 1))
        }
        count = end
    }

    mutating func clear() { count = 0 }
}

/// How many pixels are on the line of each cell.
///
/// As bytes, angle by angle: `u32` the first distance with a vote | `u32` how many distances follow | that many counts, seven
/// bits a byte, the lowest first, the high bit set in all but the last.
struct HoughVotes<Count: FixedWidthInteger & UnsignedInteger> {
    private let grid: HoughGrid
    private let directions: HoughDirections
    /// A row an angle, with an empty cell before and behind; an empty row before and behind.
    private var counts: [Count]
    private let stride: Int

    init(_ grid: HoughGrid) {
        self.grid = grid
        directions = HoughDirections(grid)
        stride = grid.distanceCount + 2
        counts = Array(repeating: 0, count: (grid.angleCount + 2) * stride)
    }

    /// The cells next to the grid have no votes.
    subscript(_ angle: Int, _ distance: Int) -> Int { Int(counts[(angle + 1) * stride + distance + 1]) }

    /// Counts the lines through the pixels, and clears them.
    mutating func add(_ places: inout HoughPlaces) {
        let distances = places.distances
        counts.withUnsafeMutableBufferPointer { counts in
            for angle in 0..<grid.angleCount {
                let row = counts.baseAddress.unsafelyUnwrapped + (angle + 1) * stride + 1
                directions.measure(angle, places, into: distances)
                for index in 0..<places.count { row[Int(distances[index])] &+= 1 }
            }
        }
        places.clear()
    }

    var bytes: [UInt8] {
        var writer = BinaryWriter(capacity: counts.count / 2)
        for angle in 0..<grid.angleCount {
            let row = counts[(angle + 1) * stride + 1..<(angle + 2) * stride - 1]
            let first = row.firstIndex { $0 != 0 } ?? row.startIndex
            let end = (row.lastIndex { $0 != 0 } ?? first - 1) + 1
            writer.write(UInt32(first - row.startIndex))
            writer.write(UInt32(end - first))
            for var count in row[first..<end] {
                while count >= 128 {
                    writer.write(UInt8(truncatingIfNeeded: count) | 128)
                    count >>= 7
                }
                writer.write(UInt8(count))
            }
        }
        return writer.bytes
    }
}

extension HoughVotes<UInt64> {
    init(adding summaries: [[UInt8]], _ grid: HoughGrid) throws(PipelineError) {
        self.init(grid)
        for summary in summaries { try add(summary) }
    }

    private mutating func add(_ summary: [UInt8]) throws(PipelineError) {
        var reader = PartialReader(summary, name: "a summary of hough-lines")
        for angle in 0..<grid.angleCount {
            let (first, count) = (Int(try reader.read(UInt32.self)), Int(try reader.read(UInt32.self)))
            guard first <= grid.distanceCount, count <= grid.distanceCount - first else {
                throw reader.refused("it counts \(count) distances from \(first) on")
            }
            for distance in first..<first + count {
                var (votes, shift): (UInt64, UInt64) = (0, 0)
                var byte: UInt8
                repeat {
                    byte = try reader.read()
                    guard shift < 42 else { throw reader.refused("it counts more than 2^42 pixels on a line") }
                    votes |= UInt64(byte & 127) << shift
                    shift += 7
                } while byte & 128 != 0
                counts[(angle + 1) * stride + distance + 1] += votes
            }
        }
        try reader.finish()
    }
}
