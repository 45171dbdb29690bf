/// What an operation of one channel does with colours.
package enum ColorTreatment: String, CaseIterable, Sendable {
    /// The grayscale is taken first.
    case gray
    /// Each channel is treated by itself.
    case each

    static let parameter = ParameterDescription(
        "channels", "of a colour image; gray: its grayscale is taken first; each: every channel by itself",
        .choice(allCases.map(\.rawValue)), default: .word(gray.rawValue))

    static let result = "gray, or gray+alpha where there was alpha; with channels=each the format of the input"

    /// The computations on what is left of the colours.
    func computations(_ computations: [any RowComputation], of input: ImageShape) -> OperationComputation {
        .rows(self == .gray && input.format.layout.isColor ? [Luma()] + computations : computations)
    }
}
