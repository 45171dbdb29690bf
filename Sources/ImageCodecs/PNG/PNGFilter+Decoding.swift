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
            switch distance {
            case 1: undo(filtered, above: above, count: count, InlineArray<1, Int32>(repeating: 0), to: row)
            case 2: undo(filtered, above: above, count: count, InlineArray<2, Int32>(repeating: 0), to: row)
            case 3: undo(filtered, above: above, count: count, InlineArray<3, Int32>(repeating: 0), to: row)
            case 4: undo(filtered, above: above, count: count, InlineArray<4, Int32>(repeating: 0), to: row)
            case 6: undo(filtered, above: above, count: count, InlineArray<6, Int32>(repeating: 0), to: row)
            case 8: undo(filtered, above: above, count: count, InlineArray<8, Int32>(repeating: 0), to: row)
            default: preconditionFailure("a pixel of \(distance) bytes")
            }
        }
    }

    /// Undoes a filter that looks to the left, where each byte has to wait for the one `distance` before.
    ///
    /// The bytes of one pixel do not wait for each other: with a constant distance they are computed side by side, and
    /// those that the next pixel needs stay in registers.
    ///
    /// - Parameter zeros: the pixel before the first.
    @inline(__always)
    private func undo<let distance: Int>(
        _ filtered: UnsafePointer<UInt8>, above: UnsafePointer<UInt8>, count: Int,
        _ zeros: InlineArray<distance, Int32>,
        to row: UnsafeMutablePointer<UInt8>
    ) {
        var left = zeros
        var aboveLeft = zeros
        switch self {
        case .none, .up: break
        case .sub:
            for x in stride(from: 0, to: count, by: distance) {
                for k in 0..<distance {
                    left[k] = (left[k] &+ Int32(filtered[x + k])) & 0xff
                    row[x + k] = UInt8(truncatingIfNeeded: left[k])
                }
            }
        case .average:
            for x in stride(from: 0, to: count, by: distance) {
                for k in 0..<distance {
                    left[k] = (Int32(filtered[x + k]) &+ (left[k] &+ Int32(above[x + k])) >> 1) & 0xff
                    row[x + k] = UInt8(truncatingIfNeeded: left[k])
                }
            }
        case .paeth:
            for x in stride(from: 0, to: count, by: distance) {
                for k in 0..<distance {
                    let (a, b, c) = (left[k], Int32(above[x + k]), aboveLeft[k])
                    let toA = magnitude(b &- c)
                    let toB = magnitude(a &- c)
                    let toC = magnitude(a &+ b &- c &- c)
                    // Selections only: which one it is cannot be predicted.
                    let nearer = toB <= toC ? b : c
                    let prediction = toA <= min(toB, toC) ? a : nearer
                    left[k] = (Int32(filtered[x + k]) &+ prediction) & 0xff
                    aboveLeft[k] = b
                    row[x + k] = UInt8(truncatingIfNeeded: left[k])
                }
            }
        }
    }
}

@inline(__always)
private func magnitude(_ value: Int32) -> Int32 { value < 0 ? 0 &- value : value }
