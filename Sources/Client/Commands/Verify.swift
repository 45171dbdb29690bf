import ImageFormats
import ArgumentParser
import ImageCodecs
import Kernels
import Pipelines
import ClientKit
import Names

struct Verify: ClientCommand {
    static let configuration = CommandConfiguration(
        abstract: "Process images on the cluster and here, and compare.",
        usage: "tessera verify PIPELINE FILE... [options]",
        discussion: """
            Each image is computed twice: by the cluster, in chunks, on as many workers and ranks as there are; and by \
            this command, in one strip on one thread, which needs memory for the whole image several times over. The two \
            files must be the same, byte for byte. Kept results are not used. Exit status 0 when all are identical.

            Examples:
              tessera verify 'gaussian-blur sigma=3 | canny' photo.png
            """)

    @Argument(help: "Operations joined by '|', such as 'gaussian-blur sigma=3 | sobel'.")
    var pipeline: String

    @Argument(help: ArgumentHelp("Images to process; - for standard input.", valueName: "file"), completion: .file())
    var files: [String] = []

    @OptionGroup var list: InputListOption

    @OptionGroup var jobOptions: JobOptionFlags
    @OptionGroup var common: CommonOptions

    var isJSON: Bool { common.json }

    func validate() throws { try list.requireFiles(files, after: pipeline, of: "verify") }

    func execute(_ context: CommandContext) async throws -> ExitStatus {
        let settings = try await context.settings(common.flags + jobOptions.flags)
        try settings.refuseStrays(pipeline, files, of: "verify", options: list.words)
        let attached = try await InputFormat.attachments(of: settings.pipeline(pipeline, region: jobOptions.roi))
        let request = try settings.jobRequest(pipeline: attached.pipeline).withoutCache
        let inputs = try JobInputs(list.adding(to: files), for: request, context: context)
        let directory = try TemporaryDirectory(named: "tessera-verify-" + request.token)
        defer { directory.remove() }
        let results = inputs.files.indices.map { BytePath(text: "\(directory.path.text)/\($0).png") }

        let report = try await context.run(
            inputs, as: request, attaching: attached.inputs, into: results.map { .file($0) }, listsImages: false,
            settings: settings)
        let pictures = try await offCooperativePool { try Self.pictures(attached) }
        defer { withExtendedLifetime(pictures) {} }
        var areIdentical = true
        for (input, result) in zip(inputs.files, results) where FileStatus(at: result) != nil {
            let start = context.elapsed
            let finding = try await offCooperativePool {
                try Self.finding(attached.pipeline, input, result: result, request)
            }
            areIdentical = areIdentical && finding.isIdentical
            try tell(finding, about: input, took: context.elapsed - start, context)
        }
        let status = report.tell(context)
        return areIdentical ? status : .failed
    }

    private func tell(
        _ finding: Finding, about input: InputFile, took: Duration, _ context: CommandContext
    ) throws(ClientError) {
        if isJSON {
            try context.console.write(JSON.file(input.label).with(finding.json))
        } else {
            let seconds = Units.duration(took)
            try context.console.write(Table.printable("\(input.label): \(finding.text) (\(seconds) here)") + "\n")
        }
    }

    /// What the pipeline attaches, decoded; kernels find it as long as it is kept.
    private static func pictures(_ attached: AttachedFiles) throws -> [Picture] {
        try attached.inputs.compactMap { attachment in
            guard let file = attachment.input as? InputFile else { return nil }
            let picture = try FileDescriptor.contents(of: file.path).withUnsafeBytes { try Picture(decoding: $0) }
            let blob = attachment.blob
            return PictureLibrary.shared.enter(
                picture, as: AttachedImage.Content(digest: "\(blob.digest)", byteCount: blob.byteCount))
        }
    }

    /// - Throws: `ClientError` when this command cannot do what the cluster could.
    private static func finding(
        _ pipeline: String, _ input: InputFile, result: BytePath, _ request: JobRequest
    ) throws -> Finding {
        do {
            let reference = try SerialReference(
                PipelineCache.shared.pipeline(pipeline), of: FileDescriptor.contents(of: input.path),
                encoding: request.encoding, decoding: request.decoding, maximumPixelCount: request.maximumPixelCount)
            return try reference.finding(about: FileDescriptor.contents(of: result))
        } catch let error as CodecError {
            throw ClientError(
                "verify-failed",
                "the cluster processed '\(ShownText.of(input.label))', but here it is refused: \(error.reason)")
        } catch let error as PipelineError {
            throw ClientError(
                "verify-failed",
                "the cluster processed '\(ShownText.of(input.label))', but here it is refused: \(error.message)")
        }
    }
}

extension JobRequest {
    fileprivate var withoutCache: JobRequest {
        var request = self
        request.mayUseCache = false
        return request
    }
}
