/// An ordered list of operations with their arguments, such as `gaussian-blur sigma=3 | canny low=50 high=150`.
///
/// A value: a program reads the text once, at its border, and hands the pipeline on.
public struct Pipeline: Sendable {
    /// More operations than this are refused.
    public static let maximumOperationCount = 64
    /// Longer texts are refused.
    public static let maximumTextByteCount = 16 * 1024

    public let operations: [any Operation]
    /// The same pipeline in its normal form: one space, every argument that was given, in the order in which the
    /// operation describes its parameters. Reading it gives the same pipeline; equal texts are equal pipelines.
    public let canonicalText: String
    /// What the operations were made of.
    let steps: [PipelineParser.Step]

    /// Reads a pipeline.
    ///
    ///     pipeline  = [ operation *( "|" operation ) ]
    ///     operation = name *( space name "=" value )
    ///     value     = word | <"> *( any character but <"> ) <">
    public init(parsing text: String) throws(PipelineError) {
        try self.init(steps: PipelineParser.parse(text))
    }

    /// Binds the arguments of each step.
    init(steps: [PipelineParser.Step]) throws(PipelineError) {
        var operations: [any Operation] = []
        for step in steps { operations.append(try step.operation.init(arguments: step.arguments)) }
        self.steps = steps
        self.operations = operations
        canonicalText = steps.map(\.arguments.canonicalText).joined(separator: " | ")
        try PipelineParser.check(canonicalText, stepCount: steps.count)
        try refuseImagesOfDocuments()
        try checkAttachments()
    }

    /// Refuses operations that would change nothing because none of the parameters that they ask for is given.
    ///
    /// For what is submitted. Stored pipelines may have them: they were accepted once.
    ///
    /// - Parameter mayNameFiles: whether images may still be named by their files' paths, which mean nothing to a master.
    public func checkForSubmission(mayNameFiles: Bool = false) throws(PipelineError) {
        if !mayNameFiles, let path = attachedFiles.first {
            throw PipelineError(
                .badValue,
                "image=\(path) is a file's path, which the submitter of the pipeline must replace by the file's content"
            )
        }
        for step in steps {
            let description = step.arguments.operation
            guard !description.asksFor.isEmpty, !description.asksFor.contains(where: step.arguments.isGiven) else {
                continue
            }
            let names = description.asksFor.map { "`\($0)`" }
            let wanted =
                names.count == 1
                ? names[0] : "at least one of \(names.dropLast().joined(separator: ", ")) and \(names[names.count - 1])"
            let example = description.examples.first.map { ", such as `\(Pipeline.steps(of: $0)[0])`" } ?? ""
            throw PipelineError(
                .missingParameter,
                "`\(step.arguments.canonicalText)` changes nothing: `\(description.name)` needs \(wanted)\(example)")
        }
    }

    /// The shape of the image before the first operation, and after each one.
    public func shapes(from input: ImageShape) throws(PipelineError) -> [ImageShape] {
        var shapes = [input]
        for operation in operations { shapes.append(try operation.outputShape(for: shapes[shapes.count - 1])) }
        return shapes
    }

    /// The parts of a text between the `|`s that are not in quotes; maybe nothing but spaces.
    public static func steps(of text: String) -> [Substring] {
        PipelineParser.fields(Substring(text)) { $0 == "|" }
    }

    /// The words of a step: its operation's name, and its arguments, which may have spaces in quotes.
    public static func words(of step: Substring) -> [Substring] {
        PipelineParser.fields(step, separatedBy: \.isWhitespace).filter { !$0.isEmpty }
    }
}

/// Pipelines are equal when their normal forms are.
extension Pipeline: Hashable {
    public static func == (left: Pipeline, right: Pipeline) -> Bool { left.canonicalText == right.canonicalText }
    public func hash(into hasher: inout Hasher) { hasher.combine(canonicalText) }
}
