/// Rounds values to 8-bit levels, ties to even, saturated: in single precision where that decides it, else in double.
///
/// Twice as many singles as doubles fit a register. They are taken for a block of samples; where one of them comes so close
/// to a tie that its error might decide, the block is computed again in double precision.
///
/// - Parameters:
///   - isExact: single precision makes no error at all, not even at a tie.
///   - single: the value of a sample, between -2^22 and 2^22, and off by less than 0.0001 where it is near the range of levels.
///   - precise: the same in double precision.
@inline(__always)
func roundInBlocks<Sample: FixedWidthInteger & UnsignedInteger>(
    into target: UnsafeMutablePointer<Sample>, _ count: Int, isExact: Bool, single: (Int) -> Float,
    precise: (Int) -> Double
) {
    if isExact {
        for i in 0..<count { target[i] = Sample(truncatingIfNeeded: roundedLevel(single(i), upTo: 255)) }
        return
    }
    var start = 0
    while start < count {
        let end = min(start + 64, count)
        // How far a value is from its integer at most, as the bits of a number that is not negative: in their order.
        var farthest: Int32 = 0
        for i in start..<end {
            let value = single(i)
            let shifted = value + 0x1.8p23
            target[i] = Sample(truncatingIfNeeded: roundedLevel(value, upTo: 255))
            let distance = (value - (shifted - 0x1.8p23)).magnitude
            farthest = max(farthest, Int32(truncatingIfNeeded: distance.bitPattern))
        }
        if Float(bitPattern: UInt32(farthest)) > 0.4999 {
            for i in start..<end { target[i] = Sample(truncatingIfNeeded: rounded(precise(i), upTo: 255)) }
        }
        start = end
    }
}

/// `value`, which is between -2^22 and 2^22, rounded to the nearest integer, ties to even, and saturated to 0 and `largest`.
///
/// Adding 1.5 * 2^23 leaves no bits for a fraction, so that the addition rounds; the integer is what the mantissa then has
/// above that number's own. Saturated afterwards, which processors do as they narrow integers.
@inline(__always)
func roundedLevel(_ value: Float, upTo largest: Int32) -> Int32 {
    let level = Int32(truncatingIfNeeded: (value + 0x1.8p23).bitPattern) &- 0x4B40_0000
    return min(max(level, 0), largest)
}

/// The double-precision form; `value` is between -2^31 and 2^31.
@inline(__always)
func roundedLevel(_ value: Double, upTo largest: Int32) -> Int32 {
    let level = Int32(truncatingIfNeeded: (value + 0x1.8p52).bitPattern)
    return min(max(level, 0), largest)
}
