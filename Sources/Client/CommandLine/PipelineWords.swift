import ArgumentParser
import ClientKit
import Names
import Pipelines
import Settings

/// Recognises a pipeline that the shell has split, because its quotes were forgotten, one that is not the first word, and one
/// whose quotes end too late.
///
/// `tessera run gaussian-blur sigma=3 photo.png` names two files, of which `sigma=3` does not exist: without this look, the
/// other one would be processed with a sigma that was not asked for.
struct PipelineWords {
    /// The command's name, for the advice.
    let command: String
    let pipeline: String
    /// The words after it.
    let files: [String]
    /// The options that the advice repeats, such as `-o x/`.
    var options: [String] = []
    var presets = PresetBook()
    /// What a path leads to; `nil` for nothing.
    var kind: (String) -> FileStatus.Kind? = { FileStatus(at: BytePath(text: $0))?.kind }

    /// What is wrong with the words; `nil` when they can be a pipeline and files.
    var complaint: ClientError? { enclosed ?? swapped ?? split ?? misplacedOutput }

    /// Words after the pipeline that are parts of one, and not files.
    private var split: ClientError? {
        let words = files.filter { isStray($0) }
        // A directory of that name is an input that is refused later, unless the words make sense as a pipeline.
        let strays = reading(words) == nil ? words.filter { kind($0) == nil } : words
        guard let first = strays.first else { return nil }
        let rest = files.filter { !strays.contains($0) }
        let meant = reading(strays) ?? (strays.allSatisfy(isPart) ? joined([pipeline] + strays) : nil)
        if let meant {
            return .usage(
                "'\(ShownText.of(first))' is not a file; it looks like a part of the pipeline, which is one argument, in "
                    + "quotes:\n  " + advice(meant, rest))
        }
        if let misplacedOutput { return misplacedOutput }
        return .usage(
            "no file is called '\(ShownText.of(first))'. If the word is part of the pipeline, put the whole pipeline in "
                + "quotes:\n  " + advice(example, rest))
    }

    /// A file in the place of the pipeline.
    private var swapped: ClientError? {
        guard !isPipeline(pipeline), !isOperation(pipeline) else { return nil }
        let isFile = kind(pipeline) == .regular
        guard isFile || looksLikeImage(pipeline) && !hasParameter, isFile || !beginsWithOperation else { return nil }
        let found = files.first(where: isPipeline)
        return .usage(
            "'\(ShownText.of(pipeline))' \(isFile ? "is a file" : "looks like a file"), but the pipeline comes first:\n  "
                + advice(found ?? "PIPELINE", [pipeline] + files.filter { $0 != found }))
    }

    /// Whether the pipeline reads `word name=value`, as an operation that does not exist would.
    private var hasParameter: Bool { Pipeline.words(of: Substring(pipeline)).dropFirst().contains { $0.contains("=") } }

    /// Files within the pipeline's quotes, and what a shell does not see there: `<` and `>`.
    private var enclosed: ClientError? {
        guard kind(pipeline) != .regular, !isPipeline(pipeline) else { return nil }
        var (kept, inputs, output): ([String], [String], String?) = ([], [], nil)
        var rest = Pipeline.words(of: Substring(pipeline)).map { String($0) }[...]
        while let word = rest.popFirst() {
            if word.hasPrefix(">") || word.hasPrefix("<") {
                let attached = String(word.drop { "<>".contains($0) })
                guard let name = attached.isEmpty ? rest.popFirst() : attached else { return nil }
                if word.hasPrefix(">") { output = name } else { inputs.append(name) }
            } else if ["-o", "--output"].contains(word), let name = rest.popFirst() {
                output = name
            } else if kind(word) == .regular || looksLikeImage(word) {
                inputs.append(word)
            } else {
                kept.append(word)
            }
        }
        let reading = kept.joined(separator: " ")
        guard let first = inputs.first ?? output, !kept.isEmpty, isPipeline(reading) else { return nil }
        var fixed = self
        if let output, options.first != "-o" { fixed.options = ["-o", output] + options }
        return .usage(
            "'\(ShownText.of(first))' is within the quotes of the pipeline, but files come behind them:\n  "
                + fixed.advice(reading, inputs + files))
    }

    /// A place for results that is written like an image, as the other tools have it.
    private var misplacedOutput: ClientError? {
        guard command == "run", options.isEmpty, files.count > 1, let last = files.last, last != "-" else { return nil }
        let images = files.dropLast()
        guard images.allSatisfy({ $0 == "-" || kind($0) == .regular }) else { return nil }
        let isDirectory = kind(last) == .directory
        guard isDirectory || kind(last) == nil else { return nil }
        var place = last
        // A name without an ending is not that of an image.
        if isDirectory || !last.contains("."), !last.hasSuffix("/") { place += "/" }
        guard images.count == 1 || place.hasSuffix("/") else { return nil }
        var fixed = self
        fixed.options = ["-o", place]
        return .usage(
            "'\(ShownText.of(last))' \(isDirectory ? "is a directory" : "is not there"); did you mean -o "
                + "\(ShellWord.quoted(place))?\n  " + fixed.advice(pipeline, Array(images)))
    }

    // MARK: Words

    /// Whether the word belongs into a pipeline, and no file has this name; a missing file is called like one: it has a "/" or
    /// a ".".
    private func isStray(_ word: String) -> Bool {
        guard word != "-" else { return false }
        switch kind(word) {
        case .regular?, .other?, .link?: return false
        case .directory?: return isBare(word)
        case nil: return isPart(word) || isBare(word)
        }
    }

    private func isBare(_ word: String) -> Bool {
        !word.contains("/") && (!word.contains(".") || Double(word) != nil)
    }

    /// Whether the word can only be a part of a pipeline.
    private func isPart(_ word: String) -> Bool {
        if word.hasPrefix("@") || word.contains("|") { return true }
        if isOperation(word) { return true }
        guard let equals = word.firstIndex(of: "="), !word.contains("/") else { return false }
        let name = word[..<equals]
        if name.isEmpty { return !looksLikeImage(word) }
        let isName =
            name.first?.isLetter == true
            && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_".contains($0)) }
        return isName && (Self.parameters.contains(String(name)) || !looksLikeImage(word))
    }

    private static let parameters = Set(OperationCatalogue.all.flatMap { $0.description.parameters.map(\.name) })
    private static let operations = OperationCatalogue.all.map { $0.description.name }

    private func isOperation(_ word: String) -> Bool { OperationCatalogue.operation(spelled: word) != nil }

    private func isPipeline(_ text: String) -> Bool {
        (try? PipelineCheck(presets: presets).canonicalText(of: text)) != nil
    }

    /// Whether the pipeline has several words, of which the first is an operation or nearly one.
    private var beginsWithOperation: Bool {
        let words = Pipeline.words(of: Substring(pipeline))
        guard words.count > 1, let first = words.first else { return false }
        return isOperation(String(first)) || NearestName.of(first, among: Self.operations) != nil
    }

    private func looksLikeImage(_ word: String) -> Bool {
        [".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".gif"].contains { word.lowercased().hasSuffix($0) }
    }

    // MARK: What was meant

    /// The pipeline with the words behind it, as they were meant: `flip` and `vertical` are `flip axis=vertical`.
    /// - Returns: `nil` when the words are not a pipeline in any way.
    private func reading(_ words: [String]) -> String? {
        guard !words.isEmpty else { return nil }
        var text = pipeline
        if lastOperation(of: text) == nil, !text.hasPrefix("@"), !text.contains(where: \.isWhitespace),
            let near = NearestName.of(text, among: Self.operations)
        {
            text = near
        }
        var rest = words[...]
        while let word = rest.popFirst() {
            let equals = word.firstIndex(of: "=")
            if word.contains("|") {
                text += " " + word
            } else if isOperation(word) || word.hasPrefix("@") {
                text += Self.separator(behind: text) + word
            } else if let equals, equals != word.startIndex {
                let value = word.hasSuffix("=") ? rest.popFirst() ?? "" : ""
                text += " " + word + value
            } else if lastOperation(of: text)?.parameter(word) != nil {
                var value = rest.popFirst()
                if value == "=" { value = rest.popFirst() }
                guard let value else { return nil }
                text += " \(word)=" + Self.value(value.hasPrefix("=") ? String(value.dropFirst()) : value)
            } else if let longer = taking(word, text) {
                text = longer
            } else if let near = NearestName.of(word, among: Self.operations) {
                text += Self.separator(behind: text) + near
            } else {
                return nil
            }
        }
        return isPipeline(text) ? text : nil
    }

    /// `text` with the word as the value of the first parameter of its last operation that takes it.
    private func taking(_ word: String, _ text: String) -> String? {
        guard let operation = lastOperation(of: text), let step = Pipeline.steps(of: text).last else { return nil }
        let given = Pipeline.words(of: step)
        for parameter in operation.parameters where !given.contains(where: { $0.hasPrefix("\(parameter.name)=") }) {
            let argument = " \(parameter.name)=\(Self.value(word))"
            if (try? PipelineCache.shared.pipeline("\(step)\(argument)")) != nil { return text + argument }
        }
        return nil
    }

    private func lastOperation(of text: String) -> OperationDescription? {
        guard let step = Pipeline.steps(of: text).last, let name = Pipeline.words(of: step).first else { return nil }
        return OperationCatalogue.operation(spelled: name)?.description
    }

    /// The value as a pipeline takes it for one word.
    private static func value(_ text: String) -> String {
        text.contains(where: \.isWhitespace) && !text.contains("\"") ? "\"\(text)\"" : text
    }

    private static func separator(behind text: String) -> String {
        text.isEmpty ? "" : text.hasSuffix("|") ? " " : " | "
    }

    /// The pipeline with a parameter that it may have.
    private var example: String {
        guard let operation = lastOperation(of: pipeline), let parameter = operation.parameters.first,
            !pipeline.contains("=")
        else { return pipeline }
        return "\(pipeline) \(parameter.name)=..."
    }

    /// The words as a pipeline: an operation begins a step of its own.
    private func joined(_ words: [String]) -> String {
        var text = ""
        for word in words {
            let beginsStep = isOperation(word) || word.hasPrefix("@")
            text += (beginsStep ? Self.separator(behind: text) : text.isEmpty ? "" : " ") + word
        }
        return text
    }

    private func advice(_ pipeline: String, _ files: [String]) -> String {
        var names = files.prefix(2).map(ShellWord.quoted)
        if files.count > 2 { names.append("...") }
        if files.isEmpty, !options.contains("--files-from") { names.append("FILE") }
        let words = ["tessera", command, "'\(ShownText.of(pipeline))'"] + names + options.map(ShellWord.quoted)
        return words.joined(separator: " ")
    }
}

extension PipelineWords {
    /// - Parameter options: the options that an advice repeats.
    /// - Throws: `ValidationError` when there are no files; the one word may be a file where the pipeline is missing.
    static func requireFiles(
        _ files: [String], after pipeline: String, of command: String, options: [String] = []
    ) throws {
        guard files.isEmpty else { return }
        let words = PipelineWords(command: command, pipeline: pipeline, files: [], options: options)
        throw ValidationError(
            (words.enclosed ?? words.swapped)?.message ?? "which images? tessera \(command) '\(pipeline)' FILE...")
    }
}

extension ClientSettings {
    /// - Parameter options: the options that an advice repeats.
    /// - Throws: `ClientError` for words that cannot be a pipeline and files.
    func refuseStrays(
        _ pipeline: String, _ files: [String], of command: String, options: [String]
    ) throws(ClientError) {
        let words = PipelineWords(
            command: command, pipeline: pipeline, files: files, options: options, presets: try presets())
        if let complaint = words.complaint { throw complaint }
    }
}
