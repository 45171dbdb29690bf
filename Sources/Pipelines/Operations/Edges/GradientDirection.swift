/// Which derivative a gradient operation shows.
package enum GradientDirection: String, CaseIterable, Sendable {
    case both, x, y

    static let parameter = ParameterDescription(
        "direction", "x or y: the absolute derivative along that axis; both: the length of the gradient",
        .choice(allCases.map(\.rawValue)), default: .word(both.rawValue))

    /// The factor of operations that let the user choose it.
    static func scale(default value: Double, _ meaning: String) -> ParameterDescription {
        ParameterDescription(
            "scale", "factor for the result, before it is rounded and saturated; \(meaning)", .number(0.0001...1000),
            default: .number(value))
    }

    var combination: Gradient.Combination {
        switch self {
        case .both: .length
        case .x: .absoluteX
        case .y: .absoluteY
        }
    }
}
