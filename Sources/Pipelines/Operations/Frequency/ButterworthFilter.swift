/// How much of each frequency a Butterworth filter lets pass.
package struct ButterworthFilter: CollectiveComputation {
    package enum Kind: Sendable {
        case lowpass, highpass
    }

    /// How the image continues beyond its edges.
    package enum Border: String, CaseIterable, Sendable {
        /// Mirrored at every edge, again and again: no edge is next to the opposite one.
        case reflect
        /// Repeated, so that opposite edges are neighbours.
        case periodic
    }

    package let kind: Kind
    package let cutoff: Double
    package let order: Int
    package let border: Border

    init(kind: Kind, _ arguments: OperationArguments) {
        self.kind = kind
        cutoff = arguments.number("cutoff")
        order = arguments.integer("order")
        border = arguments.choice("border")
    }

    /// Numbers of a vector in which columns of the spectrum are transformed together: single precision for 8 bits, double
    /// for 16.
    package static func laneCount(_ depth: SampleDepth) -> Int {
        switch depth {
        case .eight: 8
        case .sixteen: 4
        }
    }

    /// Vectors in a row of the spectrum, each of `laneCount` complex numbers.
    package static func blockCount(width: Int, laneCount: Int) -> Int { width / 2 / laneCount + 1 }

    /// The most bytes that all ranks together may need for a channel's spectrum, twice while they exchange.
    static let maximumByteCount = 8 << 30

    func check(_ shape: ImageShape, _ name: String) throws(PipelineError) {
        let byteCount = Self.byteCount(shape)
        guard let byteCount, byteCount <= Self.maximumByteCount else {
            let need = byteCount.map { "\($0 >> 20) MiB of" } ?? "more than 2^63 bytes of"
            throw PipelineError(
                .unsuitableImage,
                "`\(name)`: the spectrum of an image of \(shape.width) x \(shape.height) needs \(need) memory; at most "
                    + "\(Self.maximumByteCount >> 20) MiB are allowed; use `resize` before, or another smoothing")
        }
    }

    /// `nil` where it is more than 2^63.
    private static func byteCount(_ shape: ImageShape) -> Int? {
        let blocks = blockCount(width: shape.width, laneCount: laneCount(shape.format.depth))
        let (numbers, overflow) = blocks.multipliedReportingOverflow(by: shape.height)
        let (bytes, overflowOfBytes) = numbers.multipliedReportingOverflow(by: 2 * 64)
        return overflow || overflowOfBytes ? nil : bytes
    }

    static func parameters(_ effect: String) -> [ParameterDescription] {
        [
            ParameterDescription(
                "cutoff", "the frequency at which half \(effect)", .number(0.1...1_000_000), default: .number(50),
                unit: "cycles along the longer side"),
            ParameterDescription("order", "how steep the filter is", .integer(1...20), default: .integer(2)),
            ParameterDescription(
                "border",
                "how the image continues beyond its edges; reflect: mirrored; periodic: repeated, so that opposite edges show "
                    + "in each other",
                .choice(Border.allCases.map(\.rawValue)), default: .word(Border.reflect.rawValue)),
        ]
    }

    /// How the result follows from NumPy.
    static func definition(_ gain: String, _ result: String) -> String {
        "NumPy, with border=periodic: d = max(h, w) * np.hypot(np.fft.fftfreq(h)[:, None], np.fft.rfftfreq(w)), g = \(gain), "
            + "np.fft.irfft2(np.fft.rfft2(v) * g, s=(h, w))\(result), ties to even; within 1 level where a result is as good as "
            + "a tie. With border=reflect the same of np.pad(v, ((0, h), (0, w)), 'symmetric'), with fftfreq(2 * h), "
            + "rfftfreq(2 * w) and s=(2 * h, 2 * w), of which the first h rows and w columns are kept"
    }
}
