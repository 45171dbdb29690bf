/// What a window sees outside the image, where an operation lets the user choose.
package enum Padding: String, CaseIterable, Sendable {
    case reflect101 = "reflect-101"
    case reflect
    case replicate
    /// Black: level 0.
    case constant

    /// The parameter of filters, whose kernels reflect without repeating the edge.
    static let parameter = ParameterDescription(
        "border", "what the window sees outside the image; constant: level 0", .choice(allCases.map(\.rawValue)),
        default: .word(reflect101.rawValue))

    /// The computation of a filter that reflects as `reflect-101`, with this border instead.
    func applied(to filter: any WindowComputation) -> any RowComputation {
        self == .reflect101 ? filter : Padded(inner: filter, padding: self)
    }
}

/// A computation on an image that is continued beyond its edges as far as the window reaches. It keeps the shape.
package struct Padded: WindowComputation {
    package let inner: any WindowComputation
    package let padding: Padding

    package var radius: Int { inner.radius }
}

/// What a window sees to the left and right of a row, and above and below the image, where the operation decides.
package enum RowBorder: Sendable {
    case reflect101
    case replicate
}
