import ArgumentParser
import ClientKit
import Names

/// Names of inputs in a file: for more of them than a command line holds.
struct InputListOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Read names of more images from a file (- for standard input): one a line, or with zero bytes behind each, as "
                + "'find -print0' writes them.", valueName: "file"), completion: .file())
    var filesFrom: String?

    /// - Throws: `ValidationError` when neither files nor a list of them are named.
    func requireFiles(
        _ files: [String], after pipeline: String, of command: String, options: [String] = []
    ) throws {
        guard filesFrom == nil else { return }
        try PipelineWords.requireFiles(files, after: pipeline, of: command, options: options)
    }

    /// The option as it was written, for an advice.
    var words: [String] { filesFrom.map { ["--files-from", $0] } ?? [] }

    /// The files of the command line, and behind them those of the list.
    /// - Throws: `ClientError` when there is none at all, or the list cannot be read.
    func adding(to files: [String]) throws(ClientError) -> [String] {
        guard let filesFrom else {
            guard !files.isEmpty else { throw .usage("no image is given: name files, - or --files-from LIST") }
            return files
        }
        let bytes: [UInt8]
        if filesFrom == "-" {
            guard !files.contains("-") else {
                throw .usage("standard input is either the list (--files-from -) or an image (-)")
            }
            bytes = try FileDescriptor.standardInput.contents(name: "standard input", limit: Self.limit)
        } else {
            bytes = try FileDescriptor.contents(of: BytePath(text: filesFrom), limit: Self.limit)
        }
        let listed = Self.names(in: bytes)
        guard !(files + listed).isEmpty else { throw .usage("'\(ShownText.of(filesFrom))' names no file") }
        return files + listed
    }

    /// The names in a list, in their text form.
    static func names(in list: [UInt8]) -> [String] {
        list.split(separator: list.contains(0) ? 0 : UInt8(ascii: "\n")).map { name in
            // In a list, "-" is a file of that name.
            name.elementsEqual([UInt8(ascii: "-")]) ? "./-" : NameText.text(of: name)
        }
    }

    /// A million names of 256 bytes.
    private static let limit = 256 << 20
}
