import ClientKit
import ImageFormats
import Names
import Pipelines

/// The place of results, as `-o` says.
enum OutputTarget: Sendable, Hashable {
    case standardOutput
    case file(BytePath)
    /// Each result under its input's base name.
    case directory(BytePath)

    /// - Parameters:
    ///   - option: the value of `-o`, `nil` when it was not given.
    ///   - imageCount: the number of results; `nil` when it is not known yet.
    ///   - kind: what the results are; a terminal can show a document.
    ///   - isDirectory: whether there is a directory at a path.
    /// - Throws: `ClientError` when several images would go into one file.
    init(
        option: String?, imageCount: Int?, kind: ResultKind = .image,
        isTerminal: Bool = FileDescriptor.standardOutput.isTerminal,
        isDirectory: (BytePath) -> Bool = { FileStatus(at: $0)?.kind == .directory }
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
        case let text?:
            let path = BytePath(text: text)
            if path.endsWithSlash || isDirectory(path) {
                self = .directory(path)
                return
            }
            guard isOne else {
                throw .usage("-o \(path) is one file, but there are several images; write -o \(path)/ for a directory")
            }
            try Self.refuseUnknownFormat(path, kind)
            self = .file(path)
        }
    }

    /// Endings of pictures that other programs make of a result.
    private static let pictures: Set<String> = [
        "jpg", "jpeg", "jpe", "jfif", "tif", "tiff", "webp", "bmp", "gif", "heic", "avif", "jxl", "jp2", "ppm", "pgm",
        "pnm", "exr", "psd",
    ]

    /// Endings of other files that no result is, unless it is of that kind.
    private static let otherFormats: Set<String> = [
        "png", "pdf", "svg", "raw", "csv", "json", "txt", "xml", "yaml", "yml", "html",
    ]

    /// Endings of packed files.
    private static let packed: Set<String> = ["gz", "bz2", "xz", "zst", "lz4", "z", "zip", "7z", "tar", "tgz"]

    /// - Throws: `ClientError` for a name that promises a format in which no result of the kind is written.
    private static func refuseUnknownFormat(_ path: BytePath, _ kind: ResultKind) throws(ClientError) {
        if kind == .image, let ending = ending(of: path), ImageFormats.output(ofFileExtension: ending) != nil { return }
        let formats = kind == .image ? ImageFormats.choice(of: ImageFormats.outputs) : nil
        try refuseOtherFormat(path, kind.fileExtension, formats: formats)
    }

    private static func ending(of path: BytePath) -> String? {
        path.bytes.lastIndex(of: UInt8(ascii: ".")).map {
            String(decoding: path.bytes[($0 + 1)...], as: UTF8.self).lowercased()
        }
    }

    /// - Throws: `ClientError` for a name that promises another format than the file has.
    ///
    /// - Parameter formats: the choice, where there is one.
    static func refuseOtherFormat(
        _ path: BytePath, _ fileExtension: String, formats: String? = nil
    ) throws(ClientError) {
        guard let dot = path.bytes.lastIndex(of: UInt8(ascii: ".")), let ending = ending(of: path) else { return }
        let isPicture = pictures.contains(ending)
        let format = ImageFormats.output(ofFileExtension: fileExtension)
        guard isPicture || otherFormats.contains(ending) || packed.contains(ending), ending != fileExtension,
            format?.fileExtensions.contains(ending) != true
        else { return }
        let (stem, rightEnding) = (path.bytes[..<dot], Array(".\(fileExtension)".utf8))
        let isRight = packed.contains(ending) && stem.suffix(rightEnding.count).elementsEqual(rightEnding)
        let right = BytePath(isRight ? Array(stem) : Array(stem) + rightEnding)
        throw .usage(
            "-o \(path) is the name of another format: results are \(formats ?? fileExtension.uppercased()) files; "
                + "write -o \(right)"
                + (format != nil && isPicture ? ", and convert it afterwards: convert \(right) \(path)" : ""))
    }
}
