/// What the morphological operations have in common: their parameters, and how they are read.
struct MorphologyArguments: Sendable {
    let element: WindowExtremum.Shape
    let size: Int
    let iterations: Int
    /// `nil`: pixels outside do not count.
    let border: Padding?

    static let parameters = [
        ParameterDescription(
            "size", "the side of the window", .oddInteger(1...255), default: .integer(3), unit: "pixels"),
        ParameterDescription(
            "shape", "the window: a square, the ellipse or the cross in it",
            .choice(WindowExtremum.Shape.allCases.map(\.rawValue)), default: .word("rect")),
        ParameterDescription("iterations", "how often each step is applied", .integer(1...100), default: .integer(1)),
        ParameterDescription(
            "border", "what the window sees outside the image; ignore: nothing; constant: level 0",
            .choice([BorderRule.ignore.rawValue] + Padding.allCases.map(\.rawValue)),
            default: .word(BorderRule.ignore.rawValue)),
    ]

    init(_ arguments: OperationArguments) {
        element = arguments.choice("shape")
        size = arguments.integer("size")
        iterations = arguments.integer("iterations")
        border = Padding(rawValue: arguments.word("border"))
    }

    static func description(
        _ name: String, keywords: String, examples: [String], summary: String, matches: String
    ) -> OperationDescription {
        OperationDescription(
            name, family: .morphology, keywords: keywords, examples: examples, summary: summary, parameters: parameters,
            border: .ignore, matches: matches)
    }

    /// `iterations` erosions or dilations.
    func windows(_ extremum: Extremum) -> [any RowComputation] {
        func window(_ size: Int) -> any RowComputation {
            let inner = WindowExtremum(shape: element, size: size, extremum: extremum)
            return border.map { Padded(inner: inner, padding: $0) } ?? inner
        }
        if element == .rect {
            // Squares add up: n times a square is one larger square. Not beyond 255, since it needs as many rows of memory.
            let together = min(iterations, size == 1 ? iterations : max(1, 254 / (size - 1)))
            return stride(from: 0, to: iterations, by: together).map { done in
                window((size - 1) * min(together, iterations - done) + 1)
            }
        }
        return Array(repeating: window(size), count: iterations)
    }
}

/// Which sample value of a window is taken.
package enum Extremum: Sendable {
    case minimum, maximum
}

/// The smallest or largest sample value of a window. Pixels outside the image do not count.
package struct WindowExtremum: WindowComputation {
    package enum Shape: String, CaseIterable, Sendable {
        case rect, ellipse, cross
    }

    package let shape: Shape
    /// The side of the window.
    package let size: Int
    package let extremum: Extremum

    package var radius: Int { size / 2 }
}
