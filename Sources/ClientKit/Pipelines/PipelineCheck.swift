public import Pipelines

/// A check of a pipeline's text before anything is sent.
public struct PipelineCheck: Sendable {
    /// The pipelines that `@name` refers to.
    public var presets: PresetBook

    public init(presets: PresetBook = PresetBook()) { self.presets = presets }

    /// - Returns: the pipeline in its normal form, without presets.
    /// - Throws: also where an operation would change nothing because nothing was given to it.
    public func canonicalText(of text: String) throws(PipelineError) -> String {
        let pipeline = try PipelineCache.shared.pipeline(presets.expanding(text))
        try pipeline.checkForSubmission(mayNameFiles: true)
        return pipeline.canonicalText
    }

    /// The first operation, or the first argument of it, that is refused by itself; `nil` when there is no such part.
    public func errorRange(in text: String) -> Range<String.Index>? {
        let steps = Pipeline.steps(of: text)
        for step in steps {
            let words = Pipeline.words(of: step)
            // Nothing at all converts an image; nothing between two `|` is a mistake.
            if words.isEmpty, steps.count > 1 { return step.startIndex..<step.endIndex }
            if isAccepted(step) {
                if isSubmittable(step) { continue }
                return (words.first ?? step).startIndex..<(words.last ?? step).endIndex
            }
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
        (try? PipelineCache.shared.pipeline(presets.expanding(String(text)))) != nil
    }

    private func isSubmittable(_ text: some StringProtocol) -> Bool {
        (try? canonicalText(of: String(text))) != nil
    }

    private func isKnown(_ name: some StringProtocol) -> Bool {
        OperationCatalogue.operation(spelled: name) != nil
    }
}
