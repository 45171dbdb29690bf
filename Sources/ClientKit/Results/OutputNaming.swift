import ImageFormats
import Pipelines

/// Where results go, as `-o` says.
enum OutputTarget: Sendable, Hashable {
    case standardOutput
    case file(String)
    /// Each result under its input's base name.
    case directory(String)

    /// - Parameters:
    ///   - option: the value of `-o`, `nil` when it was not given.
    ///   - imageCount: how many results there will be; `nil` when nobody knows yet.
    ///   - kind: what the results are; a terminal can show a document.
    ///   - isDirectory: whether there is a directory at a path.
    /// - Throws: `ClientError` when several images would go into one file.
    init(
        option: String?, imageCount: Int?, kind: ResultKind = .image,
        isTerminal: Bool = FileDescriptor.standardOutput.isTerminal,
        isDirectory: (String) -> Bool = { FileStatus(at: $0)?.kind == .directory }
    ) throws(ClientError) {
        let isOne = imageCount == 1
        let isTerminal = isTerminal && kind == .image
        switch option {
        case nil where !isOne:
            throw .usage("several images need -o DIR/ to say where their results go")
        case nil where isTerminal:
            throw .usage("the result needs a place: -o FILE, -o DIR/, or a redirection of standard output")
        case "-" where isTerminal:
            throw .usage(
                "standard output is a terminal, which cannot show an image; redirect it, or write to a file with -o FILE"
            )
        case nil, "-":
            guard isOne else { throw .usage("-o - writes one image, but there are several; use -o DIR/") }
            self = .standardOutput
        case "":
            throw .usage("-o needs a path: FILE, DIR/ or -")
        case let path? where path.hasSuffix("/") || isDirectory(path):
            self = .directory(path)
        case let path?:
            guard isOne else {
                throw .usage("-o \(path) is one file, but there are several images; write -o \(path)/ for a directory")
            }
            self = .file(path)
        }
    }
}

/// Names of result files.
enum OutputNaming {
    /// The last part of the input's name with the extension of the result's kind: `photos/cat.jpeg` becomes `cat.png`.
    ///
    /// A name that comes from the master is only a label: nothing in it leads out of the directory.
    static func name(for label: String, index: UInt32, kind: ResultKind = .image) -> String {
        let last = label.split(separator: "/", omittingEmptySubsequences: true).last ?? ""
        var stem = last
        if let dot = last.lastIndex(of: "."), dot != last.startIndex { stem = last[..<dot] }
        // File names have at most 255 bytes; a NUL would end one early.
        let isUsable =
            !stem.isEmpty && !stem.allSatisfy { $0 == "." } && !stem.utf8.contains(0) && stem.utf8.count <= 240
        return (isUsable ? String(stem) : "image-\(index)") + "." + kind.fileExtension
    }

    /// The names of the results of `labels`, each for itself.
    /// - Throws: `ClientError` naming both inputs when two results would have the same name.
    static func distinctNames(for labels: [String], kind: ResultKind = .image) throws(ClientError) -> [String] {
        var first: [String: String] = [:]
        var names: [String] = []
        for (index, label) in labels.enumerated() {
            let name = name(for: label, index: UInt32(index), kind: kind)
            if let other = first[name] {
                throw .usage(
                    "'\(other)' and '\(label)' would both be written to \(name); rename one, or process them separately"
                )
            }
            first[name] = label
            names.append(name)
        }
        return names
    }
}

/// Gives the images of a job, whose names nobody can change any more, a file name each.
///
/// The first image with a name gets it; later ones get their index behind it: `cat.png`, `cat-17.png`. Called in the
/// order of the images, it always gives the same names.
struct OutputNameRegister: Sendable {
    private let kind: ResultKind
    private var taken: Set<String> = []

    init(kind: ResultKind = .image) { self.kind = kind }

    mutating func claim(_ label: String, index: UInt32) -> String {
        let stem = OutputNaming.name(for: label, index: index, kind: kind).dropLast(kind.fileExtension.count + 1)
        var suffix = ""
        while true {
            let name = stem + suffix + "." + kind.fileExtension
            if taken.insert(String(name)).inserted { return String(name) }
            suffix += "-\(index)"
        }
    }
}
