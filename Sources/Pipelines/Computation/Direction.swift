/// Cosine and sine of an angle, within about one unit in the last place; multiples of 90 degrees come out exactly.
///
/// In plain double arithmetic: the same bits on every machine, whatever its C library.
package func direction(degrees: Double) -> (cosine: Double, sine: Double) {
    let quarters = (degrees / 90).rounded()
    // At most half a quarter: the series below converge fast.
    let rest = (degrees - quarters * 90) * (Double.pi / 180)
    let square = rest * rest
    var (cosine, sine) = (1.0, 1.0)
    for n in stride(from: 20.0, through: 2, by: -2) {
        cosine = 1 - cosine * square / (n * (n - 1))
        sine = 1 - sine * square / (n * (n + 1))
    }
    sine *= rest
    switch Int(quarters) & 3 {
    case 0: return (cosine, sine)
    case 1: return (-sine, cosine)
    case 2: return (-cosine, -sine)
    default: return (sine, -cosine)
    }
}
