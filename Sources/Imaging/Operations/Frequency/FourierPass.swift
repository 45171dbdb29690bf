/// One pass of Stockham's algorithm: takes the factor `factor` out of transforms of `factor * remaining` numbers each, which
/// lie `stride` apart from element to element.
///
///     target[k + stride (factor q + r)] = w^(q r) * sum over j of source[k + stride (q + remaining j)] e^(-2 pi i j r / factor)
///
/// with w = e^(-2 pi i / (factor remaining)), for q below `remaining`, r below `factor`, k below `stride`.
struct FourierPass {
    /// e^(-2 pi i j / count).
    struct Roots {
        let real: UnsafePointer<Double>
        let imaginary: UnsafePointer<Double>
        let count: Int
    }

    let factor: Int
    let remaining: Int
    let stride: Int
    let roots: Roots

    func run(_ source: ComplexRow, _ target: ComplexRow) {
        for q in 0..<remaining {
            let (from, to) = (source + stride * q, target + stride * factor * q)
            switch factor {
            case 2: two(from, to, q)
            case 3: three(from, to, q)
            case 4: four(from, to, q)
            default: any(from, to, q)
            }
        }
    }

    /// w^(q r).
    @inline(__always)
    private func twiddle(_ q: Int, _ r: Int) -> (real: Double, imaginary: Double) {
        let index = q * r * stride
        return (roots.real[index], roots.imaginary[index])
    }

    private func two(_ from: ComplexRow, _ to: ComplexRow, _ q: Int) {
        let second = from + stride * remaining
        let other = to + stride
        let w = twiddle(q, 1)
        for k in 0..<stride {
            let (a, b) = (from.real[k], from.imaginary[k])
            let (c, d) = (second.real[k], second.imaginary[k])
            (to.real[k], to.imaginary[k]) = (a + c, b + d)
            store(a - c, b - d, w, other, k)
        }
    }

    private func three(_ from: ComplexRow, _ to: ComplexRow, _ q: Int) {
        let (second, third) = (from + stride * remaining, from + 2 * stride * remaining)
        let outputs = (to + stride, to + 2 * stride)
        let w = (twiddle(q, 1), twiddle(q, 2))
        let height = 0.86602540378443864676  // sin 60 degrees
        for k in 0..<stride {
            let (a, b) = (from.real[k], from.imaginary[k])
            let sum = (second.real[k] + third.real[k], second.imaginary[k] + third.imaginary[k])
            let turn = (
                height * (second.imaginary[k] - third.imaginary[k]), height * (third.real[k] - second.real[k])
            )
            (to.real[k], to.imaginary[k]) = (a + sum.0, b + sum.1)
            let middle = (a - 0.5 * sum.0, b - 0.5 * sum.1)
            store(middle.0 + turn.0, middle.1 + turn.1, w.0, outputs.0, k)
            store(middle.0 - turn.0, middle.1 - turn.1, w.1, outputs.1, k)
        }
    }

    private func four(_ from: ComplexRow, _ to: ComplexRow, _ q: Int) {
        let step = stride * remaining
        let (second, third, fourth) = (from + step, from + 2 * step, from + 3 * step)
        let outputs = (to + stride, to + 2 * stride, to + 3 * stride)
        let w = (twiddle(q, 1), twiddle(q, 2), twiddle(q, 3))
        for k in 0..<stride {
            let even = (from.real[k] + third.real[k], from.imaginary[k] + third.imaginary[k])
            let evenTurn = (from.real[k] - third.real[k], from.imaginary[k] - third.imaginary[k])
            let odd = (second.real[k] + fourth.real[k], second.imaginary[k] + fourth.imaginary[k])
            // Times -i.
            let oddTurn = (second.imaginary[k] - fourth.imaginary[k], fourth.real[k] - second.real[k])
            (to.real[k], to.imaginary[k]) = (even.0 + odd.0, even.1 + odd.1)
            store(evenTurn.0 + oddTurn.0, evenTurn.1 + oddTurn.1, w.0, outputs.0, k)
            store(even.0 - odd.0, even.1 - odd.1, w.1, outputs.1, k)
            store(evenTurn.0 - oddTurn.0, evenTurn.1 - oddTurn.1, w.2, outputs.2, k)
        }
    }

    /// Sums term by term.
    private func any(_ from: ComplexRow, _ to: ComplexRow, _ q: Int) {
        let step = stride * remaining
        let turn = roots.count / factor
        for r in 0..<factor {
            let w = twiddle(q, r)
            let output = to + stride * r
            for k in 0..<stride {
                var (real, imaginary) = (from.real[k], from.imaginary[k])
                for j in 1..<factor {
                    let (a, b) = (roots.real[j * r % factor * turn], roots.imaginary[j * r % factor * turn])
                    let (c, d) = (from.real[k + j * step], from.imaginary[k + j * step])
                    real += a * c - b * d
                    imaginary += a * d + b * c
                }
                store(real, imaginary, w, output, k)
            }
        }
    }

    @inline(__always)
    private func store(
        _ real: Double, _ imaginary: Double, _ w: (real: Double, imaginary: Double), _ row: ComplexRow, _ k: Int
    ) {
        row.real[k] = real * w.real - imaginary * w.imaginary
        row.imaginary[k] = real * w.imaginary + imaginary * w.real
    }
}
