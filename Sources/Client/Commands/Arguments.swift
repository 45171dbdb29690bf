import ArgumentParser
import Pipelines
import ClientKit
import JobModel

/// A job, such as `17`, or one image of it, such as `17.3`: every command that takes one of them takes both.
enum JobArgument: Hashable, Sendable {
    case job(JobID)
    case image(ImageID)

    /// - Throws: `ValidationError` with what a job and an image look like.
    init(argument: String) throws {
        let parts = argument.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let job = parts.first.flatMap { JobID(text: $0) }
        let index = parts.count == 2 ? UInt32(parts[1]) : nil
        guard let job, parts.count == 1 || index != nil else {
            throw ValidationError(
                "a job is its number, such as 17, and an image of it 17.3, counted from 0; 'tessera jobs' lists jobs")
        }
        self = index.map { .image(ImageID(job: job, index: $0)) } ?? .job(job)
    }

    static func help(_ text: String, _ name: String = "job") -> ArgumentHelp {
        ArgumentHelp("\(text)", valueName: name)
    }

    /// The job that is named, or whose image is named.
    var job: JobID {
        switch self {
        case .job(let job): job
        case .image(let image): image.job
        }
    }

    /// The image that is named; `nil` when it is a whole job.
    var image: ImageID? {
        switch self {
        case .job: nil
        case .image(let image): image
        }
    }

    var selection: DeadLetterSelection {
        switch self {
        case .job(let job): .job(job)
        case .image(let image): .image(image)
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
