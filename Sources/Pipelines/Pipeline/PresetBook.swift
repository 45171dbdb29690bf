/// Named pipelines, to be used as `@name` where a pipeline has an operation.
///
///     # what our scanner needs
///     descreen = median size=3 | gaussian-blur sigma=0.8
///     archive  = @descreen | grayscale |
///                stretch low=1 high=99
///
/// One preset per line; a line that ends with `|` continues in the next one; `#` begins a comment at the start of a line. A
/// preset may use others. The submitter expands presets: a master gets pipelines without any.
public struct PresetBook: Sendable {
    /// Longer texts are refused.
    public static let maximumTextByteCount = 1 << 20
    /// Presets that use presets that use ...: deeper than this is refused.
    static let maximumDepth = 16

    /// In alphabetical order.
    public var names: [String] { pipelines.keys.sorted() }
    private let pipelines: [String: String]

    /// A book without a page.
    public init() { pipelines = [:] }

    /// Reads a book, and every pipeline in it.
    ///
    /// - Parameters:
    ///   - text: lines as above.
    ///   - origin: what messages call the text, such as its file's name.
    public init(parsing text: String, origin: String) throws(PipelineError) {
        func refused(_ line: Int, _ why: String) -> PipelineError {
            PipelineError(.badPresets, "\(origin), line \(line): \(why)")
        }
        guard text.utf8.count <= Self.maximumTextByteCount else {
            throw PipelineError(
                .badPresets,
                "\(origin) has \(text.utf8.count) bytes; at most \(Self.maximumTextByteCount) are allowed")
        }
        var pipelines: [String: String] = [:]
        var lineOf: [String: Int] = [:]
        for (line, entry) in Self.entries(text) {
            guard let equals = entry.firstIndex(of: "=") else {
                throw refused(line, "`\(entry.prefix(40))` is not a preset; write `name = operation | operation ...`")
            }
            let name = String(Self.trimmed(entry[..<equals]))
            guard Self.isName(name) else {
                throw refused(
                    line, "`\(name.prefix(40))` cannot be a name; use lower-case letters, digits and `-`, at most 64")
            }
            if let first = lineOf[name] {
                throw refused(line, "`\(name)` is there already, on line \(first); give one of them another name")
            }
            lineOf[name] = line
            pipelines[name] = String(Self.trimmed(entry[entry.index(after: equals)...]))
        }
        self.pipelines = pipelines
        for name in names {
            do throws(PipelineError) {
                let pipeline = try Pipeline(parsing: expanding("@" + name))
                guard !pipeline.operations.isEmpty else {
                    throw PipelineError(
                        .emptyPipeline,
                        "it is empty; write at least one operation, such as `gaussian-blur sigma=3`")
                }
            } catch {
                throw PipelineError(
                    error.code, "\(origin), line \(lineOf[name] ?? 0), preset `\(name)`: \(error.message)")
            }
        }
    }

    /// The pipeline that the book has under `name`, as it is written there.
    public func text(of name: String) -> String? { pipelines[name] }

    /// The pipeline with every `@name` replaced by what it stands for. All else is left to the parser.
    public func expanding(_ pipeline: String) throws(PipelineError) -> String {
        try expanding(pipeline, within: [])
    }

    private func expanding(_ pipeline: String, within users: [String]) throws(PipelineError) -> String {
        var steps: [String] = []
        var byteCount = 0
        for step in Pipeline.steps(of: pipeline) {
            let text = try expandingStep(step, within: users)
            byteCount += text.utf8.count
            // Presets that use presets twice over grow by doubling.
            guard byteCount <= Pipeline.maximumTextByteCount else {
                throw PipelineError(
                    .textTooLong,
                    "with its presets the pipeline has more than the \(Pipeline.maximumTextByteCount) bytes that are allowed"
                )
            }
            steps.append(text)
        }
        return steps.joined(separator: "|")
    }

    private func expandingStep(_ step: Substring, within users: [String]) throws(PipelineError) -> String {
        let word = Self.trimmed(step)
        guard word.first == "@" else { return String(step) }
        let name = String(word.dropFirst())
        guard !name.contains(where: \.isWhitespace) else {
            throw PipelineError(
                .badSyntax, "`\(word.prefix(60))`: a preset takes no arguments; join it to others with `|`")
        }
        guard let text = pipelines[name] else {
            throw PipelineError(
                .unknownPreset,
                "there is no preset `@\(name.prefix(40))`"
                    + (names.isEmpty
                        ? "; no presets are known: write some to a file and name it"
                        : "\(PipelineParser.suggestion(for: name, among: names)); presets: \(names.joined(separator: ", "))")
            )
        }
        guard !users.contains(name), users.count < Self.maximumDepth else {
            let path = (users + [name]).map { "@" + $0 }.joined(separator: ", which uses ")
            throw PipelineError(.badPresets, "a preset cannot use itself: \(path)")
        }
        return try expanding(text, within: users + [name])
    }

    /// Lines with their continuations, without comments, each with the number of its first line.
    private static func entries(_ text: String) -> [(line: Int, text: String)] {
        var entries: [(line: Int, text: String)] = []
        var isOpen = false
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let line = trimmed(line)
            if line.isEmpty || line.first == "#" { continue }
            if isOpen {
                entries[entries.count - 1].text += " " + line
            } else {
                entries.append((index + 1, String(line)))
            }
            isOpen = line.last == "|"
        }
        return entries
    }

    private static func isName(_ name: String) -> Bool {
        let allowed = Set("abcdefghijklmnopqrstuvwxyz0123456789-")
        return !name.isEmpty && name.count <= 64 && name.allSatisfy(allowed.contains)
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}
