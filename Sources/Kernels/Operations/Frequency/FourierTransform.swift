/// The discrete Fourier transform of rows of `count` complex numbers, one in each lane.
///
/// Every sum is made in one order that depends on `count` alone, in plain additions and multiplications: the same numbers
/// give the same bits on every machine, whichever rank transforms the row, whatever is in the other lanes.
///
/// Counts whose prime factors are small are transformed factor by factor (Stockham's ordering of Cooley and Tukey's
/// algorithm, which needs no bit reversal); others as a convolution of a length that is a power of two (Bluestein).
struct FourierTransform<Lanes: FourierLanes> {
    typealias Number = ComplexLanes<Lanes>

    let count: Int
    private let method: Method

    private indirect enum Method {
        case factors([FourierPass<Lanes>])
        /// The chirp e^(-i pi j^2 / count), and the transform of its conjugate, continued to the convolution's length.
        case convolution(FourierTransform, chirp: [Number.Constant], kernel: [Number.Constant])
    }

    /// Larger prime factors are not worth transforming one by one.
    private static var largestFactor: Int { 13 }

    init(count: Int) {
        precondition(count > 0, "a transform of \(count) numbers")
        self.count = count
        var (rest, short, long): (Int, [Int], [Int]) = (count, [], [])
        for factor in [4, 2, 3, 5, 7, 11, Self.largestFactor] {
            while rest % factor == 0 {
                if factor <= 5 { short.append(factor) } else { long.append(factor) }
                rest /= factor
            }
        }
        method = rest == 1 ? .factors(Self.passes(count, short, long)) : Self.convolution(count)
    }

    /// A pass for two of the short factors, and for each of the long ones.
    private static func passes(_ count: Int, _ short: [Int], _ long: [Int]) -> [FourierPass<Lanes>] {
        let pairs = stride(from: 0, to: short.count, by: 2).map { index in
            (short[index], index + 1 < short.count ? short[index + 1] : 1)
        }
        var done = 1
        return (pairs + long.map { ($0, 1) }).map { first, second in
            defer { done *= first * second }
            return FourierPass(factors: first, second, remaining: count / (done * first * second), stride: done)
        }
    }

    private static func convolution(_ count: Int) -> Method {
        var length = 1
        while length < 2 * count - 1 { length *= 2 }
        let chirp = (0..<count).map { Number.Constant(root: $0 * $0 % (2 * count), of: 2 * count) }
        let transform = FourierTransform(count: length)
        let (row, scratch) = (Number.allocate(length), Number.allocate(transform.scratchCount))
        defer {
            row.deallocate()
            scratch.deallocate()
        }
        for index in 0..<count {
            let value = chirp[index].conjugate
            for place in [index, (length - index) % length] {
                (row[place].real[0], row[place].imaginary[0]) = (value.real, value.imaginary)
            }
        }
        let spectrum = transform.forward(row, scratch)
        let scale = 1 / Lanes.Scalar(length)
        let kernel = (0..<length).map {
            Number.Constant(real: spectrum[$0].real[0] * scale, imaginary: spectrum[$0].imaginary[0] * scale)
        }
        return .convolution(transform, chirp: chirp, kernel: kernel)
    }

    /// Numbers of memory that a transform works in besides the row.
    var scratchCount: Int {
        switch method {
        case .factors: count
        case .convolution(let inner, _, _): inner.count + inner.scratchCount
        }
    }

    /// Makes of X the sums over j of X[j] e^(-2 pi i j k / count), and returns where they are: in either row. A second
    /// transform, with the rows exchanged if they are not in the first, brings them back there.
    func forward(_ row: Number.Row, _ scratch: Number.Row) -> Number.Row {
        switch method {
        case .factors(let passes):
            var (source, target) = (row, scratch)
            for pass in passes {
                pass.run(source, target)
                swap(&source, &target)
            }
            return source
        case .convolution(let inner, let chirp, let kernel):
            convolve(row, scratch, inner, chirp, kernel)
            return row
        }
    }

    private func convolve(
        _ row: Number.Row, _ scratch: Number.Row, _ inner: FourierTransform, _ chirp: [Number.Constant],
        _ kernel: [Number.Constant]
    ) {
        let rest = scratch + inner.count
        for index in 0..<count { scratch[index] = row[index] * chirp[index] }
        for index in count..<inner.count { scratch[index] = .zero }
        let spectrum = inner.forward(scratch, rest)
        // A forward transform between two exchanges is an inverse one.
        for index in 0..<inner.count { spectrum[index] = (spectrum[index] * kernel[index]).exchanged }
        let result = inner.forward(spectrum, spectrum == scratch ? rest : scratch)
        for index in 0..<count { row[index] = result[index].exchanged * chirp[index] }
    }
}
