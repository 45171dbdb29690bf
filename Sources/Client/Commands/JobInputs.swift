import ImageFormats
import Pipelines
import ClientKit
import JobModel
import Names

/// The files of a command line: those that can be read, and complaints about the others, which are reported at once.
struct JobInputs: Sendable {
    let files: [InputFile]
    let complaints: [InputComplaint]

    /// - Parameter request: what is to be done to the images.
    /// - Throws: `ClientError` when there is not one that can be read.
    init(_ arguments: [String], for request: JobRequest? = nil, context: CommandContext) throws(ClientError) {
        (files, complaints) = try Self.examine(arguments, for: request)
        if files.isEmpty, complaints.count == 1 { throw complaints[0].error }
        let told = Self.told(complaints, isJSON: context.isJSON)
        for error in told.errors { context.console.report(error) }
        for note in told.notes { context.console.note(note) }
        if files.isEmpty {
            throw ClientError("no-input", "none of the \(complaints.count) files can be read: nothing was submitted")
        }
    }

    /// Complaints about files to be converted that a person sees one by one: one command converts the rest.
    private static let shownConversions = 3

    /// What is said of the complaints: to programs everything, to a person no more than can be read.
    static func told(_ complaints: [InputComplaint], isJSON: Bool) -> (errors: [ClientError], notes: [String]) {
        if isJSON { return (complaints.map(\.error), []) }
        var errors: [ClientError] = []
        var (conversions, others) = ([String](), 0)
        for complaint in complaints {
            let isConversion = complaint.error.code == FailureCause.unsuitable.code
            if isConversion { conversions.append(complaint.label) } else { others += 1 }
            let isShown = isConversion ? conversions.count <= shownConversions : others <= NoteLimit.shownCount
            if isShown { errors.append(complaint.error) }
        }
        var notes: [String] = []
        if conversions.count > shownConversions {
            let command =
                InputFormat.command(forAll: conversions).map { "; with ImageMagick, all of them: \($0)" } ?? ""
            notes.append("and \(conversions.count - shownConversions) more to be converted\(command)")
        }
        if others > NoteLimit.shownCount {
            notes.append("and \(others - NoteLimit.shownCount) more that cannot be used")
        }
        return (errors, notes)
    }

    /// Examines every file once, before anything is submitted. A file that cannot be read does not stop the others.
    ///
    /// - Returns: the readable ones and the complaints about the others, in the order of `arguments`.
    /// - Throws: `ClientError` when `-` is there more than once or standard input is a terminal.
    static func examine(
        _ arguments: [String], for request: JobRequest? = nil, standardInput: FileDescriptor = .standardInput
    ) throws(ClientError) -> (files: [InputFile], complaints: [InputComplaint]) {
        guard arguments.count(where: { $0 == "-" }) <= 1 else {
            throw .usage("'-' is given more than once, but standard input can be read only once")
        }
        var files: [InputFile] = []
        var complaints: [InputComplaint] = []
        for argument in arguments {
            if argument == "-" {
                let file = try copy(of: standardInput)
                if let error = InputFormat.complaint(file, for: request) { throw error }
                files.append(file)
                continue
            }
            do throws(ClientError) {
                let file = try InputFile(opening: argument)
                if let error = InputFormat.complaint(file, for: request) { throw error }
                files.append(file)
            } catch {
                let isPipe = FileStatus(at: BytePath(text: argument))?.kind == .other
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

    /// The places of the results, and results that are not called like their inputs.
    struct Places: Sendable, Hashable {
        var places: [ResultPlace] = []
        var renamed: [Renaming] = []
    }

    /// The place of the result of each file, checked before anything is computed: a directory is made, and a place that cannot
    /// be written is found.
    /// - Parameters:
    ///   - encoding: the format of the results that are images.
    ///   - mayReplaceInputs: whether a result may replace an input.
    ///   - mayReplace: whether a result may replace any file.
    /// - Throws: `ClientError` when two results would have the same name, one would replace a file that it may not replace,
    ///   or one cannot be written.
    func places(
        in target: OutputTarget, kind: ResultKind = .image, encoding: ResultEncoding? = nil, mayReplaceInputs: Bool,
        mayReplace: Bool = true
    ) throws(ClientError) -> Places {
        var found = Places()
        switch target {
        case .standardOutput: found.places = files.map { _ in .standardOutput }
        case .file(let path): found.places = files.map { _ in .file(path) }
        case .directory(let path):
            // Names are found before the directory is made: a mistake makes nothing.
            let longest = OutputNaming.longestName(in: path)
            let names = try OutputNaming.distinctNames(for: files.map(\.label), longest: longest) { index in
                guard kind == .image, let encoding else { return kind.fileExtension }
                let start = try? FileDescriptor.start(of: files[index].path, count: ImageFormats.sniffedByteCount)
                return encoding.fileExtension(ofInputBeginning: start ?? [])
            }
            for (file, name) in zip(files, names) {
                let place = ResultPlace.file(path.appending(name.file))
                found.places.append(place)
                if let change = name.change {
                    found.renamed.append(Renaming(label: file.label, place: place, change: change))
                }
            }
        }
        let inputs = mayReplaceInputs ? [] : Set(files.map(\.identity))
        for case .file(let path) in found.places {
            if let existing = FileStatus(at: path), existing.kind == .regular, inputs.contains(existing.identity) {
                throw .usage(
                    "the result would replace the input '\(path)'; choose another place, or say --overwrite")
            }
        }
        var isDirectoryKnown = false
        if case .directory(let path) = target {
            try OutputFile.makeDirectory(path)
            isDirectoryKnown = true
        }
        for place in found.places {
            try OutputFile.check(place, mayReplace: mayReplace, isDirectoryKnown: isDirectoryKnown)
        }
        return found
    }
}

/// A result that is not called like its image, as far as a person must know.
struct Renaming: Sendable, Hashable {
    let label: String
    let place: ResultPlace
    let change: OutputNaming.Change

    /// `'a/cat.png' is written to 'out/cat-17.png': an earlier result has the name`
    var text: String {
        let reason =
            switch change {
            case .unusable: "its name is not that of a file"
            case .escaped: "its name has characters that could steer a terminal"
            case .shortened: "its name would be longer than the file system allows"
            case .taken: "an earlier result has its name"
            }
        return "'\(ShownText.of(label))' is written to '\(place.path.map { "\($0)" } ?? "-")': \(reason)"
    }
}
