/// `a * b + c` in single precision, rounded once: the same bits on every processor.
@inline(__always)
func fused(_ a: Float, _ b: Float, _ c: Float) -> Float {
    #if TESSERA_X86_64_V3 || arch(arm64)
        return c.addingProduct(a, b)
    #else
        return fusedByDoubles(a, b, c)
    #endif
}

/// `fused` for processors that may lack the instruction, where the standard library's is a call.
///
/// The product is exact in double precision. The sum is rounded to odd (Boldo and Melquiond, "Emulation of FMA and correctly
/// rounded sums", 2008): its last bit tells that something was left over, so that the second rounding is as if it were the
/// first.
@inline(__always)
func fusedByDoubles(_ a: Float, _ b: Float, _ c: Float) -> Float {
    let product = Double(a) * Double(b)
    let addend = Double(c)
    let sum = product + addend
    // What the addition left over, exactly (Knuth's two-sum).
    let part = sum - product
    let rest = (product - (sum - part)) + (addend - part)
    let bits = sum.bitPattern
    let isInexact: UInt64 = rest != 0 ? 1 : 0
    // Towards the rest, if the last bit is even: away from zero where both have one sign.
    let isAway = (rest > 0) == (sum > 0)
    let step: UInt64 = isAway ? 1 : 0 &- 1
    let odd = bits &+ (isInexact & ~bits & 1) &* step
    return Float(Double(bitPattern: odd))
}
