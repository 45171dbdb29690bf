import ImageFormats
import Names
import Pipelines
import ClientKit

/// The kind of result that a command line asks for, and the pipeline that gives it.
struct ResultRequest: Sendable, Hashable {
    /// In its normal form.
    let pipeline: String
    let kind: ResultKind
    /// The document itself is what `--json` puts on standard output.
    let isPrinted: Bool

    /// - Parameters:
    ///   - pipeline: in its normal form.
    ///   - output: the value of `-o`, `nil` when it was not given.
    ///   - region: the value of `--roi`, which has become a `crop` at the pipeline's end.
    /// - Throws: `ClientError` when the pipeline gives nothing of that kind.
    init(pipeline text: String, output: String?, isJSON: Bool, region: String? = nil) throws(ClientError) {
        var pipeline = try Self.reading { () throws(PipelineError) in try PipelineCache.shared.pipeline(text) }
        let isStandardOutput = output == nil || output == "-"
        if let output, let kind = Self.documentKind(of: output) {
            let shown = ShownText.of(output)
            if let region {
                throw .usage(
                    "-o \(shown) asks for a document, but --roi \(region) cuts out a part of an image; leave --roi out, or cut "
                        + "first: write `crop` at the beginning of the pipeline")
            }
            pipeline = try Self.reading("-o \(shown): ") { () throws(PipelineError) in
                try pipeline.givingDocument(kind)
            }
        } else if isStandardOutput, isJSON {
            // Where there is no document, --json is about the job, and the image needs another place.
            pipeline = (try? pipeline.givingDocument()) ?? pipeline
        }
        self.pipeline = pipeline.canonicalText
        kind = pipeline.resultKind
        isPrinted = isJSON && isStandardOutput && kind == .json
        if kind.isDocument, let output, Self.isNameOfImage(output) {
            throw .usage(
                "-o \(ShownText.of(output)) is the name of an image, but the pipeline's result is "
                    + "\(kind.rawValue.uppercased()); write to a file that ends with .\(kind.fileExtension), or leave "
                    + "output=\(kind.rawValue) out")
        }
    }

    private static func isNameOfImage(_ output: String) -> Bool {
        ImageFormats.outputs.flatMap(\.fileExtensions).contains { output.lowercased().hasSuffix("." + $0) }
    }

    /// The kind of document that a file of this name has.
    private static func documentKind(of name: String) -> ResultKind? {
        ResultKind.allCases.first { $0.isDocument && name.lowercased().hasSuffix("." + $0.fileExtension) }
    }

    private static func reading(
        _ prefix: String = "", _ body: () throws(PipelineError) -> Pipeline
    ) throws(ClientError) -> Pipeline {
        do { return try body() } catch {
            throw ClientError(error.code.rawValue, prefix + error.message, kind: .usage)
        }
    }
}
