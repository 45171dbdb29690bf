/// How samples are weighed along a row, and the rows then down a column: the difference between depths and methods.
///
/// Types, so that each gets loops of its own with constant bounds.
protocol Interpolation: Sendable {
    associatedtype Sample: FixedWidthInteger & UnsignedInteger
    associatedtype Weight
    /// What a row of weighed samples consists of.
    associatedtype Sum

    /// The weights as they are multiplied.
    static func weights(_ exact: UnsafeBufferPointer<Float>) -> [Weight]

    /// Weighs the neighbours in `row` of each sample of `target`, which has room for one sample more than the row's.
    static func weighRow(
        _ row: UnsafePointer<Sample>, _ taps: RowTaps<Weight>, channels: Int, into target: UnsafeMutablePointer<Sum>)

    /// Weighs rows, rounds and saturates.
    static func weighColumns(
        _ rows: UnsafePointer<UnsafePointer<Sum>>, _ weights: [Weight], into target: UnsafeMutablePointer<Sample>,
        count: Int)
}

/// 11 bits of fraction in the weights of 8-bit samples, as OpenCV's `INTER_RESIZE_COEF_BITS`.
private func fixedPoint(_ exact: UnsafeBufferPointer<Float>) -> [Int32] {
    exact.map { Int32(($0 * 2048).rounded(.toNearestOrEven)) }
}

@inline(__always)
private func weighBytes(
    _ row: UnsafePointer<UInt8>, _ taps: RowTaps<Int32>, tapCount: Int, channels: Int, store: (Int, Int32) -> Void
) {
    taps.weigh(row, tapCount: tapCount, channels: channels, product: { $0 &* $1 }, sum: { $0 &+ $1 }, store: store)
}

/// Two neighbours of 8 bits. The rows between keep 7 bits of fraction, and each product down the column is cut to 2.
enum LinearBytes: Interpolation {
    static func weights(_ exact: UnsafeBufferPointer<Float>) -> [Int32] { fixedPoint(exact) }

    static func weighRow(
        _ row: UnsafePointer<UInt8>, _ taps: RowTaps<Int32>, channels: Int, into target: UnsafeMutablePointer<Int16>
    ) {
        weighBytes(row, taps, tapCount: 2, channels: channels) { target[$0] = Int16(truncatingIfNeeded: $1 &>> 4) }
    }

    static func weighColumns(
        _ rows: UnsafePointer<UnsafePointer<Int16>>, _ weights: [Int32], into target: UnsafeMutablePointer<UInt8>,
        count: Int
    ) {
        // The weights as rows too: of two rows of 16 bits the compiler multiplies upper halves alone, but not of a row and
        // a constant.
        let block = 256
        withUnsafeTemporaryAllocation(of: Int16.self, capacity: 2 * block) { factors in
            let upper = factors.baseAddress.unsafelyUnwrapped
            let lower = upper + block
            upper.initialize(repeating: Int16(truncatingIfNeeded: weights[0]), count: block)
            lower.initialize(repeating: Int16(truncatingIfNeeded: weights[1]), count: block)
            for start in stride(from: 0, to: count, by: block) {
                let (first, second, result) = (rows[0] + start, rows[1] + start, target + start)
                for i in 0..<min(block, count - start) {
                    let one = Int16(truncatingIfNeeded: (Int32(first[i]) &* Int32(upper[i])) &>> 16)
                    let other = Int16(truncatingIfNeeded: (Int32(second[i]) &* Int32(lower[i])) &>> 16)
                    result[i] = UInt8(truncatingIfNeeded: min(max((one &+ other &+ 2) &>> 2, 0), 255))
                }
            }
        }
    }
}

/// Four neighbours of 8 bits. OpenCV weighs eight columns at a time in single precision, and those that are left over in
/// fixed point. The rows between are integers of less than 24 bits, kept in single precision.
enum CubicBytes: Interpolation {
    static func weights(_ exact: UnsafeBufferPointer<Float>) -> [Int32] { fixedPoint(exact) }

    static func weighRow(
        _ row: UnsafePointer<UInt8>, _ taps: RowTaps<Int32>, channels: Int, into target: UnsafeMutablePointer<Float>
    ) {
        weighBytes(row, taps, tapCount: 4, channels: channels) { target[$0] = Float($1) }
    }

    static func weighColumns(
        _ rows: UnsafePointer<UnsafePointer<Float>>, _ weights: [Int32], into target: UnsafeMutablePointer<UInt8>,
        count: Int
    ) {
        let (a, b, c, d) = (rows[0], rows[1], rows[2], rows[3])
        let exact = weights.map { Float($0) * 0x1p-22 }
        let (e, f, g, h) = (exact[0], exact[1], exact[2], exact[3])
        let vectorised = count & ~7
        for i in 0..<vectorised {
            let level = a[i] * e + (b[i] * f + (c[i] * g + d[i] * h))
            target[i] = UInt8(truncatingIfNeeded: roundedLevel(level, upTo: 255))
        }
        for i in vectorised..<count {
            var sum: Int32 = 1 << 21
            for tap in 0..<4 { sum = sum &+ Int32(rows[tap][i]) &* weights[tap] }
            target[i] = UInt8(truncatingIfNeeded: min(max(sum &>> 22, 0), 255))
        }
    }
}

/// Eight neighbours of 8 bits, in fixed point throughout.
enum LanczosBytes: Interpolation {
    static func weights(_ exact: UnsafeBufferPointer<Float>) -> [Int32] { fixedPoint(exact) }

    static func weighRow(
        _ row: UnsafePointer<UInt8>, _ taps: RowTaps<Int32>, channels: Int, into target: UnsafeMutablePointer<Int32>
    ) {
        weighBytes(row, taps, tapCount: 8, channels: channels) { target[$0] = $1 }
    }

    static func weighColumns(
        _ rows: UnsafePointer<UnsafePointer<Int32>>, _ weights: [Int32], into target: UnsafeMutablePointer<UInt8>,
        count: Int
    ) {
        let (a, b, c, d) = (rows[0], rows[1], rows[2], rows[3])
        let (e, f, g, h) = (rows[4], rows[5], rows[6], rows[7])
        let (i0, i1, i2, i3) = (weights[0], weights[1], weights[2], weights[3])
        let (i4, i5, i6, i7) = (weights[4], weights[5], weights[6], weights[7])
        for i in 0..<count {
            let upper = a[i] &* i0 &+ b[i] &* i1 &+ c[i] &* i2 &+ d[i] &* i3
            let lower = e[i] &* i4 &+ f[i] &* i5 &+ g[i] &* i6 &+ h[i] &* i7
            target[i] = UInt8(truncatingIfNeeded: min(max((upper &+ lower &+ 1 << 21) &>> 22, 0), 255))
        }
    }
}

@inline(__always)
private func weighWords(
    _ row: UnsafePointer<UInt16>, _ taps: RowTaps<Float>, tapCount: Int, channels: Int,
    into target: UnsafeMutablePointer<Float>
) {
    taps.weigh(row, tapCount: tapCount, channels: channels, product: { Float($0) * $1 }, sum: +) { target[$0] = $1 }
}

/// Two neighbours of 16 bits, in single precision.
enum LinearWords: Interpolation {
    static func weights(_ exact: UnsafeBufferPointer<Float>) -> [Float] { Array(exact) }

    static func weighRow(
        _ row: UnsafePointer<UInt16>, _ taps: RowTaps<Float>, channels: Int, into target: UnsafeMutablePointer<Float>
    ) {
        weighWords(row, taps, tapCount: 2, channels: channels, into: target)
    }

    static func weighColumns(
        _ rows: UnsafePointer<UnsafePointer<Float>>, _ weights: [Float], into target: UnsafeMutablePointer<UInt16>,
        count: Int
    ) {
        let (a, b) = (rows[0], rows[1])
        let (upper, lower) = (weights[0], weights[1])
        for i in 0..<count {
            target[i] = UInt16(truncatingIfNeeded: roundedLevel(a[i] * upper + b[i] * lower, upTo: 65535))
        }
    }
}

/// Four neighbours of 16 bits, in single precision. As OpenCV, the last row first for eight columns at a time, and the
/// first row first for those that are left over.
enum CubicWords: Interpolation {
    static func weights(_ exact: UnsafeBufferPointer<Float>) -> [Float] { Array(exact) }

    static func weighRow(
        _ row: UnsafePointer<UInt16>, _ taps: RowTaps<Float>, channels: Int, into target: UnsafeMutablePointer<Float>
    ) {
        weighWords(row, taps, tapCount: 4, channels: channels, into: target)
    }

    static func weighColumns(
        _ rows: UnsafePointer<UnsafePointer<Float>>, _ weights: [Float], into target: UnsafeMutablePointer<UInt16>,
        count: Int
    ) {
        let (a, b, c, d) = (rows[0], rows[1], rows[2], rows[3])
        let (e, f, g, h) = (weights[0], weights[1], weights[2], weights[3])
        let vectorised = count & ~7
        for i in 0..<vectorised {
            let level = a[i] * e + (b[i] * f + (c[i] * g + d[i] * h))
            target[i] = UInt16(truncatingIfNeeded: roundedLevel(level, upTo: 65535))
        }
        for i in vectorised..<count {
            let level = ((a[i] * e + b[i] * f) + c[i] * g) + d[i] * h
            target[i] = UInt16(truncatingIfNeeded: roundedLevel(level, upTo: 65535))
        }
    }
}

/// Eight neighbours of 16 bits, in single precision, the first row first.
enum LanczosWords: Interpolation {
    static func weights(_ exact: UnsafeBufferPointer<Float>) -> [Float] { Array(exact) }

    static func weighRow(
        _ row: UnsafePointer<UInt16>, _ taps: RowTaps<Float>, channels: Int, into target: UnsafeMutablePointer<Float>
    ) {
        weighWords(row, taps, tapCount: 8, channels: channels, into: target)
    }

    static func weighColumns(
        _ rows: UnsafePointer<UnsafePointer<Float>>, _ weights: [Float], into target: UnsafeMutablePointer<UInt16>,
        count: Int
    ) {
        let (a, b, c, d) = (rows[0], rows[1], rows[2], rows[3])
        let (e, f, g, h) = (rows[4], rows[5], rows[6], rows[7])
        let (w0, w1, w2, w3) = (weights[0], weights[1], weights[2], weights[3])
        let (w4, w5, w6, w7) = (weights[4], weights[5], weights[6], weights[7])
        for i in 0..<count {
            var level = a[i] * w0 + b[i] * w1
            level = level + c[i] * w2
            level = level + d[i] * w3
            level = level + e[i] * w4
            level = level + f[i] * w5
            level = level + g[i] * w6
            level = level + h[i] * w7
            target[i] = UInt16(truncatingIfNeeded: roundedLevel(level, upTo: 65535))
        }
    }
}
