/// A pipeline for a reduced copy of an image, to see about what it does to the image.
extension Pipeline {
    /// The same pipeline with smaller lengths in pixels: windows, sigmas, sides, places.
    ///
    /// About the same only. Windows keep an odd side, values stay in their ranges, and what is measured in levels, percent or
    /// degrees stays; a matrix stays as it is.
    ///
    /// - Parameters:
    ///   - horizontal: pixels of the copy per pixel of the image, along rows; above 0, at most 1.
    ///   - vertical: the same along columns.
    public func reduced(horizontal: Double, vertical: Double) throws(PipelineError) -> Pipeline {
        var reduced: [PipelineParser.Step] = []
        for step in steps {
            var result = step
            for parameter in step.arguments.operation.parameters where parameter.unit == "pixels" {
                let factor = Self.verticalNames.contains(parameter.name) ? vertical : horizontal
                let value = step.arguments[parameter.name]
                let smaller = parameter.reduced(value, by: factor)
                if smaller != value { result = result.giving(smaller, as: parameter.name) }
            }
            reduced.append(result)
        }
        return try Pipeline(steps: reduced)
    }

    /// Parameters that are measured along columns.
    private static let verticalNames: Set<String> = ["y", "height", "max-height", "top", "bottom"]

    /// The same pipeline with a picture as its result: a last step that gives a document draws its findings instead.
    public func givingPicture() throws(PipelineError) -> Pipeline {
        guard report != nil, let last = steps.last,
            case .choice(let words)? = last.arguments.operation.parameter("output")?.kind, let picture = words.first
        else { return self }
        return try Pipeline(steps: steps.dropLast() + [last.giving(.word(picture), as: "output")])
    }
}

extension ParameterDescription {
    fileprivate func reduced(_ value: ArgumentValue, by factor: Double) -> ArgumentValue {
        switch (value, kind) {
        case (.integer(let side), .oddInteger(let range)):
            let nearest = 2 * Int(((Double(side) * factor - 1) / 2).rounded()) + 1
            return .integer(min(max(nearest, range.lowerBound), range.upperBound))
        case (.integer(let count), .integer(let range)):
            // Rounded down, so that a rectangle within the image is one within the copy; a whole number stays whole.
            return .integer(
                min(max(Int((Double(count) * factor + 1e-6).rounded(.down)), range.lowerBound), range.upperBound))
        case (.number(let length), .number(let range)):
            return .number(min(max(length * factor, range.lowerBound), range.upperBound))
        case (.integer(let length), .number(let range)):
            return .number(min(max(Double(length) * factor, range.lowerBound), range.upperBound))
        case (.integer, _), (.number, _), (.word, _), (.matrix, _), (.numbers, _), (.color, _), (.image, _), (.auto, _):
            return value
        }
    }
}
