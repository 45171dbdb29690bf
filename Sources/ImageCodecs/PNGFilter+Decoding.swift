extension PNGFilter {
    /// Undoes the filter of a row.
    ///
    /// - Parameters:
    ///   - filtered: the row as it was stored, without the filter's number.
    ///   - above: the row before, as this returned it; zeros for the first row.
    ///   - count: bytes in the row, a multiple of `distance`.
    ///   - distance: from a byte to that of the pixel to its left: 1, 2, 3, 4, 6 or 8.
    ///   - row: room for `count` bytes.
    func undo(
        _ filtered: UnsafePointer<UInt8>, above: UnsafePointer<UInt8>, count: Int, distance: Int,
        to row: UnsafeMutablePointer<UInt8>
    ) {
        switch self {
        case .none: row.update(from: filtered, count: count)
        case .up: for x in 0..<count { row[x] = filtered[x] &+ above[x] }
        case .sub, .average, .paeth:
            // A byte depends on the one `distance` before: a constant distance lets those of one pixel go side by side.
            switch distance {
            case 1: undo(filtered, above: above, count: count, constantDistance: 1, to: row)
            case 2: undo(filtered, above: above, count: count, constantDistance: 2, to: row)
            case 3: undo(filtered, above: above, count: count, constantDistance: 3, to: row)
            case 4: undo(filtered, above: above, count: count, constantDistance: 4, to: row)
            case 6: undo(filtered, above: above, count: count, constantDistance: 6, to: row)
            case 8: undo(filtered, above: above, count: count, constantDistance: 8, to: row)
            default: preconditionFailure("a pixel of \(distance) bytes")
            }
        }
    }

    @inline(__always)
    private func undo(
        _ filtered: UnsafePointer<UInt8>, above: UnsafePointer<UInt8>, count: Int, constantDistance distance: Int,
        to row: UnsafeMutablePointer<UInt8>
    ) {
        switch self {
        case .none, .up: break
        case .sub:
            for x in 0..<distance { row[x] = filtered[x] }
            for x in distance..<count { row[x] = filtered[x] &+ row[x - distance] }
        case .average:
            for x in 0..<distance { row[x] = filtered[x] &+ above[x] >> 1 }
            for x in distance..<count { row[x] = filtered[x] &+ averagePrediction(row[x - distance], above[x]) }
        case .paeth:
            for x in 0..<distance { row[x] = filtered[x] &+ above[x] }
            for x in distance..<count {
                row[x] = filtered[x] &+ paethPrediction(row[x - distance], above[x], above[x - distance])
            }
        }
    }
}
