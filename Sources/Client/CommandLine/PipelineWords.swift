import ArgumentParser
import ClientKit
import Names
import Pipelines

/// Recognises a pipeline that the shell has split, because its quotes were forgotten, and one that is not the first word.
///
/// `tessera run gaussian-blur sigma=3 photo.png` names two files, of which `sigma=3` does not exist: without this look, the
/// other one would be processed with a sigma that was not asked for.
struct PipelineWords {
    /// The command's name, for the advice.
    let command: String
    let pipeline: String
    /// The words after it.
    let files: [String]
    var presets = PresetBook()
    var isFile: (String) -> Bool = { FileStatus(at: BytePath(text: $0)) != nil }

    /// What is wrong with the words; `nil` when they can be a pipeline and files.
    var complaint: ClientError? { swapped ?? split }

    /// Words after the pipeline that are parts of one, and not files.
    private var split: ClientError? {
        let strays = files.filter(isStray)
        guard let first = strays.first else { return nil }
        return .usage(
            "'\(first)' is not a file; it looks like a part of the pipeline, which is one argument, in quotes:\n  "
                + advice(joined([pipeline] + strays), files.filter { !isStray($0) }))
    }

    /// A file in the place of the pipeline.
    private var swapped: ClientError? {
        guard !isPipeline(pipeline), isFile(pipeline) || looksLikeImage(pipeline) else { return nil }
        let found = files.first(where: isPipeline)
        return .usage(
            "'\(pipeline)' \(isFile(pipeline) ? "is a file" : "looks like a file"), but the pipeline comes first:\n  "
                + advice(found ?? "PIPELINE", [pipeline] + files.filter { $0 != found }))
    }

    /// Whether the word belongs into a pipeline, and no file has this name.
    private func isStray(_ word: String) -> Bool {
        guard word != "-", !isFile(word) else { return false }
        if word == "|" || word.hasPrefix("@") || word.contains("|") { return true }
        if isOperation(word) { return true }
        guard let equals = word.firstIndex(of: "="), !word.contains("/") else { return false }
        let name = word[..<equals]
        let isName =
            name.first?.isLetter == true
            && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_".contains($0)) }
        return isName && (Self.parameters.contains(String(name)) || !looksLikeImage(word))
    }

    private static let parameters = Set(OperationCatalogue.all.flatMap { $0.description.parameters.map(\.name) })

    private func isOperation(_ word: String) -> Bool { OperationCatalogue.operation(spelled: word) != nil }

    private func isPipeline(_ text: String) -> Bool {
        (try? PipelineCheck(presets: presets).canonicalText(of: text)) != nil
    }

    private func looksLikeImage(_ word: String) -> Bool {
        [".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".gif"].contains { word.lowercased().hasSuffix($0) }
    }

    /// The words as a pipeline: an operation begins a step of its own.
    private func joined(_ words: [String]) -> String {
        var text = ""
        for word in words {
            let beginsStep = isOperation(word) || word.hasPrefix("@")
            let separator = beginsStep && !text.isEmpty && !text.hasSuffix("|") ? " | " : " "
            text += (text.isEmpty ? "" : separator) + word
        }
        return text
    }

    private func advice(_ pipeline: String, _ files: [String]) -> String {
        let names = files.isEmpty ? ["FILE"] : files.prefix(2).map(ShellWord.quoted) + (files.count > 2 ? ["..."] : [])
        return "tessera \(command) '\(pipeline)' \(names.joined(separator: " "))"
    }
}

extension PipelineWords {
    /// - Throws: `ValidationError` when there are no files; the one word may be a file where the pipeline is missing.
    static func requireFiles(_ files: [String], after pipeline: String, of command: String) throws {
        guard files.isEmpty else { return }
        let words = PipelineWords(command: command, pipeline: pipeline, files: [])
        throw ValidationError(words.swapped?.message ?? "which images? tessera \(command) '\(pipeline)' FILE...")
    }
}

extension ClientSettings {
    /// - Throws: `ClientError` for words that cannot be a pipeline and files.
    func refuseStrays(_ pipeline: String, _ files: [String], of command: String) throws(ClientError) {
        let words = PipelineWords(command: command, pipeline: pipeline, files: files, presets: try presets())
        if let complaint = words.complaint { throw complaint }
    }
}
