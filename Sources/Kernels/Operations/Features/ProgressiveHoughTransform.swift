import Pipelines

/// Finds segments one after the other: pixels are drawn at random and counted for all lines through them; as soon as a line
/// has enough, the segment around the pixel is followed to its ends, and its pixels are taken away with all that they counted.
///
/// Matas, Galambos and Kittler: "Robust detection of lines using the progressive probabilistic Hough transform", 2000. In the
/// arithmetic of OpenCV's `HoughLinesP`, so that both find the same: cells in single precision as in `HoughDirections`, steps
/// along a line with 16 fractional bits, and pixels drawn by `PointLottery`.
struct ProgressiveHoughTransform {
    private let mask: PixelMask
    private let search: LineSearch
    private let length: Int
    private let gap: Int
    private let directions: HoughDirections
    /// Pixels counted for each cell, angle by angle.
    private var counts: [Int32]

    private var grid: HoughGrid { search.grid }

    init(mask: PixelMask, search: LineSearch, length: Int, gap: Int) {
        (self.mask, self.search, self.length, self.gap) = (mask, search, length, gap)
        directions = HoughDirections(search.grid, isSummed: false)
        counts = Array(repeating: 0, count: search.grid.cellCount)
    }

    /// In the order in which they are found. Takes the mask's pixels away.
    mutating func segments() -> [LineSegment] {
        var points: [Point] = []
        mask.forEach { points.append(Point(x: Int32($0), y: Int32($1))) }
        var lottery = PointLottery()
        var segments: [LineSegment] = []
        while !points.isEmpty {
            let place = lottery.draw(below: points.count)
            let point = points[place]
            points[place] = points[points.count - 1]
            points.removeLast()
            guard mask.isSet(Int(point.x), Int(point.y)), let angle = count(point) else { continue }
            let walk = LineWalk(point, along: directions.step(angle))
            let ends = [walk, walk.reversed].map { end(of: $0) }
            let segment = LineSegment(x1: ends[0].x, y1: ends[0].y, x2: ends[1].x, y2: ends[1].y)
            let isLong = max(abs(segment.x2 - segment.x1), abs(segment.y2 - segment.y1)) >= length
            takeAway(walk, to: ends[0], isCounted: isLong)
            takeAway(walk.reversed, to: ends[1], isCounted: isLong)
            if isLong { segments.append(segment) }
        }
        return segments
    }

    /// Counts a pixel for all lines through it.
    ///
    /// - Returns: the angle of the first one that has most pixels, if these are enough.
    private mutating func count(_ point: Point) -> Int? {
        var (most, best) = (Int32(clamping: search.threshold) - 1, nil as Int?)
        for angle in 0..<grid.angleCount {
            let cell = cell(angle, Int(point.x), Int(point.y))
            counts[cell] += 1
            if counts[cell] > most { (most, best) = (counts[cell], angle) }
        }
        return best
    }

    private func cell(_ angle: Int, _ x: Int, _ y: Int) -> Int {
        angle * grid.distanceCount + directions.distance(angle, x: x, y: y)
    }

    /// The last pixel of the mask on the way, before more are missing than may.
    private func end(of walk: LineWalk) -> (x: Int, y: Int) {
        var walk = walk
        var last = (x: walk.x, y: walk.y)
        var missing = 0
        while (0..<mask.width).contains(walk.x), (0..<mask.height).contains(walk.y) {
            if mask.isSet(walk.x, walk.y) {
                missing = 0
                last = (walk.x, walk.y)
            } else {
                missing += 1
                if missing > gap { break }
            }
            walk.step()
        }
        return last
    }

    /// Takes the pixels on the way away, and what they counted if `isCounted`.
    private mutating func takeAway(_ walk: LineWalk, to end: (x: Int, y: Int), isCounted: Bool) {
        var walk = walk
        while true {
            if mask.isSet(walk.x, walk.y) {
                if isCounted {
                    for angle in 0..<grid.angleCount { counts[cell(angle, walk.x, walk.y)] -= 1 }
                }
                mask.clear(walk.x, walk.y)
            }
            if (walk.x, walk.y) == end { return }
            walk.step()
        }
    }
}

/// A pixel of an image.
private struct Point {
    let x: Int32
    let y: Int32
}

/// Goes along a line pixel by pixel: a whole one along the axis that the line is nearer to, a fraction along the other.
private struct LineWalk {
    private static let one = 1 << 16

    private let isFlat: Bool
    /// Along the nearer axis.
    private var place: Int
    private var forward: Int
    /// Along the other, with 16 fractional bits.
    private var fine: Int
    private var slope: Int

    /// - Parameter normal: of the line.
    init(_ point: Point, along normal: (x: Float, y: Float)) {
        let (dx, dy) = (-normal.y, normal.x)
        isFlat = dx.magnitude > dy.magnitude
        let (long, short) = isFlat ? (dx, dy) : (dy, dx)
        let (near, other) = isFlat ? (point.x, point.y) : (point.y, point.x)
        place = Int(near)
        forward = long > 0 ? 1 : -1
        fine = Int(other) * Self.one + Self.one / 2
        slope = Int((short * Float(Self.one) / long.magnitude).rounded(.toNearestOrEven))
    }

    var x: Int { isFlat ? place : fine >> 16 }
    var y: Int { isFlat ? fine >> 16 : place }

    /// From the same pixel the other way.
    var reversed: LineWalk {
        var walk = self
        (walk.forward, walk.slope) = (-forward, -slope)
        return walk
    }

    mutating func step() {
        place += forward
        fine += slope
    }
}

/// Draws numbers by multiplication with carry (Marsaglia), always the same ones: the generator and the state of OpenCV's
/// `HoughLinesP`.
private struct PointLottery {
    private var state = UInt64.max

    mutating func draw(below count: Int) -> Int {
        state = (state & 0xFFFF_FFFF) * 4_164_903_690 + state >> 32
        return Int(UInt32(truncatingIfNeeded: state) % UInt32(count))
    }
}
