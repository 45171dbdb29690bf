import ByteCoding
import Pipelines

/// The borders in a part of an image: those that are closed, and the pieces of those that continue in other parts.
///
///     u8 over the limit? | u32 open paths, each | u32 closed paths, each
///     path: u32 x | u32 y | u8 side | u32 turns | a byte a turn
///
/// Paths are in the order of their first places, and closed ones begin at their first place: equal parts have equal bytes.
/// Over the limit, nothing follows the first byte.
struct BorderPaths {
    private(set) var open: [BorderPath] = []
    private(set) var closed: [BorderPath] = []
    private(set) var isOverLimit = false

    /// Follows the borders in some rows of `Neighbors`.
    init(following rows: RowsView) {
        var follower = BorderFollower(rows)
        defer { follower.deallocate() }
        let outer = rows.rows.count > 1 ? [rows.rows.lowerBound, rows.rows.upperBound - 1] : [rows.rows.lowerBound]
        for y in outer {
            for place in follower.freePlaces(y) where !rows.rows.contains(follower.predecessor(of: place).y) {
                open.append(follower.follow(place))
            }
        }
        for y in rows.rows {
            for place in follower.freePlaces(y) where follower.isFree(place) { closed.append(follower.follow(place)) }
            // The rest would not be used.
            if follower.stepCount > Contours.maximumStepCount { break }
        }
        normalise()
    }

    /// Joins the paths of neighbouring parts.
    init(joining summaries: [[UInt8]], shape: ImageShape) throws(PipelineError) {
        var pieces: [BorderPath] = []
        for summary in summaries {
            var reader = PartialReader(summary, name: "a summary of contours")
            switch try reader.read(UInt8.self) {
            case 0:
                pieces += try Self.readPaths(&reader, shape, areClosed: false)
                closed += try Self.readPaths(&reader, shape, areClosed: true)
            case 1: isOverLimit = true
            case let other: throw reader.refused("\(other) is not a truth value")
            }
            try reader.finish()
        }
        if !isOverLimit { try join(pieces) }
        normalise()
    }

    private mutating func join(_ pieces: [BorderPath]) throws(PipelineError) {
        let ends = pieces.map(\.end)
        let byStart = Dictionary(zip(pieces.map(\.start), pieces.indices), uniquingKeysWith: { first, _ in first })
        guard byStart.count == pieces.count, Set(ends).count == pieces.count else {
            throw PipelineError(
                .badPartialResult, "two borders meet in a summary of contours; compute the chunks again")
        }
        var isTaken = [Bool](repeating: false, count: pieces.count)
        /// The piece and all that follow it.
        func chain(from first: Int) -> BorderPath {
            var path = BorderPath(start: pieces[first].start, turns: [])
            var next: Int? = first
            while let index = next, !isTaken[index] {
                isTaken[index] = true
                path.turns += pieces[index].turns
                next = byStart[ends[index]]
            }
            return path
        }
        let reached = Set(ends)
        for index in pieces.indices where !reached.contains(pieces[index].start) { open.append(chain(from: index)) }
        for index in pieces.indices where !isTaken[index] { closed.append(chain(from: index)) }
    }

    private mutating func normalise() {
        let stepCount = (open + closed).reduce(0) { $0 + $1.turns.count }
        if isOverLimit || stepCount > Contours.maximumStepCount { (open, closed, isOverLimit) = ([], [], true) }
        open.sort { BorderPlace.isBefore($0.start, $1.start) }
        closed = closed.map(\.normal).sorted { BorderPlace.isBefore($0.start, $1.start) }
    }

    var bytes: [UInt8] {
        if isOverLimit { return [1] }
        var writer = BinaryWriter()
        writer.write(UInt8(0))
        for paths in [open, closed] {
            writer.write(UInt32(paths.count))
            for path in paths {
                writer.write(UInt32(path.start.x))
                writer.write(UInt32(path.start.y))
                writer.write(UInt8(path.start.side))
                writer.write(UInt32(path.turns.count))
                writer.append(path.turns)
            }
        }
        return writer.bytes
    }

    private static func readPaths(
        _ reader: inout PartialReader, _ shape: ImageShape, areClosed: Bool
    ) throws(PipelineError) -> [BorderPath] {
        let count = try reader.read(UInt32.self)
        var paths: [BorderPath] = []
        for _ in 0..<count {
            let (x, y) = (Int(try reader.read(UInt32.self)), Int(try reader.read(UInt32.self)))
            let side = Int(try reader.read(UInt8.self))
            let turns = try reader.readBlock(Int(try reader.read(UInt32.self)))
            guard side < 8, side % 2 == 0, !turns.isEmpty else {
                throw reader.refused("a path begins at side \(side) and has \(turns.count) turns")
            }
            let start = BorderPlace(x: x, y: y, side: side)
            var place = start
            for turn in turns {
                guard turn <= 2, (0..<shape.width).contains(place.x), (0..<shape.height).contains(place.y) else {
                    throw reader.refused("a path turns \(turn) at (\(place.x), \(place.y))")
                }
                place.advance(turn)
            }
            guard !areClosed || place == start else { throw reader.refused("a closed path is open") }
            paths.append(BorderPath(start: start, turns: Array(turns)))
        }
        return paths
    }
}

/// Follows borders within some rows, each place once. Owns memory: call `deallocate()`.
private struct BorderFollower {
    private let rows: RowsView
    /// A bit a side and pixel: was followed.
    private let seen: UnsafeMutablePointer<UInt8>
    private(set) var stepCount = 0

    init(_ rows: RowsView) {
        self.rows = rows
        let count = rows.rows.count * rows.shape.width
        seen = .allocate(capacity: count)
        seen.initialize(repeating: 0, count: count)
    }

    func deallocate() { seen.deallocate() }

    private func neighbors(_ place: BorderPlace) -> Neighbors {
        Neighbors(rows.row(place.y, as: UInt16.self)[place.x])
    }

    private func index(_ place: BorderPlace) -> Int {
        (place.y - rows.rows.lowerBound) * rows.shape.width + place.x
    }

    func isFree(_ place: BorderPlace) -> Bool { seen[index(place)] >> UInt8(place.side) & 1 == 0 }

    /// The places of a row that were not followed yet, from the left.
    func freePlaces(_ y: Int) -> [BorderPlace] {
        let row: UnsafePointer<UInt16> = rows.row(y)
        var places: [BorderPlace] = []
        for x in 0..<rows.shape.width {
            let neighbors = Neighbors(row[x])
            guard neighbors.isOnBorder else { continue }
            for side in [0, 2, 4, 6] where !neighbors[side] {
                let place = BorderPlace(x: x, y: y, side: side)
                if isFree(place) { places.append(place) }
            }
        }
        return places
    }

    func predecessor(of place: BorderPlace) -> BorderPlace { place.predecessor(neighbors(place)) }

    /// Follows the border from a place until it leaves the rows or is closed.
    mutating func follow(_ start: BorderPlace) -> BorderPath {
        var path = BorderPath(start: start, turns: [])
        var place = start
        repeat {
            seen[index(place)] |= 1 << UInt8(place.side)
            let turn = place.turn(neighbors(place))
            path.turns.append(turn)
            place.advance(turn)
        } while rows.rows.contains(place.y) && place != start
        stepCount += path.turns.count
        return path
    }
}
