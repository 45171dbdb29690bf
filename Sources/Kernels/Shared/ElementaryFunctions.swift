// Elementary functions in plain double arithmetic: the same bits on every machine, whatever its C library.

private let ln2High = 6.93147180369123816490e-01  // the leading 33 bits of ln 2, so that k * ln2High is exact
private let ln2Low = 1.90821492927058770002e-10

/// e to the power `x`, within about one unit in the last place; 0 below -700 and infinity above 700.
func exponential(_ x: Double) -> Double {
    if x < -700 { return 0 }
    if x > 700 { return .infinity }
    let k = (x / 0.6931471805599453).rounded()
    let r = (x - k * ln2High) - k * ln2Low
    // Taylor's series for |r| <= 0.35, by Horner.
    var sum = 1.0
    for n in stride(from: 16.0, through: 1, by: -1) { sum = 1 + sum * r / n }
    return Double(sign: .plus, exponent: Int(k), significand: sum)
}

/// The natural logarithm of `x > 0`.
func logarithm(_ x: Double) -> Double {
    var mantissa = x.significand
    var exponent = Double(x.exponent)
    if mantissa > 1.4142135623730951 {
        mantissa /= 2
        exponent += 1
    }
    // ln m = 2 artanh((m - 1) / (m + 1)), with |s| <= 0.172.
    let s = (mantissa - 1) / (mantissa + 1)
    let square = s * s
    var sum = 0.0
    for n in stride(from: 25.0, through: 1, by: -2) { sum = sum * square + 1 / n }
    return (exponent * ln2Low + 2 * s * sum) + exponent * ln2High
}

/// `base` to the power `exponent`, for `base >= 0` and `exponent > 0`.
func power(_ base: Double, _ exponent: Double) -> Double {
    base == 0 ? 0 : exponential(exponent * logarithm(base))
}

/// The cube root of `x >= 0`, within about one unit in the last place.
func cubeRoot(_ x: Double) -> Double {
    if x == 0 { return 0 }
    // A third of the exponent and a straight line for the mantissa: within 5 %; each of Halley's steps triples the digits.
    var root = Double(bitPattern: x.bitPattern / 3 + 0x2A9F_7893_782D_A1CE)
    for _ in 0..<3 {
        let cube = root * root * root
        root *= (cube + 2 * x) / (2 * cube + x)
    }
    return root
}
