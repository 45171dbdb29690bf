/// How cosine transforms are made of Fourier transforms of the same length (Makhoul, 1980): the numbers are taken in another
/// order, and each of the transform is turned.
///
/// `count` numbers v, mirrored at both ends without end, have the cosine transform
///
///     C[k] = 2 * sum over j of v[j] cos(pi k (2 j + 1) / (2 count))
///
/// With u = v[0], v[2], v[4] ... v[5], v[3], v[1], its Fourier transform U, and w[k] = e^(-i pi k / (2 count)):
///
///     C[k] = w[k] U[k] + conj(w[k]) U[count - k]          C[0] = 2 U[0]
///     U[k] = conj(w[k]) (C[k] - i C[count - k]) / 2       C[count] = 0
///
/// Of real numbers w[k] U[k] is (C[k] - i C[count - k]) / 2: one complex number has both.
struct MirrorOrder<Lanes: FourierLanes> {
    typealias Constant = ComplexNumber<Lanes.Scalar>

    let count: Int
    /// w[k], for k up to the half.
    let turns: [Constant]

    init(count: Int) {
        self.count = count
        turns = (0...count / 2).map { Constant(root: $0, of: 4 * count) }
    }

    /// Which of the numbers comes at a place.
    @inline(__always)
    func index(atPlace place: Int) -> Int { 2 * place < count ? 2 * place : 2 * (count - 1 - place) + 1 }
}
