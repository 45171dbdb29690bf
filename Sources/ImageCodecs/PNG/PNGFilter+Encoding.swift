extension PNGFilter {
    /// Bytes whose magnitudes are summed at a time: they stay in the first-level cache, and `sumOfBytes` can take them.
    static let blockByteCount = 2032

    /// Filters a row by the filter that makes the smallest sum of absolute differences (bytes taken as signed), the first
    /// of them when several do: the heuristic of the PNG standard (section 12.7).
    ///
    /// - Parameters:
    ///   - row: the row's bytes as they are stored in the file.
    ///   - above: the bytes of the row before; `nil` to use only filters that do not look at it.
    ///   - count: bytes in the row, at least `distance`.
    ///   - distance: from a byte to that of the pixel to its left.
    ///   - favourite: the filter to try first. It does not change the choice, only how soon the others are given up.
    ///   - scratch: room for `blockByteCount`, aligned to 8.
    ///   - output: room for `count + 1` bytes: the filter's number and the filtered row.
    /// - Returns: the filter chosen.
    static func filter(
        _ row: UnsafePointer<UInt8>, above: UnsafePointer<UInt8>?, count: Int, distance: Int, favourite: PNGFilter,
        scratch: UnsafeMutablePointer<UInt8>, to output: UnsafeMutablePointer<UInt8>
    ) -> PNGFilter {
        var best = above == nil ? PNGFilter.none : favourite
        var bestCost = best.cost(
            row, above: above ?? row, count: count, distance: distance, limit: .max, scratch: scratch)
        for filter in above == nil ? [.sub] : PNGFilter.allCases where filter != best {
            let cost = filter.cost(
                row, above: above ?? row, count: count, distance: distance, limit: bestCost, scratch: scratch)
            if cost < bestCost || cost == bestCost && filter.rawValue < best.rawValue {
                bestCost = cost
                best = filter
            }
        }
        output[0] = best.rawValue
        best.apply(row, above: above ?? row, count: count, distance: distance, to: output + 1)
        return best
    }

    /// The sum of the magnitudes of the filtered bytes; or, as soon as it is above `limit`, any value above `limit`.
    ///
    /// Magnitudes are written as bytes and then summed: in one loop the sum's wider type would set the vectors' width.
    private func cost(
        _ row: UnsafePointer<UInt8>, above: UnsafePointer<UInt8>, count: Int, distance: Int, limit: Int,
        scratch: UnsafeMutablePointer<UInt8>
    ) -> Int {
        var total = 0
        for x in 0..<distance { total += Int(magnitude(row[x] &- prediction(0, above[x], 0))) }
        var start = distance
        while start < count && total <= limit {
            let blockCount = min(count - start, PNGFilter.blockByteCount)
            let (x, b, a, c) = (row + start, above + start, row + start - distance, above + start - distance)
            // One loop a filter: a switch inside would keep it from being vectorised.
            switch self {
            case .none: for i in 0..<blockCount { scratch[i] = magnitude(x[i]) }
            case .sub: for i in 0..<blockCount { scratch[i] = magnitude(x[i] &- a[i]) }
            case .up: for i in 0..<blockCount { scratch[i] = magnitude(x[i] &- b[i]) }
            case .average:
                for i in 0..<blockCount { scratch[i] = magnitude(x[i] &- averagePrediction(a[i], b[i])) }
            case .paeth:
                for i in 0..<blockCount { scratch[i] = magnitude(x[i] &- paethPrediction(a[i], b[i], c[i])) }
            }
            total += sumOfBytes(scratch, count: blockCount)
            start += blockCount
        }
        return total
    }

    private func apply(
        _ row: UnsafePointer<UInt8>, above: UnsafePointer<UInt8>, count: Int, distance: Int,
        to output: UnsafeMutablePointer<UInt8>
    ) {
        for x in 0..<distance { output[x] = row[x] &- prediction(0, above[x], 0) }
        switch self {
        case .none: for x in distance..<count { output[x] = row[x] }
        case .sub: for x in distance..<count { output[x] = row[x] &- row[x - distance] }
        case .up: for x in distance..<count { output[x] = row[x] &- above[x] }
        case .average:
            for x in distance..<count { output[x] = row[x] &- averagePrediction(row[x - distance], above[x]) }
        case .paeth:
            for x in distance..<count {
                output[x] = row[x] &- paethPrediction(row[x - distance], above[x], above[x - distance])
            }
        }
    }

    @inline(__always)
    private func prediction(_ a: UInt8, _ b: UInt8, _ c: UInt8) -> UInt8 {
        switch self {
        case .none: 0
        case .sub: a
        case .up: b
        case .average: averagePrediction(a, b)
        case .paeth: paethPrediction(a, b, c)
        }
    }
}

/// The distance from 0 of a byte taken as signed: 0 to 128.
@inline(__always)
private func magnitude(_ residual: UInt8) -> UInt8 { min(residual, 0 &- residual) }

/// The sum of up to `PNGFilter.blockByteCount` bytes of at most 128, eight at a time in four lanes of 16 bits: 254 words
/// add at most 256 each to a lane.
///
/// - Parameter bytes: aligned to 8, with room up to a multiple of 8, which is overwritten.
private func sumOfBytes(_ bytes: UnsafeMutablePointer<UInt8>, count: Int) -> Int {
    let wordCount = (count + 7) / 8
    for x in count..<8 * wordCount { bytes[x] = 0 }
    let words = UnsafeRawPointer(bytes).assumingMemoryBound(to: UInt64.self)
    let evenBytes: UInt64 = 0x00ff_00ff_00ff_00ff
    var lanes: UInt64 = 0
    for x in 0..<wordCount { lanes &+= (words[x] & evenBytes) &+ (words[x] >> 8 & evenBytes) }
    return Int(lanes & 0xffff) + Int(lanes >> 16 & 0xffff) + Int(lanes >> 32 & 0xffff) + Int(lanes >> 48)
}
