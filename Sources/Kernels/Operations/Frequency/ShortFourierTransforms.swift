/// Transforms of few numbers each, all of the same count: what a pass over a long transform is made of.
struct ShortFourierTransforms<Lanes: FourierLanes> {
    typealias Number = ComplexLanes<Lanes>
    typealias Constant = Number.Constant

    /// Where the numbers are: `step` from one to the next of a transform, `next` from a transform to the next.
    struct Places {
        let row: Number.Row
        let step: Int
        let next: Int
    }

    /// What the results are multiplied by, with the same steps.
    struct Turns {
        let numbers: UnsafePointer<Constant>
        let step: Int
        let next: Int
    }

    let count: Int
    /// e^(-2 pi i j / count).
    let roots: UnsafePointer<Constant>

    /// Makes `times` transforms.
    @inline(__always)
    func run(_ times: Int, _ source: Places, _ target: Places, _ turns: Turns?) {
        switch count {
        case 1: each(times, source, target, turns) { load, store in store(0, load(0)) }
        case 2: each(times, source, target, turns, two)
        case 3: each(times, source, target, turns, three)
        case 4: each(times, source, target, turns, four)
        case 5: each(times, source, target, turns, five)
        default: each(times, source, target, turns, any)
        }
    }

    @inline(__always)
    private func each(
        _ times: Int, _ source: Places, _ target: Places, _ turns: Turns?,
        _ transform: (_ load: (Int) -> Number, _ store: (Int, Number) -> Void) -> Void
    ) {
        for index in 0..<times {
            let (from, to) = (source.row + index * source.next, target.row + index * target.next)
            if let turns {
                let numbers = turns.numbers + index * turns.next
                transform({ from[$0 * source.step] }) { to[$0 * target.step] = $1 * numbers[$0 * turns.step] }
            } else {
                transform({ from[$0 * source.step] }) { to[$0 * target.step] = $1 }
            }
        }
    }

    @inline(__always)
    private func two(_ load: (Int) -> Number, _ store: (Int, Number) -> Void) {
        let (a, b) = (load(0), load(1))
        store(0, a + b)
        store(1, a - b)
    }

    @inline(__always)
    private func three(_ load: (Int) -> Number, _ store: (Int, Number) -> Void) {
        let (a, b, c) = (load(0), load(1), load(2))
        let sum = b + c
        let middle = a - sum * 0.5
        let turn = ((b - c) * 0.86602540378443864676).turned  // sin 60 degrees
        store(0, a + sum)
        store(1, middle + turn)
        store(2, middle - turn)
    }

    @inline(__always)
    private func four(_ load: (Int) -> Number, _ store: (Int, Number) -> Void) {
        let (a, b, c, d) = (load(0), load(1), load(2), load(3))
        let (even, odd) = (a + c, b + d)
        let (evenTurn, oddTurn) = (a - c, (b - d).turned)
        store(0, even + odd)
        store(1, evenTurn + oddTurn)
        store(2, even - odd)
        store(3, evenTurn - oddTurn)
    }

    @inline(__always)
    private func five(_ load: (Int) -> Number, _ store: (Int, Number) -> Void) {
        // Of 72 and of 144 degrees.
        let cosines: (Lanes.Scalar, Lanes.Scalar) = (0.30901699437494742410, -0.80901699437494742410)
        let sines: (Lanes.Scalar, Lanes.Scalar) = (0.95105651629515357212, 0.58778525229247312917)
        let (a, b, c, d, e) = (load(0), load(1), load(2), load(3), load(4))
        let (outer, inner) = (b + e, c + d)
        let (outerTurn, innerTurn) = ((b - e).turned, (c - d).turned)
        store(0, a + outer + inner)
        let first = a + outer * cosines.0 + inner * cosines.1
        let firstTurn = outerTurn * sines.0 + innerTurn * sines.1
        store(1, first + firstTurn)
        store(4, first - firstTurn)
        let second = a + outer * cosines.1 + inner * cosines.0
        let secondTurn = outerTurn * sines.1 - innerTurn * sines.0
        store(2, second + secondTurn)
        store(3, second - secondTurn)
    }

    /// Sums term by term.
    @inline(__always)
    private func any(_ load: (Int) -> Number, _ store: (Int, Number) -> Void) {
        for r in 0..<count {
            var sum = load(0)
            for j in 1..<count { sum = sum + load(j) * roots[j * r % count] }
            store(r, sum)
        }
    }
}
