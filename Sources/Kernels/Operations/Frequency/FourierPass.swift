/// One pass of Stockham's algorithm: takes a factor out of transforms of `factor * remaining` numbers each, which are
/// `stride` apart from number to number.
///
///     target[k + stride (factor q + r)] = w^(q r) * sum over j of source[k + stride (q + remaining j)] e^(-2 pi i j r / factor)
///
/// with w = e^(-2 pi i / (factor remaining)), for q below `remaining`, r below `factor`, k below `stride`.
///
/// A factor is the product of two short ones, whose transforms are made in between in memory that stays in the nearest
/// cache: what is further away is read and written half as often.
struct FourierPass<Lanes: FourierLanes> {
    typealias Number = ComplexLanes<Lanes>
    private typealias Short = ShortFourierTransforms<Lanes>

    private let first: Int
    private let second: Int
    private let remaining: Int
    private let stride: Int
    /// w^(q r) for each q and r.
    private let turns: [Number.Constant]
    /// e^(-2 pi i j r / factor) for j below `second` and r below `first`.
    private let innerTurns: [Number.Constant]
    /// e^(-2 pi i j / first), and of `second`.
    private let roots: (first: [Number.Constant], second: [Number.Constant])

    init(factors first: Int, _ second: Int, remaining: Int, stride: Int) {
        (self.first, self.second, self.remaining, self.stride) = (first, second, remaining, stride)
        let factor = first * second
        turns = (0..<remaining).flatMap { q in
            (0..<factor).map { r in Number.Constant(root: q * r, of: factor * remaining) }
        }
        innerTurns = (0..<second).flatMap { j in (0..<first).map { r in Number.Constant(root: j * r, of: factor) } }
        roots = (
            (0..<first).map { Number.Constant(root: $0, of: first) },
            (0..<second).map { Number.Constant(root: $0, of: second) }
        )
    }

    func run(_ source: Number.Row, _ target: Number.Row) {
        turns.withUnsafeBufferPointer { turns in
            innerTurns.withUnsafeBufferPointer { innerTurns in
                roots.first.withUnsafeBufferPointer { firstRoots in
                    roots.second.withUnsafeBufferPointer { secondRoots in
                        run(
                            source, target, turns.baseAddress.unsafelyUnwrapped,
                            innerTurns.baseAddress.unsafelyUnwrapped,
                            Short(count: first, roots: firstRoots.baseAddress.unsafelyUnwrapped),
                            Short(count: second, roots: secondRoots.baseAddress.unsafelyUnwrapped))
                    }
                }
            }
        }
    }

    private func run(
        _ source: Number.Row, _ target: Number.Row, _ turns: UnsafePointer<Number.Constant>,
        _ innerTurns: UnsafePointer<Number.Constant>, _ firsts: Short, _ seconds: Short
    ) {
        let (factor, step) = (first * second, stride * remaining)
        withUnsafeTemporaryAllocation(of: Number.self, capacity: factor) { buffer in
            let between = buffer.baseAddress.unsafelyUnwrapped
            for q in 0..<remaining {
                // All of the last pass are 1.
                let own = remaining == 1 ? nil : Short.Turns(numbers: turns + q * factor, step: 1, next: 0)
                if second == 1 {
                    firsts.run(
                        stride, Short.Places(row: source + stride * q, step: step, next: 1),
                        Short.Places(row: target + stride * factor * q, step: stride, next: 1), own)
                    continue
                }
                let last = own.map { Short.Turns(numbers: $0.numbers, step: first, next: 1) }
                for k in 0..<stride {
                    firsts.run(
                        second, Short.Places(row: source + stride * q + k, step: step * second, next: step),
                        Short.Places(row: between, step: 1, next: first),
                        Short.Turns(numbers: innerTurns, step: 1, next: first))
                    seconds.run(
                        first, Short.Places(row: between, step: first, next: 1),
                        Short.Places(row: target + stride * factor * q + k, step: stride * first, next: stride), last)
                }
            }
        }
    }
}
