/// Why a pipeline cannot be read, or cannot be applied to an image; or why a partial result is malformed.
public struct PipelineError: Error, Hashable, CustomStringConvertible {
    /// What went wrong, as programs see it. The raw value is stable: it goes on the wire and into metric labels.
    public enum Code: String, Sendable, CaseIterable {
        /// The text has no operation, or a place between two `|` has none.
        case emptyPipeline = "empty-pipeline"
        /// The text is above `Pipeline.maximumTextByteCount`.
        case textTooLong = "pipeline-too-long"
        /// There are more than `Pipeline.maximumOperationCount` operations.
        case tooManyOperations = "too-many-operations"
        /// An argument is not of the form `name=value`.
        case badSyntax = "bad-syntax"
        case unknownOperation = "unknown-operation"
        case unknownParameter = "unknown-parameter"
        case repeatedParameter = "repeated-parameter"
        /// An operation changes nothing because none of the parameters that it asks for was given.
        case missingParameter = "missing-parameter"
        /// There is no preset of this name, or the text was not expanded.
        case unknownPreset = "unknown-preset"
        /// A file of presets is malformed, or a preset uses itself.
        case badPresets = "bad-presets"
        /// A value is not of its parameter's type, or out of its range.
        case badValue = "bad-value"
        /// JSON was asked of a pipeline that gives an image.
        case noDocument = "no-document"
        /// An operation refuses this pixel format or size.
        case unsuitableImage = "unsuitable-image"
        /// A summary or value of a whole-image operation is malformed: it was damaged, or made by another release.
        case badPartialResult = "bad-partial-result"
    }

    public let code: Code
    /// For a person: what happened, with which value, what is allowed, what to do.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { "\(code.rawValue): \(message)" }
}
