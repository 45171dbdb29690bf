import Pipelines
import ClientKit

/// The files of a command line: those that can be read, and complaints about the others, which are reported at once.
struct JobInputs: Sendable {
    let files: [InputFile]
    let complaints: [InputComplaint]

    /// - Throws: `ClientError` when there is not one that can be read.
    init(_ arguments: [String], context: CommandContext) throws(ClientError) {
        (files, complaints) = try Self.examine(arguments)
        if files.isEmpty, complaints.count == 1 { throw complaints[0].error }
        for complaint in complaints { context.console.report(complaint.error) }
        if files.isEmpty {
            throw ClientError("no-input", "none of the \(complaints.count) files can be read: nothing was submitted")
        }
    }

    /// Examines every file once, before anything is submitted. A file that cannot be read does not stop the others.
    ///
    /// - Returns: the readable ones and the complaints about the others, in the order of `arguments`.
    /// - Throws: `ClientError` when `-` is there more than once or standard input is a terminal.
    static func examine(
        _ arguments: [String], standardInput: FileDescriptor = .standardInput
    ) throws(ClientError) -> (files: [InputFile], complaints: [InputComplaint]) {
        guard arguments.count(where: { $0 == "-" }) <= 1 else {
            throw .usage("'-' is given more than once, but standard input can be read only once")
        }
        var files: [InputFile] = []
        var complaints: [InputComplaint] = []
        for argument in arguments {
            if argument == "-" {
                let file = try copy(of: standardInput)
                if let error = InputFormat.complaint(path: file.path, label: file.label) { throw error }
                files.append(file)
                continue
            }
            do throws(ClientError) {
                let file = try InputFile(opening: argument)
                if let error = InputFormat.complaint(path: file.path, label: file.label) { throw error }
                files.append(file)
            } catch {
                let isPipe = FileStatus(at: argument)?.kind == .other
                let told =
                    isPipe ? ClientError(error.code, error.message + "; use '-' to read from a pipe") : error
                complaints.append(InputComplaint(label: argument, error: told))
            }
        }
        return (files, complaints)
    }

    /// Standard input in a file: it is read twice (for its digest, and to be sent), and perhaps again after a lost
    /// connection.
    private static func copy(of input: FileDescriptor) throws(ClientError) -> InputFile {
        guard !input.isTerminal else {
            throw .usage("'-' reads an image from standard input, which is a terminal; redirect a file or pipe into it")
        }
        do {
            return try InputFile(spooling: input, label: "stdin")
        } catch  where error.code == "unreadable" {
            throw ClientError(error.code, "standard input is empty; pipe an image into it")
        }
    }

    /// The place of the result of each file.
    /// - Throws: `ClientError` when two results would have the same name, or one would replace an input.
    func places(
        in target: OutputTarget, kind: ResultKind = .image, mayReplaceInputs: Bool
    ) throws(ClientError) -> [ResultPlace] {
        let names =
            switch target {
            case .standardOutput, .file: files.map { _ in "" }
            case .directory: try OutputNaming.distinctNames(for: files.map(\.label), kind: kind)
            }
        let places = names.map { name in target.place { name } }
        if !mayReplaceInputs {
            let inputs = Set(files.map(\.identity))
            for case .file(let path) in places {
                if let existing = FileStatus(at: path), existing.kind == .regular, inputs.contains(existing.identity) {
                    throw .usage(
                        "the result would replace the input '\(path)'; choose another place, or say --overwrite")
                }
            }
        }
        return places
    }
}
