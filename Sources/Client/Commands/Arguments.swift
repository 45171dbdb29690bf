import ArgumentParser
import Pipelines
import JobModel

extension JobID: ExpressibleByArgument {
    /// Reads a job's number as listings show it.
    public init?(argument: String) { self.init(text: argument) }
}

/// One image of a job as people write it: `17.3`, or all of a job's: `17`.
struct DeadArgument: ExpressibleByArgument, Sendable {
    let selection: DeadSelection

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

/// A pipeline as the command line gives it, read before anything is sent.
struct PipelineArgument {
    /// What `@name` stands for.
    var presets = PresetBook()

    /// - Returns: the pipeline in its normal form, without presets.
    /// - Throws: `ClientError` with the parser's words and lines that point at the place.
    func checked(_ text: String) throws(ClientError) -> String {
        do {
            return try read(text)
        } catch {
            throw ClientError(error.code.rawValue, error.message + pointer(into: text), status: .usage)
        }
    }

    private func read(_ text: String) throws(PipelineError) -> String {
        try Pipeline(parsing: presets.expanding(text)).canonicalText
    }

    /// Two lines: the text, and carets under what is wrong with it. Empty when nothing would be gained by it.
    func pointer(into text: String) -> String {
        guard text.count <= 200, !text.contains(where: \.isNewline), let range = offence(in: text) else { return "" }
        let before = text.distance(from: text.startIndex, to: range.lowerBound)
        let length = max(1, text.distance(from: range.lowerBound, to: range.upperBound))
        return "\n  \(text)\n  " + String(repeating: " ", count: before) + String(repeating: "^", count: length)
    }

    /// The first operation, or the first argument of it, that is refused by itself.
    private func offence(in text: String) -> Range<String.Index>? {
        for step in Pipeline.steps(of: text) {
            if isAccepted(step) { continue }
            let words = Pipeline.words(of: step)
            guard let name = words.first else { return step.startIndex..<step.endIndex }
            guard isAccepted(name) else {
                // Some operations cannot do without arguments; then the arguments are to blame.
                return isKnown(name) ? step.startIndex..<step.endIndex : name.startIndex..<name.endIndex
            }
            let bad = words.dropFirst().first { !isAccepted("\(name) \($0)") }
            // Each is right by itself: the last one repeats or contradicts another.
            guard let word = bad ?? words.last else { return nil }
            return word.startIndex..<word.endIndex
        }
        return nil
    }

    private func isAccepted(_ text: some StringProtocol) -> Bool {
        (try? read(String(text))) != nil
    }

    private func isKnown(_ name: some StringProtocol) -> Bool {
        OperationCatalogue.operation(String(name)) != nil
    }
}
