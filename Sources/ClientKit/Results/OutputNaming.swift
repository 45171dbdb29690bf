import ImageFormats
public import Pipelines

/// Names of result files.
public enum OutputNaming {
    /// The last part of the input's name with the extension of the result's kind: `photos/cat.jpeg` becomes `cat.png`.
    ///
    /// A name that comes from the master is only a label: nothing in it leads out of the directory.
    public static func name(for label: String, index: UInt32, kind: ResultKind = .image) -> String {
        let last = label.split(separator: "/", omittingEmptySubsequences: true).last ?? ""
        var stem = last
        if let dot = last.lastIndex(of: "."), dot != last.startIndex { stem = last[..<dot] }
        // File names have at most 255 bytes; a NUL would end one early.
        let isUsable =
            !stem.isEmpty && !stem.allSatisfy { $0 == "." } && !stem.utf8.contains(0) && stem.utf8.count <= 240
        return (isUsable ? String(stem) : "image-\(index)") + "." + kind.fileExtension
    }

    /// The names of the results of `labels`, in their order.
    /// - Throws: `ClientError` naming both inputs when two results would have the same name.
    public static func distinctNames(for labels: [String], kind: ResultKind = .image) throws(ClientError) -> [String] {
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

/// Gives each image of a job a file name of its own; the images' names are fixed and may be equal.
///
/// The first image with a name gets it; later ones get their index appended: `cat.png`, `cat-17.png`. Called in the
/// order of the images, it always gives the same names.
public struct OutputNameRegister: Sendable {
    private let kind: ResultKind
    private var taken: Set<String> = []

    public init(kind: ResultKind = .image) { self.kind = kind }

    /// - Parameters:
    ///   - label: the image's name.
    ///   - index: the image's position in the job.
    public mutating func claim(_ label: String, index: UInt32) -> String {
        let stem = OutputNaming.name(for: label, index: index, kind: kind).dropLast(kind.fileExtension.count + 1)
        var suffix = ""
        while true {
            let name = stem + suffix + "." + kind.fileExtension
            if taken.insert(String(name)).inserted { return String(name) }
            suffix += "-\(index)"
        }
    }
}
