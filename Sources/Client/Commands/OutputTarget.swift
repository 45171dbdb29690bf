import ClientKit
import ImageFormats
import Pipelines

/// The place of results, as `-o` says.
enum OutputTarget: Sendable, Hashable {
    case standardOutput
    case file(String)
    /// Each result under its input's base name.
    case directory(String)

    /// - Parameters:
    ///   - option: the value of `-o`, `nil` when it was not given.
    ///   - imageCount: the number of results; `nil` when it is not known yet.
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
            try Self.refuseOtherFormat(path, kind)
            self = .file(path)
        }
    }

    /// Endings of file formats that no result has.
    private static let otherFormats: Set<String> = [
        "jpg", "jpeg", "jpe", "jfif", "tif", "tiff", "webp", "bmp", "gif", "heic", "avif", "jxl", "jp2", "pdf", "svg",
        "ppm",
        "pgm", "pnm", "exr", "psd", "raw", "csv", "txt", "xml", "yaml",
    ]

    /// - Throws: `ClientError` for a name that promises another format than the file would have.
    private static func refuseOtherFormat(_ path: String, _ kind: ResultKind) throws(ClientError) {
        guard let dot = path.utf8.lastIndex(of: UInt8(ascii: ".")) else { return }
        let ending = path[path.utf8.index(after: dot)...].lowercased()
        guard otherFormats.contains(ending), ending != kind.fileExtension else { return }
        let right = path[..<dot] + "." + kind.fileExtension
        throw .usage(
            "-o \(path) is the name of another format: results are \(kind.fileExtension.uppercased()) files; write -o \(right)"
                + (kind == .image ? ", and convert it afterwards: convert \(right) \(path)" : ""))
    }

    /// The place of one result.
    /// - Parameter name: the result's file name within a directory; asked for only when the results go into one.
    func place(named name: () -> String) -> ResultPlace {
        switch self {
        case .standardOutput: .standardOutput
        case .file(let path): .file(path)
        case .directory(let path): .file((path.hasSuffix("/") ? path : path + "/") + name())
        }
    }
}
