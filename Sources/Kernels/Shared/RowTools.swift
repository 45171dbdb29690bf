import Pipelines

extension RowBorder {
    /// The index within `0..<count` that stands for `index`, which may be outside.
    func index(_ index: Int, count: Int) -> Int {
        switch self {
        case .reflect101: mirrored(index, count: count)
        case .replicate: min(max(index, 0), count - 1)
        }
    }
}

/// `reflect101` by another name, for where a case of that name is in the way.
func mirrored(_ index: Int, count: Int) -> Int { reflect101(index, count: count) }

/// Copies a row with `radius` pixels of border on both sides.
///
/// - Parameter target: room for `(width + 2 * radius) * channels` samples.
@_specialize(where Sample == UInt8)
@_specialize(where Sample == UInt16)
@_specialize(where Sample == UInt32)
func copyPadded<Sample: FixedWidthInteger & UnsignedInteger>(
    _ row: UnsafePointer<Sample>, width: Int, channels: Int, radius: Int, border: RowBorder,
    to target: UnsafeMutablePointer<Sample>
) {
    let first = target + radius * channels
    first.update(from: row, count: width * channels)
    fillPadding(around: first, width: width, channels: channels, radius: radius, border: border)
}

/// Fills `radius` pixels of border on both sides of a row.
///
/// - Parameter first: the row's first sample; there is room on both sides.
@_specialize(where Sample == UInt8)
@_specialize(where Sample == UInt16)
@_specialize(where Sample == UInt32)
func fillPadding<Sample: FixedWidthInteger & UnsignedInteger>(
    around first: UnsafeMutablePointer<Sample>, width: Int, channels: Int, radius: Int, border: RowBorder
) {
    func fill(_ x: Int) {
        let source = border.index(x, count: width)
        for channel in 0..<channels { first[x * channels + channel] = first[source * channels + channel] }
    }
    for x in -radius..<0 { fill(x) }
    for x in width..<width + radius { fill(x) }
}

/// Divides a loop of `count` independent turns into one of whole vectors and one of the last vector, which repeats some of
/// the turns: by itself, what is left of a vector when a loop ends would be a turn for each sample.
///
/// - Parameter body: loops; gives the same result when it is run again.
@inline(__always)
func inWholeVectors(_ count: Int, _ body: (_ start: Int, _ count: Int) -> Void) {
    let samplesPerVector = 32
    let whole = count / samplesPerVector * samplesPerVector
    if whole > 0 { body(0, whole) }
    if whole < count {
        let start = max(0, count - samplesPerVector)
        body(start, count - start)
    }
}

/// Takes the alpha samples of `row` over into `target`, for layouts that have one: the last of `channels`.
@_specialize(where Sample == UInt8)
@_specialize(where Sample == UInt16)
func copyAlpha<Sample: FixedWidthInteger & UnsignedInteger>(
    from row: UnsafePointer<Sample>, to target: UnsafeMutablePointer<Sample>, width: Int, channels: Int
) {
    var index = channels - 1
    for _ in 0..<width {
        target[index] = row[index]
        index += channels
    }
}

/// Computes four values, then stores them: where neither `value` nor `store` has a branch, as one vector.
@inline(__always)
func storeFour<Value>(_ value: (Int) -> Value, _ store: (Int, Value) -> Void) {
    let (first, second, third, fourth) = (value(0), value(1), value(2), value(3))
    store(0, first)
    store(1, second)
    store(2, third)
    store(3, fourth)
}

/// `value` rounded to the nearest integer, ties to even, and saturated to 0 and `largest`, a positive integer below 2^31.
///
/// Adding and taking away 1.5 * 2^52 leaves no bits for a fraction, so that the addition rounds. For inner loops, where the
/// standard library's rounding is a call unless the CPU is known to have an instruction for it.
@inline(__always)
func rounded(_ value: Double, upTo largest: Double) -> Int32 {
    let positive = value > 0 ? value : 0
    let level = positive < largest ? positive : largest
    return Int32((level + 0x1.8p52) - 0x1.8p52)
}

/// The single-precision form: for `largest` below 2^22.
@inline(__always)
func rounded(_ value: Float, upTo largest: Float) -> Int32 {
    let positive = value > 0 ? value : 0
    let level = positive < largest ? positive : largest
    return Int32((level + 0x1.8p23) - 0x1.8p23)
}

/// sqrt(x^2 + y^2), rounded, in a precision in which it comes out right wherever it does not saturate: the root of an
/// integer is at least 1 / (4 * 255) from a half at 8 bits, and 1 / (4 * 65535) at 16.
@_specialize(where Sample == UInt8, Value == Int16)
@_specialize(where Sample == UInt8, Value == Int32)
@_specialize(where Sample == UInt16, Value == Int32)
func measureLength<Sample: FixedWidthInteger & UnsignedInteger, Value: FixedWidthInteger & SignedInteger>(
    _ x: UnsafePointer<Value>, _ y: UnsafePointer<Value>, into target: UnsafeMutablePointer<Sample>, _ count: Int
) {
    if Sample.bitWidth == 8 {
        for i in 0..<count {
            let (dx, dy) = (Float(Int32(truncatingIfNeeded: x[i])), Float(Int32(truncatingIfNeeded: y[i])))
            let length = (dx * dx + dy * dy).squareRoot()
            target[i] = Sample(truncatingIfNeeded: Int32((length < 255 ? length : 255) + 0.5))
        }
    } else {
        for i in 0..<count {
            let (dx, dy) = (Double(Int32(truncatingIfNeeded: x[i])), Double(Int32(truncatingIfNeeded: y[i])))
            let length = (dx * dx + dy * dy).squareRoot()
            target[i] = Sample(truncatingIfNeeded: Int32((length < 65535 ? length : 65535) + 0.5))
        }
    }
}
