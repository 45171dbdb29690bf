/// A second image that an operation needs, such as a watermark: a file's path in what a person writes, the file's content in
/// what is submitted.
///
/// A master stores images by their content, and pipelines with it. So a pipeline names its attachments by digest and size: equal
/// texts are equal pipelines, whatever the files were called.
public enum AttachedImage: Hashable, Sendable, CustomStringConvertible {
    case file(String)
    case blob(Content)

    /// The SHA-256 of a file, in 64 lower-case hexadecimal digits, and its size.
    public struct Content: Hashable, Sendable, CustomStringConvertible {
        public let digest: String
        public let byteCount: UInt64

        public init(digest: String, byteCount: UInt64) {
            self.digest = digest
            self.byteCount = byteCount
        }

        public var description: String { "\(AttachedImage.scheme)\(digest):\(byteCount)" }
    }

    private static let scheme = "sha256:"

    /// The most pixels of an attachment, such as 4096 x 2048.
    public static let largestPixelCount = 1 << 23
    /// The most bytes of a decoded attachment: 4 channels of 16 bits.
    public static let largestByteCount: UInt64 = 64 << 20

    /// Reads `sha256:DIGEST:BYTES`; any other text is a file's path. `nil` for an empty text, and for one that begins as content
    /// does but is not.
    init?(_ text: Substring) {
        guard text.hasPrefix(Self.scheme) else {
            guard !text.isEmpty else { return nil }
            self = .file(String(text))
            return
        }
        let fields = text.dropFirst(Self.scheme.count).split(separator: ":", omittingEmptySubsequences: false)
        guard fields.count == 2, fields[0].utf8.count == 64,
            fields[0].utf8.allSatisfy({ "0123456789abcdef".utf8.contains($0) }),
            let byteCount = UInt64(fields[1]), byteCount > 0, String(byteCount) == fields[1]
        else { return nil }
        self = .blob(Content(digest: String(fields[0]), byteCount: byteCount))
    }

    public var content: Content? {
        switch self {
        case .file: nil
        case .blob(let content): content
        }
    }

    /// The form in a pipeline; a path with spaces or bars in quotes.
    public var description: String {
        switch self {
        case .blob(let content): content.description
        case .file(let path): path.contains { $0.isWhitespace || $0 == "|" } ? "\"\(path)\"" : path
        }
    }
}

extension Pipeline {
    /// The most attachments of a pipeline: a worker's slot holds them all.
    public static let maximumAttachmentCount = 4

    /// What the operations need besides the image, in the order in which it is first named.
    public var attachments: [AttachedImage.Content] { named.compactMap(\.content).withoutRepetitions }

    /// Files that are to be attached, in the order in which they are first named.
    public var attachedFiles: [String] {
        named.compactMap { image in
            switch image {
            case .file(let path): path
            case .blob: nil
            }
        }.withoutRepetitions
    }

    private var named: [AttachedImage] {
        steps.flatMap { step in
            step.arguments.operation.parameters.compactMap { parameter in
                guard case .image(let image) = step.arguments[parameter.name] else { return nil }
                return image
            }
        }
    }

    /// The same pipeline with the content of files in the place of their paths.
    ///
    /// - Parameter content: of each of `attachedFiles`.
    public func attaching(_ content: [String: AttachedImage.Content]) throws(PipelineError) -> Pipeline {
        var attached: [PipelineParser.Step] = []
        for step in steps {
            var step = step
            for parameter in step.arguments.operation.parameters {
                guard case .image(.file(let path)) = step.arguments[parameter.name], let content = content[path] else {
                    continue
                }
                step = step.giving(.image(.blob(content)), as: parameter.name)
            }
            attached.append(step)
        }
        return try Pipeline(steps: attached)
    }

    /// Refuses more attachments than a worker holds.
    func checkAttachments() throws(PipelineError) {
        let count = attachedFiles.count + attachments.count
        guard count <= Self.maximumAttachmentCount else {
            throw PipelineError(
                .badValue,
                "the pipeline needs \(count) images besides its input; at most \(Self.maximumAttachmentCount) are allowed; "
                    + "run it in two parts")
        }
    }
}

extension Array where Element: Hashable {
    fileprivate var withoutRepetitions: [Element] {
        var known: Set<Element> = []
        return filter { known.insert($0).inserted }
    }
}
