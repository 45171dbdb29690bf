/// Complex numbers in memory of others: real and imaginary parts apart.
struct ComplexRow {
    let real: UnsafeMutablePointer<Double>
    let imaginary: UnsafeMutablePointer<Double>

    static func + (row: ComplexRow, offset: Int) -> ComplexRow {
        ComplexRow(real: row.real + offset, imaginary: row.imaginary + offset)
    }

    /// The same numbers with their parts exchanged: a forward transform between two exchanges is an inverse one, but for
    /// the factor 1 / count.
    var exchanged: ComplexRow { ComplexRow(real: imaginary, imaginary: real) }
}

/// The discrete Fourier transform of a row of `count` complex numbers, in double precision.
///
/// Every sum is made in one order that depends on `count` alone, in plain additions and multiplications: the same numbers
/// give the same bits on every machine, whoever transforms the row.
///
/// Counts whose prime factors are small are transformed factor by factor (Stockham's ordering of Cooley and Tukey's
/// algorithm, which needs no bit reversal); others as a convolution of a length that is a power of two (Bluestein).
struct FourierTransform {
    let count: Int
    private let method: Method

    private indirect enum Method {
        case factors([Int], roots: Roots)
        /// The chirp e^(-i pi j^2 / count), and the transform of its conjugate, continued to the convolution's length.
        case convolution(FourierTransform, chirp: Roots, kernel: Roots)
    }

    /// Complex constants.
    private struct Roots {
        var real: [Double]
        var imaginary: [Double]
    }

    /// Larger prime factors are not worth transforming one by one.
    private static let largestFactor = 13

    init(count: Int) {
        precondition(count > 0, "a transform of \(count) numbers")
        self.count = count
        var (rest, factors): (Int, [Int]) = (count, [])
        for factor in [4, 2, 3, 5, 7, 11, Self.largestFactor] {
            while rest % factor == 0 {
                factors.append(factor)
                rest /= factor
            }
        }
        method = rest == 1 ? .factors(factors, roots: Self.roots(count)) : Self.convolution(count)
    }

    /// e^(-2 pi i j / count) for j from 0 on.
    private static func roots(_ count: Int) -> Roots {
        let places = (0..<count).map { direction(degrees: -360 * Double($0) / Double(count)) }
        return Roots(real: places.map(\.cosine), imaginary: places.map(\.sine))
    }

    private static func convolution(_ count: Int) -> Method {
        var length = 1
        while length < 2 * count - 1 { length *= 2 }
        let places = (0..<count).map { direction(degrees: -180 * Double($0 * $0 % (2 * count)) / Double(count)) }
        let chirp = Roots(real: places.map(\.cosine), imaginary: places.map(\.sine))
        var kernel = Roots(real: Array(repeating: 0, count: length), imaginary: Array(repeating: 0, count: length))
        for index in 0..<count {
            for place in [index, (length - index) % length] {
                kernel.real[place] = chirp.real[index]
                kernel.imaginary[place] = -chirp.imaginary[index]
            }
        }
        let transform = FourierTransform(count: length)
        let scratch = FourierScratch(for: transform)
        kernel.real.withUnsafeMutableBufferPointer { real in
            kernel.imaginary.withUnsafeMutableBufferPointer { imaginary in
                transform.forward(
                    ComplexRow(
                        real: real.baseAddress.unsafelyUnwrapped, imaginary: imaginary.baseAddress.unsafelyUnwrapped),
                    scratch)
            }
        }
        return .convolution(transform, chirp: chirp, kernel: kernel)
    }

    /// Numbers of memory that a transform works in besides the row.
    fileprivate var scratchCount: Int {
        switch method {
        case .factors: count
        case .convolution(let inner, _, _): inner.count + inner.scratchCount
        }
    }

    /// Replaces X by the sums over j of X[j] e^(-2 pi i j k / count).
    func forward(_ row: ComplexRow, _ scratch: FourierScratch) { forward(row, scratch.row) }

    /// Replaces X by the sums over k of X[k] e^(2 pi i j k / count), divided by `count`.
    func inverse(_ row: ComplexRow, _ scratch: FourierScratch) {
        forward(row.exchanged, scratch.row)
        let scale = 1 / Double(count)
        for index in 0..<count {
            row.real[index] *= scale
            row.imaginary[index] *= scale
        }
    }

    private func forward(_ row: ComplexRow, _ scratch: ComplexRow) {
        switch method {
        case .factors(let factors, let roots):
            roots.real.withUnsafeBufferPointer { real in
                roots.imaginary.withUnsafeBufferPointer { imaginary in
                    let roots = FourierPass.Roots(
                        real: real.baseAddress.unsafelyUnwrapped, imaginary: imaginary.baseAddress.unsafelyUnwrapped,
                        count: count)
                    transform(row, scratch, factors, roots)
                }
            }
        case .convolution(let inner, let chirp, let kernel): convolve(row, scratch, inner, chirp, kernel)
        }
    }

    private func transform(_ row: ComplexRow, _ scratch: ComplexRow, _ factors: [Int], _ roots: FourierPass.Roots) {
        var (source, target) = (row, scratch)
        var (remaining, stride) = (count, 1)
        for factor in factors {
            remaining /= factor
            FourierPass(factor: factor, remaining: remaining, stride: stride, roots: roots).run(source, target)
            stride *= factor
            swap(&source, &target)
        }
        if factors.count % 2 != 0 {
            row.real.update(from: source.real, count: count)
            row.imaginary.update(from: source.imaginary, count: count)
        }
    }

    private func convolve(
        _ row: ComplexRow, _ scratch: ComplexRow, _ inner: FourierTransform, _ chirp: Roots, _ kernel: Roots
    ) {
        let rest = scratch + inner.count
        for index in 0..<count {
            let (a, b) = (chirp.real[index], chirp.imaginary[index])
            scratch.real[index] = row.real[index] * a - row.imaginary[index] * b
            scratch.imaginary[index] = row.real[index] * b + row.imaginary[index] * a
        }
        for index in count..<inner.count { (scratch.real[index], scratch.imaginary[index]) = (0, 0) }
        inner.forward(scratch, rest)
        for index in 0..<inner.count {
            let (a, b) = (kernel.real[index], kernel.imaginary[index])
            let (real, imaginary) = (scratch.real[index], scratch.imaginary[index])
            scratch.real[index] = real * a - imaginary * b
            scratch.imaginary[index] = real * b + imaginary * a
        }
        inner.forward(scratch.exchanged, rest)
        let scale = 1 / Double(inner.count)
        for index in 0..<count {
            let (a, b) = (chirp.real[index] * scale, chirp.imaginary[index] * scale)
            row.real[index] = scratch.real[index] * a - scratch.imaginary[index] * b
            row.imaginary[index] = scratch.real[index] * b + scratch.imaginary[index] * a
        }
    }
}

/// Memory that transforms of one count work in, one after the other.
final class FourierScratch {
    fileprivate let row: ComplexRow

    init(for transform: FourierTransform) {
        row = ComplexRow(
            real: .allocate(capacity: transform.scratchCount), imaginary: .allocate(capacity: transform.scratchCount))
    }

    deinit {
        row.real.deallocate()
        row.imaginary.deallocate()
    }
}
