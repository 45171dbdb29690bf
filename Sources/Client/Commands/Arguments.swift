import ArgumentParser
import Pipelines
import ClientKit
import JobModel

extension JobID: ExpressibleByArgument {
    /// Reads a job's number as listings show it.
    public init?(argument: String) { self.init(text: argument) }
}

/// One image of a job, such as `17.3`, or all images of a job, such as `17`.
struct DeadLetterArgument: ExpressibleByArgument, Sendable {
    let selection: DeadLetterSelection

    init?(argument: String) {
        let parts = argument.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let job = parts.first.flatMap({ JobID(text: $0) }) else { return nil }
        if parts.count == 1 {
            selection = .job(job)
        } else {
            guard let index = UInt32(parts[1]) else { return nil }
            selection = .image(ImageID(job: job, index: index))
        }
    }
}

/// A pipeline on the command line, checked before anything is sent.
struct PipelineArgument {
    /// The pipelines that `@name` refers to.
    var presets = PresetBook()

    /// - Returns: the pipeline in its normal form, without presets.
    /// - Throws: `ClientError` with the parser's words and lines that point at the place.
    func checked(_ text: String) throws(ClientError) -> String {
        do {
            return try PipelineCheck(presets: presets).canonicalText(of: text)
        } catch {
            throw ClientError(error.code.rawValue, error.message + pointer(into: text), kind: .usage)
        }
    }

    /// Two lines: the text, and carets under what is wrong with it; empty for a text that is too long to be shown.
    func pointer(into text: String) -> String {
        guard text.count <= 200, !text.contains(where: \.isNewline),
            let range = PipelineCheck(presets: presets).errorRange(in: text)
        else { return "" }
        let before = text.distance(from: text.startIndex, to: range.lowerBound)
        let length = max(1, text.distance(from: range.lowerBound, to: range.upperBound))
        return "\n  \(text)\n  " + String(repeating: " ", count: before) + String(repeating: "^", count: length)
    }
}
