/// The value of a parameter.
public enum ArgumentValue: Hashable, Sendable, CustomStringConvertible {
    case integer(Int)
    case number(Double)
    case word(String)
    case matrix(Matrix)
    case numbers([Double])
    case color(PaintColor)
    case image(AttachedImage)
    case auto

    /// The form in a pipeline: the shortest decimal that reads back as the same value, a matrix in quotes.
    public var description: String {
        switch self {
        case .integer(let value): return String(value)
        case .number(let value):
            let text = String(value)
            return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
        case .matrix(let matrix): return "\"\(matrix)\""
        case .numbers(let numbers): return numbers.map { ArgumentValue.number($0).description }.joined(separator: ",")
        case .color(let color): return color.description
        case .image(let image): return image.description
        case .word(let word): return word
        case .auto: return "auto"
        }
    }
}

/// Rows of numbers, all equally many.
public struct Matrix: Hashable, Sendable, CustomStringConvertible {
    /// At least one, of at least one number.
    public let rows: [[Double]]

    /// - Parameter rows: `nil` is returned unless they are equally long, and there is a number.
    public init?(rows: [[Double]]) {
        guard let first = rows.first, !first.isEmpty, rows.allSatisfy({ $0.count == first.count }) else { return nil }
        self.rows = rows
    }

    private init(one number: Double) { rows = [[number]] }

    /// The matrix of one number, 1.
    public static let identity = Matrix(one: 1)

    public var rowCount: Int { rows.count }
    public var columnCount: Int { rows[0].count }

    /// Rows separated by `/`, numbers by spaces.
    public var description: String {
        rows.map { row in row.map { ArgumentValue.number($0).description }.joined(separator: " ") }
            .joined(separator: " / ")
    }
}

/// The arguments of one operation: those that were given, and the defaults of the others.
public struct OperationArguments: Sendable {
    public let operation: OperationDescription
    private let given: [String: ArgumentValue]

    /// - Parameter given: values that fit their parameters; the parser sees to it.
    init(of operation: OperationDescription, given: [String: ArgumentValue]) {
        self.operation = operation
        self.given = given
    }

    /// The same arguments and one more, whose value fits its parameter.
    func giving(_ value: ArgumentValue, as name: String) -> OperationArguments {
        OperationArguments(of: operation, given: given.merging([name: value]) { _, new in new })
    }

    /// `name parameter=value ...` with the arguments that were given, in the order of the description.
    public var canonicalText: String {
        let arguments = operation.parameters.compactMap { parameter in
            given[parameter.name].map { "\(parameter.name)=\($0)" }
        }
        return ([operation.name] + arguments).joined(separator: " ")
    }

    public func isGiven(_ name: String) -> Bool { given[name] != nil }

    /// The value given for the parameter, else its default.
    public subscript(_ name: String) -> ArgumentValue {
        guard let parameter = operation.parameter(name) else {
            preconditionFailure("\(operation.name) describes no parameter \(name)")
        }
        return given[name] ?? parameter.defaultValue
    }

    /// The value of an integer parameter that is not `auto`.
    public func integer(_ name: String) -> Int {
        guard case .integer(let value) = self[name] else {
            preconditionFailure("\(operation.name) \(name): not an integer")
        }
        return value
    }

    /// The value of an integer parameter, `nil` for `auto`.
    public func integerUnlessAuto(_ name: String) -> Int? {
        self[name] == .auto ? nil : integer(name)
    }

    public func number(_ name: String) -> Double {
        switch self[name] {
        case .number(let value): return value
        case .integer(let value): return Double(value)
        case .word, .matrix, .numbers, .color, .image, .auto:
            preconditionFailure("\(operation.name) \(name): not a number")
        }
    }

    /// The value of a number parameter, `nil` for `auto`.
    public func numberUnlessAuto(_ name: String) -> Double? {
        self[name] == .auto ? nil : number(name)
    }

    public func matrix(_ name: String) -> Matrix {
        guard case .matrix(let matrix) = self[name] else {
            preconditionFailure("\(operation.name) \(name): not a matrix")
        }
        return matrix
    }

    public func numbers(_ name: String) -> [Double] {
        guard case .numbers(let numbers) = self[name] else {
            preconditionFailure("\(operation.name) \(name): not a list of numbers")
        }
        return numbers
    }

    public func color(_ name: String) -> PaintColor {
        guard case .color(let color) = self[name] else {
            preconditionFailure("\(operation.name) \(name): not a colour")
        }
        return color
    }

    /// The image that was given, if there is one.
    public func image(_ name: String) -> AttachedImage? {
        guard case .image(let image) = self[name] else { return nil }
        return image
    }

    /// The value of a choice.
    public func word(_ name: String) -> String {
        guard case .word(let word) = self[name] else {
            preconditionFailure("\(operation.name) \(name): \(self[name]) is not a word")
        }
        return word
    }

    /// The value of a choice as a case of the enumeration that lists its words.
    public func choice<Choice: RawRepresentable<String>>(_ name: String, as _: Choice.Type = Choice.self) -> Choice {
        guard let choice = Choice(rawValue: word(name)) else {
            preconditionFailure("\(operation.name) \(name): \(self[name]) is not a \(Choice.self)")
        }
        return choice
    }

    /// The value of a choice, `nil` for `auto`.
    public func choiceUnlessAuto<Choice: RawRepresentable<String>>(
        _ name: String, as type: Choice.Type = Choice.self
    ) -> Choice? {
        self[name] == .auto ? nil : choice(name, as: type)
    }

    /// A level that is meant for every depth: see `ParameterDescription.isLevel`.
    public func level(_ name: String) -> Level {
        Level(value: number(name), isGiven: isGiven(name))
    }
}

/// A sample level as an argument: taken as it is when it was given, else scaled to the depth of the image.
public struct Level: Hashable, Sendable {
    public let value: Double
    public let isGiven: Bool

    public func at(_ depth: SampleDepth) -> Double {
        isGiven || depth == .eight ? value : value * 257
    }
}
