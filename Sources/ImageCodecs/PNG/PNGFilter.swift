/// The five ways in which PNG predicts a byte from its neighbours before compression (PNG, section 9).
///
///     c b       a: the same byte of the pixel to the left, b: above, c: above to the left; 0 outside the image
///     a x       stored: x - prediction, modulo 256
enum PNGFilter: UInt8, CaseIterable, Sendable {
    case none = 0
    case sub = 1
    case up = 2
    case average = 3
    case paeth = 4
}

/// The prediction of Paeth's filter: whichever of a, b, c is nearest to a + b - c, in this order when they tie.
///
/// In bytes throughout, so that it vectorises 16 wide: |p-a| = |b-c| and |p-b| = |a-c|, and |p-c| is the difference of the
/// two when a and b are on different sides of c, else their sum, which is never the smallest of the three: any large
/// value will do in its place.
@inline(__always)
func paethPrediction(_ a: UInt8, _ b: UInt8, _ c: UInt8) -> UInt8 {
    let toA = max(b, c) &- min(b, c)
    let toB = max(a, c) &- min(a, c)
    let difference = max(toA, toB) &- min(toA, toB)
    let toC = (a < c) != (b < c) ? difference : 255
    let nearer = toB <= toC ? b : c
    return toA <= toB && toA <= toC ? a : nearer
}

@inline(__always)
func averagePrediction(_ a: UInt8, _ b: UInt8) -> UInt8 {
    (a & b) &+ ((a ^ b) >> 1)
}
