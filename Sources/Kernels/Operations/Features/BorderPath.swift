/// A place on a border: the side of a foreground pixel towards a neighbour that is not.
///
/// A border is followed from side to side, the foreground always on the same hand. From side `d` of pixel `p` (the numbers
/// are those of `Neighbors.places`, the sides the even ones), looking at the two pixels ahead:
///
///     q | a       a is foreground:  on to the side d - 2 of a     (turn 0)
///     --+--       else b is:        on to the side d of b         (turn 1)
///     p | b       else:             around p, to its side d + 2   (turn 2)
///
/// Each place has one successor and one predecessor, so that all places are on closed borders. Both are found in the pixel's
/// eight neighbours alone: this is what lets parts of an image be followed by themselves.
struct BorderPlace: Hashable {
    var x: Int
    var y: Int
    /// 0, 2, 4 or 6.
    var side: Int

    /// The turn to the next place, for a pixel with these neighbours.
    @inline(__always)
    func turn(_ neighbors: Neighbors) -> UInt8 { neighbors[side + 1] ? 0 : neighbors[side + 2] ? 1 : 2 }

    @inline(__always)
    mutating func advance(_ turn: UInt8) {
        switch turn {
        case 0: move(to: side + 1, side: side + 6)
        case 1: move(to: side + 2, side: side)
        default: side = (side + 2) & 7
        }
    }

    /// The place whose successor is this one.
    func predecessor(_ neighbors: Neighbors) -> BorderPlace {
        var place = self
        if neighbors[side + 7] {
            place.move(to: side + 7, side: side + 2)
        } else if neighbors[side + 6] {
            place.move(to: side + 6, side: side)
        } else {
            place.side = (side + 6) & 7
        }
        return place
    }

    private mutating func move(to neighbor: Int, side: Int) {
        let (dx, dy) = Neighbors.places[neighbor & 7]
        x += dx
        y += dy
        self.side = side & 7
    }

    /// By row, column, side.
    static func isBefore(_ left: BorderPlace, _ right: BorderPlace) -> Bool {
        (left.y, left.x, left.side) < (right.y, right.x, right.side)
    }
}

/// Places of a border one after the other: the first, and the turn after each.
struct BorderPath {
    var start: BorderPlace
    var turns: [UInt8]

    /// The place after the last turn; for a closed path, the first one.
    var end: BorderPlace { turns.reduce(into: start) { $0.advance($1) } }

    private var places: [BorderPlace] {
        var place = start
        return turns.map { turn in
            defer { place.advance(turn) }
            return place
        }
    }

    /// A closed path from another of its places on.
    func rotated(to index: Int, _ place: BorderPlace) -> BorderPath {
        BorderPath(start: place, turns: Array(turns[index...] + turns[..<index]))
    }

    /// A closed path from its first place on, by row, column, side: the same however it was put together.
    var normal: BorderPath {
        let places = places
        guard let index = places.indices.min(by: { BorderPlace.isBefore(places[$0], places[$1]) }) else { return self }
        return rotated(to: index, places[index])
    }

    /// A border as a list of pixels.
    struct Contour {
        let isHole: Bool
        let points: [(x: Int, y: Int)]

        var first: (x: Int, y: Int) { points[0] }
    }

    /// The pixels of a closed path, beginning where a scan of the image, row by row, comes upon the border.
    func contour(width: Int) -> Contour {
        // Around the outside, one turns once more to one hand than to the other, around a hole the other way.
        let isHole = turns.count { $0 == 2 } < turns.count { $0 == 0 }
        let places = places
        // A scan comes upon a hole at its first pixel, which is east of the border's.
        let start = places.indices.filter { places[$0].side == (isHole ? 0 : 4) }
            .min { BorderPlace.isBefore(places[$0], places[$1]) }
        // Paths go clockwise around the outside; contours, as OpenCV's, the other way.
        let order =
            [places[start ?? 0]] + places[..<(start ?? 0)].reversed() + places[(start ?? 0)...].dropFirst().reversed()
        var points: [(x: Int, y: Int)] = []
        for place in order where points.last.map({ $0 != (place.x, place.y) }) ?? true {
            points.append((place.x, place.y))
        }
        if points.count > 1, let last = points.last, last == points[0] { points.removeLast() }
        return Contour(isHole: isHole, points: points)
    }
}
