import Pipelines

/// The images that a pipeline needs besides those that it processes, such as a watermark: their files, hashed.
///
///     overlay image=logo.png    -->    overlay image=sha256:9f86...0a08:4711    and logo.png, to be sent
public struct AttachedFiles: Sendable {
    /// The pipeline's normal form, with content in the place of paths.
    public let pipeline: String
    /// What it names, for `Submission` and `JobUpload`.
    public let inputs: [JobUpload.HashedInput]

    /// Reads the files that `text` names.
    ///
    /// - Parameters:
    ///   - text: a pipeline's normal form.
    ///   - open: makes an input of a path, after a look at whether it is an image.
    /// - Throws: what `open` throws; `PipelineError`.
    public init(of text: String, _ open: (String) throws -> any ImageInput) async throws {
        let pipeline = try PipelineCache.shared.pipeline(text)
        var content: [String: AttachedImage.Content] = [:]
        var inputs: [JobUpload.HashedInput] = []
        for path in pipeline.attachedFiles {
            let input = try open(path)
            let blob = try await input.reference()
            content[path] = AttachedImage.Content(digest: "\(blob.digest)", byteCount: blob.byteCount)
            inputs.append(JobUpload.HashedInput(input, blob: blob))
        }
        self.inputs = inputs
        self.pipeline = content.isEmpty ? text : try pipeline.attaching(content).canonicalText
    }
}
