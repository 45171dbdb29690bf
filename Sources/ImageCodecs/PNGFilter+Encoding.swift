extension PNGFilter {
    /// Bytes summed before the sums are carried over: the rows' part that is in use stays in the first-level cache.
    private static let blockByteCount = 4096

    /// Filters a row by the filter that makes the smallest sum of absolute differences (bytes taken as signed), the first
    /// of them when several do: the heuristic of the PNG standard (section 12.7).
    ///
    /// - Parameters:
    ///   - row: the row's bytes as they are stored in the file.
    ///   - above: the bytes of the row before; `nil` to use only filters that do not look at it.
    ///   - count: bytes in the row, at least `distance`.
    ///   - distance: from a byte to that of the pixel to its left.
    ///   - output: room for `count + 1` bytes: the filter's number and the filtered row.
    static func filter(
        _ row: UnsafePointer<UInt8>, above: UnsafePointer<UInt8>?, count: Int, distance: Int,
        to output: UnsafeMutablePointer<UInt8>
    ) {
        var best = PNGFilter.none
        var bestCost = Int.max
        for filter in above == nil ? [.none, .sub] : PNGFilter.allCases {
            let cost = filter.cost(row, above: above ?? row, count: count, distance: distance)
            if cost < bestCost {
                bestCost = cost
                best = filter
            }
        }
        output[0] = best.rawValue
        best.apply(row, above: above ?? row, count: count, distance: distance, to: output + 1)
    }

    private func cost(_ row: UnsafePointer<UInt8>, above: UnsafePointer<UInt8>, count: Int, distance: Int) -> Int {
        var total = 0
        for x in 0..<distance { total += Int(magnitude(row[x] &- prediction(0, above[x], 0))) }
        var start = distance
        while start < count {
            let end = min(count, start + PNGFilter.blockByteCount)
            var sum: UInt32 = 0
            // One loop a filter: a switch inside would keep it from being vectorised.
            switch self {
            case .none: for x in start..<end { sum &+= UInt32(magnitude(row[x])) }
            case .sub: for x in start..<end { sum &+= UInt32(magnitude(row[x] &- row[x - distance])) }
            case .up: for x in start..<end { sum &+= UInt32(magnitude(row[x] &- above[x])) }
            case .average:
                for x in start..<end {
                    sum &+= UInt32(magnitude(row[x] &- averagePrediction(row[x - distance], above[x])))
                }
            case .paeth:
                for x in start..<end {
                    sum &+= UInt32(
                        magnitude(row[x] &- paethPrediction(row[x - distance], above[x], above[x - distance])))
                }
            }
            total += Int(sum)
            start = end
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
