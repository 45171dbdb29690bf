import Pipelines

extension HueTurn: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel {
        let isExact = step.input.format.depth == .eight && degrees * 64 == (degrees * 64).rounded()
        return ColorKernel(
            step.input, isExact ? SingleWheelMap(degrees: Float(degrees)) : DoubleWheelMap(degrees: degrees))
    }
}

/// For whole degrees and their 64th parts at 8 bits: what is divided by 60 is exact, and so are ties.
private struct SingleWheelMap: ColorMap {
    let degrees: Float

    @inline(__always)
    func callAsFunction(
        _ red: Int32, _ green: Int32, _ blue: Int32, upTo largest: Int32
    ) -> (red: Int32, green: Int32, blue: Int32) {
        let lack = turned(red, green, blue, by: degrees)
        return (
            roundedLevel(lack.value - lack.red / 60, upTo: largest),
            roundedLevel(lack.value - lack.green / 60, upTo: largest),
            roundedLevel(lack.value - lack.blue / 60, upTo: largest)
        )
    }
}

private struct DoubleWheelMap: ColorMap {
    let degrees: Double

    @inline(__always)
    func callAsFunction(
        _ red: Int32, _ green: Int32, _ blue: Int32, upTo largest: Int32
    ) -> (red: Int32, green: Int32, blue: Int32) {
        let lack = turned(red, green, blue, by: degrees)
        return (
            roundedLevel(lack.value - lack.red / 60, upTo: largest),
            roundedLevel(lack.value - lack.green / 60, upTo: largest),
            roundedLevel(lack.value - lack.blue / 60, upTo: largest)
        )
    }
}

/// The value of a pixel, and 60 times what each colour lacks of it once the wheel is turned.
///
/// Hues are degrees times the chroma: sums and differences alone, without rounding.
///
/// - Parameter degrees: more than 0 and less than 360.
@inline(__always)
private func turned<Number: BinaryFloatingPoint>(
    _ red: Int32, _ green: Int32, _ blue: Int32, by degrees: Number
) -> (value: Number, red: Number, green: Number, blue: Number) {
    let value = max(red, green, blue)
    let chroma = value &- min(red, green, blue)
    let (sixth, wheel) = (Number(60 &* chroma), Number(360 &* chroma))
    let base =
        value == red
        ? 60 &* (green &- blue)
        : value == green ? 60 &* (2 &* chroma &+ blue &- red) : 60 &* (4 &* chroma &+ red &- green)
    var hue = Number(base) + degrees * Number(chroma)
    hue = hue < 0 ? hue + wheel : hue
    hue = hue >= wheel ? hue - wheel : hue
    /// It rises, stays and falls again in the four sixths of the wheel that begin `6 - offset` sixths after red.
    func lack(_ offset: Number) -> Number {
        let position = hue + offset * sixth
        let folded = position >= wheel ? position - wheel : position
        let fall = 4 * sixth - folded
        let least = folded < fall ? folded : fall
        let limited = least < sixth ? least : sixth
        return limited > 0 ? limited : 0
    }
    return (Number(value), lack(5), lack(3), lack(1))
}
