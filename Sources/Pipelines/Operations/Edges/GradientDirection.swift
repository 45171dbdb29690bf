/// Which derivative a gradient operation shows.
package enum GradientDirection: String, CaseIterable, Sendable {
    case both, x, y

    static let parameter = ParameterDescription(
        "direction", "x or y: the absolute derivative along that axis; both: the length of the gradient",
        .choice(allCases.map(\.rawValue)), default: .word(both.rawValue))

    var combination: Gradient.Combination {
        switch self {
        case .both: .length
        case .x: .absoluteX
        case .y: .absoluteY
        }
    }
}
