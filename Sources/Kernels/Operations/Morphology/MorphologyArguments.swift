/// What the morphological operations have in common: their parameters, and how they are read.
struct MorphologyArguments: Sendable {
    let element: StructuringElement.Shape
    let size: Int
    let iterations: Int
    /// `nil`: pixels outside do not count.
    let border: Padding?

    static let parameters = [
        ParameterDescription(
            "size", "the side of the window", .oddInteger(1...255), default: .integer(3), unit: "pixels"),
        ParameterDescription(
            "shape", "the window: a square, the ellipse or the cross in it",
            .choice(StructuringElement.Shape.allCases.map(\.rawValue)), default: .word("rect")),
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

    static func description(_ name: String, summary: String, matches: String) -> OperationDescription {
        OperationDescription(
            name, family: .morphology, summary: summary, parameters: parameters, border: .ignore, matches: matches)
    }

    /// `iterations` erosions or dilations.
    func kernels(_ extremum: Extremum, _ shape: ImageShape) -> [any RowKernel] {
        func kernel(_ element: StructuringElement) -> any RowKernel {
            func inner(_ shape: ImageShape) -> any RowKernel {
                MorphologyKernel(outputShape: shape, element: element, extremum: extremum)
            }
            return border.map { PaddingKernel(shape, $0, inner) } ?? inner(shape)
        }
        if element == .rect {
            // Squares add up: n times a square is one larger square. Not beyond 255, since it needs as many rows of memory.
            let together = min(iterations, size == 1 ? iterations : max(1, 254 / (size - 1)))
            return stride(from: 0, to: iterations, by: together).map { done in
                let count = min(together, iterations - done)
                return kernel(StructuringElement(.rect, size: (size - 1) * count + 1))
            }
        }
        return Array(repeating: kernel(StructuringElement(element, size: size)), count: iterations)
    }
}
