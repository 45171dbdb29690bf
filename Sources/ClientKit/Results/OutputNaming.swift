public import ImageFormats
import JobModel
public import Names
public import Pipelines
import SystemCalls

/// Names of result files.
public enum OutputNaming {
    /// The bytes that a file's name may have on most file systems.
    public static let usualLongestName = 255

    /// The most bytes of a file's name in the directory at `path`, which need not exist yet: then it will be on the file system
    /// of the nearest directory above it that does.
    public static func longestName(in path: BytePath) -> Int {
        var here = path
        while true {
            if let directory = try? OpenDirectory(at: here) { return directory.longestName }
            let above = here.directory
            if above == here { return usualLongestName }
            here = above
        }
    }

    /// A result's name in its directory.
    public struct ResultName: Sendable, Hashable {
        public let file: FileName
        /// Why it is another name than the image's; `nil` when it is that name.
        public internal(set) var change: Change?
    }

    /// Why a result is not called like its image.
    public enum Change: Sendable, Hashable {
        /// The image has no name of its own: an empty one, or one of a directory.
        case unusable
        /// It had characters that could steer a terminal.
        case escaped
        /// It would be longer than the file system allows.
        case shortened
        /// An earlier result of the job has the name.
        case taken
    }

    /// Whose names are used.
    public enum Origin: Sendable {
        /// Those of files of the caller: they are kept as they are.
        case own
        /// Those that somebody else gave the images of a job: what could steer a terminal is escaped.
        case others
    }

    /// The last part of the image's name with the extension of the result's format: `photos/cat.jpeg` becomes `cat.png`.
    ///
    /// An image's name is only a label; it is divided at the byte "/", and what it becomes is one component of a path.
    /// - Parameters:
    ///   - label: the image's name, in its text form.
    ///   - index: the image's position in the job, for names that cannot be kept.
    ///   - longest: the most bytes of a name.
    public static func name(
        for label: String, index: UInt32, fileExtension: String = ResultKind.image.fileExtension,
        origin: Origin = .others,
        longest: Int = usualLongestName
    ) -> ResultName {
        name(
            for: label, index: index, suffix: "", fileExtension: fileExtension, origin: origin, longest: longest)
    }

    /// - Parameter suffix: written between stem and extension.
    static func name(
        for label: String, index: UInt32, suffix: String, fileExtension: String, origin: Origin, longest: Int
    ) -> ResultName {
        var change: Change?
        let last = NameText.bytes(of: label).split(separator: UInt8(ascii: "/")).last ?? []
        var stem = Array(last)
        if FileName(last) == nil, !last.contains(0) {
            stem = Array("image-\(index)".utf8)
            change = .unusable
        } else if let dot = last.lastIndex(of: UInt8(ascii: ".")), dot != last.startIndex {
            stem = Array(last[..<dot])
        }
        // No file's name has a zero byte.
        if origin == .others || stem.contains(0) {
            let safe = FileName.withoutControls(stem)
            if safe != stem { change = .escaped }
            stem = safe
        }
        var ending = Array("\(suffix).\(fileExtension)".utf8)
        if stem.count + ending.count > longest {
            // Names that differ only in what is cut off stay different.
            if suffix.isEmpty { ending = Array("-\(index).\(fileExtension)".utf8) }
            stem = FileName.shortened(stem, to: longest - ending.count)
            change = .shortened
        }
        guard let file = FileName(stem + ending) else { preconditionFailure("a stem has no \"/\" and no zero byte") }
        return ResultName(file: file, change: change)
    }

    /// The names of the results of one's own files, in their order.
    ///
    /// - Parameter fileExtension: the end of the name of the result of each file.
    /// - Throws: `ClientError` naming both inputs when two results would have the same name.
    public static func distinctNames(
        for labels: [String], longest: Int = usualLongestName,
        fileExtension: (Int) -> String = { _ in ResultKind.image.fileExtension }
    ) throws(ClientError) -> [ResultName] {
        var first: [FileName: String] = [:]
        var names: [ResultName] = []
        for (index, label) in labels.enumerated() {
            let name = name(
                for: label, index: UInt32(index), fileExtension: fileExtension(index), origin: .own, longest: longest)
            if let other = first[name.file] {
                throw .usage(
                    "'\(ShownText.of(other))' and '\(ShownText.of(label))' would both be written to \(name.file); rename "
                        + "one, or process them separately")
            }
            first[name.file] = label
            names.append(name)
        }
        return names
    }

    /// A label that the master accepts: a path with more bytes than an image's name may have loses directories at its
    /// beginning, and `.../` stands for them.
    static func fitted(_ label: String, to limit: Int = ImageDescription.longestName) -> String {
        guard label.utf8.count > limit else { return label }
        let mark = ".../"
        let parts = NameText.bytes(of: label).split(separator: UInt8(ascii: "/"))
        var kept = ""
        for part in parts.reversed() {
            let longer = NameText.text(of: part) + (kept.isEmpty ? "" : "/" + kept)
            guard mark.utf8.count + longer.utf8.count <= limit else { break }
            kept = longer
        }
        if !kept.isEmpty { return mark + kept }
        // One name that is longer than any file's.
        var text = ""
        for scalar in label.unicodeScalars where text.utf8.count + 4 <= limit { text.unicodeScalars.append(scalar) }
        return text
    }
}

/// Gives each image of a job a file name of its own; the images' names are fixed and may be equal.
///
/// The first image with a name gets it; later ones get their index appended: `cat.png`, `cat-17.png`. Called in the
/// order of the images, it always gives the same names. Names are compared by their bytes.
public struct OutputNameRegister: Sendable {
    private let longest: Int
    private var taken: Set<FileName> = []

    /// - Parameter longest: the most bytes of a name.
    public init(longest: Int = OutputNaming.usualLongestName) {
        self.longest = longest
    }

    /// - Parameters:
    ///   - label: the image's name.
    ///   - index: the image's position in the job.
    ///   - fileExtension: the end of the name, without the dot.
    public mutating func claim(
        _ label: String, index: UInt32, fileExtension: String = ResultKind.image.fileExtension
    ) -> OutputNaming.ResultName {
        var suffix = ""
        while true {
            var name = OutputNaming.name(
                for: label, index: index, suffix: suffix, fileExtension: fileExtension, origin: .others,
                longest: longest)
            if !suffix.isEmpty { name.change = .taken }
            if taken.insert(name.file).inserted { return name }
            suffix += "-\(index)"
        }
    }
}
