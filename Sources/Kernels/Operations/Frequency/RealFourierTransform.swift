/// The discrete Fourier transform of rows of `count` real numbers, one in each lane, to half of its spectrum, since the
/// other half mirrors it; and back.
///
/// Rows of even count are transformed as half as many complex numbers, of neighbours. Owns memory: call `deallocate()`.
struct RealFourierTransform<Lanes: FourierLanes> {
    typealias Number = ComplexLanes<Lanes>

    let count: Int
    private let inner: FourierTransform<Lanes>
    /// e^(-2 pi i k / count), for k up to the half; none for odd counts.
    private let roots: [Number.Constant]
    private let memory: (row: Number.Row, scratch: Number.Row)

    init(count: Int) {
        self.count = count
        let isEven = count % 2 == 0
        inner = FourierTransform(count: isEven ? count / 2 : count)
        roots = isEven ? (0...count / 2).map { Number.Constant(root: $0, of: count) } : []
        // Results may be in either, and are read in whole blocks of as many as there are lanes.
        let capacity = inner.count + Lanes.scalarCount + 1
        memory = (Number.allocate(capacity), Number.allocate(max(capacity, inner.scratchCount)))
    }

    func deallocate() {
        memory.row.deallocate()
        memory.scratch.deallocate()
    }

    /// Numbers of a spectrum.
    var spectrumCount: Int { count / 2 + 1 }
    /// What forward and back together multiply by.
    var scale: Double { roots.isEmpty ? Double(count) : Double(2 * count) }

    /// Where `forward` takes numbers from, and `back` takes spectra.
    var row: Number.Row { memory.row }

    /// Where the real numbers are in a row: that at x in lane 0, counted in scalars.
    struct Places {
        /// Scalars for each number.
        let step: Int
        fileprivate let flip: Int
        fileprivate let offset: Int

        @inline(__always)
        subscript(_ x: Int) -> Int { (x ^ flip) * step + offset }
    }

    /// In `row`.
    var places: Places { Places(step: step, flip: 0, offset: 0) }
    /// In what `back` returns: parts are exchanged there.
    var placesBack: Places { Places(step: step, flip: roots.isEmpty ? 0 : 1, offset: roots.isEmpty ? step / 2 : 0) }
    private var step: Int { (roots.isEmpty ? 2 : 1) * Lanes.scalarCount }

    /// The spectrum of the numbers in `row`; whatever follows it is zero.
    func forward() -> Number.Row {
        if roots.isEmpty { for x in 0..<count { row[x].imaginary = Lanes() } }
        let spectrum = inner.forward(row, memory.scratch)
        if !roots.isEmpty {
            spectrum[inner.count] = spectrum[0]
            pairs(spectrum) { $0.conjugate }
        }
        (spectrum + spectrumCount).update(repeating: .zero, count: Lanes.scalarCount)
        return spectrum
    }

    /// The numbers whose spectrum, with the parts of each number exchanged, is in `row`.
    func back() -> Number.Row {
        // The exchanged conjugate of a number is the negative conjugate of the exchanged one.
        if roots.isEmpty {
            for k in spectrumCount..<max(spectrumCount, count) { row[k] = row[count - k].conjugate * -1 }
        } else {
            pairs(row) { $0.conjugate * -1 }
        }
        return inner.forward(row, memory.scratch)
    }

    /// Takes the transforms of even and odd places apart, which are in the sum and the difference of mirrored numbers; or
    /// puts them together, if the mirror exchanges.
    @inline(__always)
    private func pairs(_ row: Number.Row, mirror: (Number) -> Number) {
        for k in 0...inner.count / 2 {
            let other = inner.count - k
            let (a, b) = (row[k], row[other])
            let (mirrorA, mirrorB) = (mirror(a), mirror(b))
            row[k] = (a + mirrorB) + (a - mirrorB).turned * roots[k]
            row[other] = (b + mirrorA) + (b - mirrorA).turned * roots[other]
        }
    }
}
