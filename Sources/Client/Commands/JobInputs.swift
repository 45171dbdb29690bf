import Pipelines

/// The files of a command line: those that can be read, and complaints about the others, which are told at once.
struct JobInputs: Sendable {
    let files: [InputFile]
    let complaints: [InputComplaint]

    /// - Throws: `ClientError` when there is not one that can be read.
    init(_ arguments: [String], context: CommandContext) throws(ClientError) {
        (files, complaints) = try InputFile.examine(arguments)
        if files.isEmpty, complaints.count == 1 { throw complaints[0].error }
        for complaint in complaints { context.console.report(complaint.error) }
        if files.isEmpty {
            throw ClientError("no-input", "none of the \(complaints.count) files can be read: nothing was submitted")
        }
    }

    /// Where the result of each file goes.
    /// - Throws: `ClientError` when two results would have the same name, or one would replace an input.
    func places(
        in target: OutputTarget, kind: ResultKind = .image, mayReplaceInputs: Bool
    ) throws(ClientError) -> [Fetching.Place] {
        var paths: [String]
        switch target {
        case .standardOutput: return files.map { _ in .standardOutput }
        case .file(let path): paths = files.map { _ in path }
        case .directory(let folder):
            let prefix = folder.hasSuffix("/") ? folder : folder + "/"
            paths = try OutputNaming.distinctNames(for: files.map(\.label), kind: kind).map { prefix + $0 }
        }
        if !mayReplaceInputs {
            let inputs = Set(files.map(\.identity))
            for path in paths {
                if let existing = FileStatus(at: path), existing.kind == .regular, inputs.contains(existing.identity) {
                    throw .usage(
                        "the result would replace the input '\(path)'; choose another place, or say --overwrite")
                }
            }
        }
        return paths.map { .file($0) }
    }
}
