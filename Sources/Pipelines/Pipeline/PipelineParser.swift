/// Reads a pipeline's text; what it refuses it explains.
enum PipelineParser {
    struct Step: Sendable {
        let operation: any Operation.Type
        let arguments: OperationArguments

        /// The same step with one argument more, whose value fits its parameter.
        func giving(_ value: ArgumentValue, as name: String) -> Step {
            Step(operation: operation, arguments: arguments.giving(value, as: name))
        }
    }

    static func parse(_ text: String) throws(PipelineError) -> [Step] {
        try checkLength(text)
        guard text.count(where: { $0 == "\"" }).isMultiple(of: 2) else {
            throw PipelineError(
                .badSyntax, "the pipeline has a quote (\") that is not closed; write values with spaces as name=\"...\""
            )
        }
        let pieces = Pipeline.steps(of: text)
        try checkCount(pieces.count)
        // Nothing is done to the image: its file is converted.
        if pieces.count == 1, Pipeline.words(of: pieces[0]).isEmpty { return [] }
        var steps: [Step] = []
        for (index, piece) in pieces.enumerated() {
            let words = Pipeline.words(of: piece)
            guard let name = words.first else {
                throw PipelineError(
                    .emptyPipeline,
                    "operation \(index + 1) of \(pieces.count) is empty; write one between two `|`")
            }
            steps.append(try step(String(name), words.dropFirst()))
        }
        return steps
    }

    /// Refuses a pipeline that is too long, whether it was read or put together.
    static func check(_ text: String, stepCount: Int) throws(PipelineError) {
        try checkLength(text)
        try checkCount(stepCount)
    }

    private static func checkLength(_ text: String) throws(PipelineError) {
        guard text.utf8.count <= Pipeline.maximumTextByteCount else {
            throw PipelineError(
                .textTooLong,
                "the pipeline has \(text.utf8.count) bytes; at most \(Pipeline.maximumTextByteCount) are allowed")
        }
    }

    private static func checkCount(_ count: Int) throws(PipelineError) {
        guard count <= Pipeline.maximumOperationCount else {
            throw PipelineError(
                .tooManyOperations,
                "the pipeline has \(count) operations; at most \(Pipeline.maximumOperationCount) are allowed")
        }
    }

    /// The pieces between separators that are not in quotes; they may be empty.
    static func fields(_ text: Substring, separatedBy isSeparator: (Character) -> Bool) -> [Substring] {
        var fields: [Substring] = []
        var start = text.startIndex
        var isQuoted = false
        for index in text.indices {
            if text[index] == "\"" {
                isQuoted.toggle()
            } else if !isQuoted && isSeparator(text[index]) {
                fields.append(text[start..<index])
                start = text.index(after: index)
            }
        }
        return fields + [text[start...]]
    }

    private static func step(_ name: String, _ words: ArraySlice<Substring>) throws(PipelineError) -> Step {
        guard let operation = OperationCatalogue.operation(spelled: name) else { throw unknownOperation(name) }
        let description = operation.description
        var given: [String: ArgumentValue] = [:]
        for word in words {
            let (parameter, value) = try argument(word, of: description)
            guard given.updateValue(value, forKey: parameter.name) == nil else {
                throw PipelineError(
                    .repeatedParameter, "`\(description.name)` has `\(parameter.name)` more than once; write it once")
            }
        }
        return Step(operation: operation, arguments: OperationArguments(of: description, given: given))
    }

    private static func unknownOperation(_ name: String) -> PipelineError {
        if name.first == "@" {
            return PipelineError(
                .unknownPreset, "`\(shown(name))` names a preset, which the submitter of the pipeline must expand first"
            )
        }
        var message = "there is no operation `\(shown(name))`"
        let nearest = OperationCatalogue.nearest(to: name).map { "`\($0.name)`" }
        if isFileName(name) {
            message += "; it looks like a file: the pipeline comes first, the files after it"
        } else if conversions.contains(name.lowercased()) {
            message += "; a pipeline that is empty, '', changes nothing but the format"
        } else if let last = nearest.last {
            let others = nearest.dropLast().joined(separator: ", ")
            message += ", did you mean \(others)\(others.isEmpty ? "" : " or ")\(last)?"
        } else {
            message += ", nor one that is called or described so"
        }
        return PipelineError(
            .unknownOperation, message + " (`tessera ops` lists all, `tessera ops --search WORD` finds some)")
    }

    /// What other programs call an operation that leaves the pixels as they are.
    private static let conversions: Set<String> = ["convert", "copy", "format", "identity", "none", "noop", "reformat"]

    /// Whether a name has a directory or an ending, as no operation's has.
    private static func isFileName(_ name: String) -> Bool {
        if name.contains("/") { return true }
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return false }
        let ending = name[name.index(after: dot)...]
        return (2...5).contains(ending.count) && ending.allSatisfy { $0.isLetter || $0.isNumber }
    }

    private static func argument(
        _ word: Substring, of operation: OperationDescription
    ) throws(PipelineError) -> (ParameterDescription, ArgumentValue) {
        guard let equals = word.firstIndex(of: "=") else {
            throw PipelineError(
                .badSyntax,
                "`\(operation.name)` is followed by `\(shown(word))`; write arguments as name=value without spaces, "
                    + "and `|` between operations")
        }
        let name = String(word[..<equals])
        guard let parameter = operation.parameter(spelled: name) else {
            let names = operation.parameters.map(\.name)
            throw PipelineError(
                .unknownParameter,
                "`\(operation.name)` has no parameter `\(shown(name))`"
                    + (names.isEmpty
                        ? "; it takes none"
                        : "\(suggestion(for: name, among: names)); its parameters: \(names.joined(separator: ", "))"))
        }
        let text = word[word.index(after: equals)...]
        guard let value = value(unquoted(text), for: parameter) else {
            throw PipelineError(
                .badValue,
                "`\(operation.name)`: \(parameter.name)=\(shown(text)) is not allowed; \(parameter.name) is "
                    + "\(parameter.allowed) (default \(parameter.defaultValue))")
        }
        return (parameter, value)
    }

    /// The text between quotes, when the text begins and ends with one.
    private static func unquoted(_ text: Substring) -> Substring {
        text.count >= 2 && text.first == "\"" && text.last == "\"" ? text.dropFirst().dropLast() : text
    }

    private static func value(_ text: Substring, for parameter: ParameterDescription) -> ArgumentValue? {
        if parameter.mayBeAuto && text.lowercased() == "auto" { return .auto }
        switch parameter.kind {
        case .integer(let range):
            guard let value = Int(text), range.contains(value) else { return nil }
            return .integer(value)
        case .oddInteger(let range):
            guard let value = Int(text), range.contains(value), value % 2 != 0 else { return nil }
            return .integer(value)
        case .number(let range):
            return number(Substring(parameter.synonyms[String(text)] ?? String(text)), in: range).map { .number($0) }
        case .matrix(let maximumSide, let range):
            var rows: [[Double]] = []
            for line in text.split(separator: "/", omittingEmptySubsequences: false) {
                let row = line.split(whereSeparator: \.isWhitespace).map { number($0, in: range) }
                rows.append(row.compactMap { $0 })
                if row.contains(nil) || rows.count > maximumSide || row.count > maximumSide { return nil }
            }
            guard let matrix = Matrix(rows: rows), matrix.rowCount % 2 != 0, matrix.columnCount % 2 != 0 else {
                return nil
            }
            return .matrix(matrix)
        case .numbers(let count, let range):
            let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map { field in
                number(field.drop(while: \.isWhitespace), in: range)
            }
            let read = numbers.compactMap { $0 }
            return numbers.count == count && read.count == count ? .numbers(read) : nil
        case .color: return PaintColor(text).map { .color($0) }
        case .image:
            if ArgumentValue.word(String(text)) == parameter.defaultValue { return parameter.defaultValue }
            return AttachedImage(text).map { .image($0) }
        case .choice(let words):
            return word(text, among: words, or: parameter.synonyms).map { .word($0) }
        }
    }

    /// The word of a choice that `text` is, spells, or is another word for.
    private static func word(_ text: Substring, among words: [String], or synonyms: [String: String]) -> String? {
        let text = String(text)
        if words.contains(text) { return text }
        if let word = synonyms[text] { return word }
        // Signs of numbers count, hyphens between letters do not.
        guard text.contains(where: \.isLetter) else { return nil }
        return Spelling.name(text, among: words) ?? synonyms[Spelling.key(text)]
    }

    /// A number in decimal notation only: `Double` also reads hexadecimal, "inf" and "nan".
    private static func number(_ text: Substring, in range: ClosedRange<Double>) -> Double? {
        guard text.utf8.allSatisfy({ "0123456789+-.eE".utf8.contains($0) }), let value = Double(text),
            range.contains(value)
        else { return nil }
        return value == 0 ? 0 : value
    }

    /// What a message quotes of a text that may be of any length.
    private static func shown(_ text: some StringProtocol) -> String {
        text.count <= 40 ? String(text) : text.prefix(40) + "..."
    }

    /// `; did you mean ...?` for the nearest name, when it is near.
    static func suggestion(for name: String, among names: [String]) -> String {
        guard name.utf8.count <= 40 else { return "" }
        let nearest = names.map { (name: $0, distance: editDistance(name, $0)) }.min { $0.distance < $1.distance }
        guard let nearest, nearest.distance <= max(2, nearest.name.utf8.count / 2) else { return "" }
        return ", did you mean `\(nearest.name)`?"
    }
}

/// How many bytes must be inserted, deleted or replaced to turn one text into the other (Levenshtein).
func editDistance(_ left: String, _ right: String) -> Int {
    let right = Array(right.utf8)
    var previous = Array(0...right.count)
    for (row, byte) in left.utf8.enumerated() {
        var current = [row + 1]
        for (column, other) in right.enumerated() {
            let replaced = previous[column] + (byte == other ? 0 : 1)
            current.append(min(replaced, previous[column + 1] + 1, current[column] + 1))
        }
        previous = current
    }
    return previous[right.count]
}
