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
        let shown = filesFrom == "-" ? "standard input" : "'\(ShownText.of(filesFrom))'"
        guard !InputFormat.isImage(bytes) else {
            throw .usage(
                "\(shown) is an image, not a list of files; --files-from is for a list of names, one on each line")
        }
        let listed = Self.names(in: bytes)
        guard !(files + listed).isEmpty else { throw .usage("'\(ShownText.of(filesFrom))' names no file") }
        return files + listed
    }

    /// The names in a list, in their text form.
    ///
    /// Lines may end as on Windows, and a UTF-8 byte order mark may come first; names with zero bytes behind them are taken as
    /// they are.
    static func names(in list: [UInt8]) -> [String] {
        var names: [ArraySlice<UInt8>]
        if list.contains(0) {
            names = list.split(separator: 0)
        } else {
            let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
            names = list.dropFirst(list.starts(with: mark) ? mark.count : 0).split(separator: UInt8(ascii: "\n"))
            names = names.map { $0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0 }.filter { !$0.isEmpty }
        }
        // In a list, "-" is a file of that name.
        return names.map { $0.elementsEqual([UInt8(ascii: "-")]) ? "./-" : NameText.text(of: $0) }
    }

    /// A million names of 256 bytes.
    private static let limit = 256 << 20
}
