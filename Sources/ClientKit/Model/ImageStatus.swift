import ImageFormats
public import JobModel
public import Pipelines

/// An image of a job as the master reports it.
public struct ImageStatus: Hashable, Sendable {
    /// The position in the job, counted from 0.
    public var index: UInt32
    /// The submitter's label, in the text form of names (`NameText`). It comes from elsewhere: never use it as a path, and show
    /// it by `ShownText`.
    public var name: String
    public var state: State
    /// `nil` for an image that was refused before its size was known.
    public var geometry: ImageGeometry?
    /// The encoded result; `nil` until the image is done.
    public var result: BlobReference?
    /// The reason why there is no result; `nil` unless the image failed.
    public var failure: FailureReport?
    public var tasksTotal: UInt64
    public var tasksDone: UInt64
    /// Whether the result was kept from an earlier job.
    public var isFromCache: Bool
    /// The result that was withdrawn because a worker that took part was found faulty, until there is another.
    public var withdrawn: BlobDigest?
    /// A withdrawn result in whose place there is another: copies of it are wrong.
    public var replaced: BlobDigest?
    /// What the owner of the file should know: parts of it that were left out of the result.
    public var remarks: [Remark]
    /// The format of the result with its options, such as `jpeg quality=90`; empty for PNG, and for documents.
    public var encoding: String

    /// Something that was left out of the result without refusing the image.
    public struct Remark: Hashable, Sendable {
        /// The stable code, such as `metadata-over-limit`.
        public var code: String
        /// Parts of the file that the remark is about.
        public var count: Int
        /// Their bytes.
        public var byteCount: UInt64

        public init(code: String, count: Int, byteCount: UInt64) {
            self.code = code
            self.count = count
            self.byteCount = byteCount
        }
    }

    /// The phase of an image's life.
    public enum State: Hashable, Sendable {
        case waiting
        case running
        case done
        case failed
        /// Failed because a task used up its attempts; it can be given new ones.
        case deadLettered
        case cancelled
        /// A state that this release does not know, by its name; taken for one that is not final.
        case other(String)
    }

    public init(
        index: UInt32, name: String, state: State, geometry: ImageGeometry? = nil, result: BlobReference? = nil,
        failure: FailureReport? = nil, tasksTotal: UInt64 = 0, tasksDone: UInt64 = 0, isFromCache: Bool = false,
        withdrawn: BlobDigest? = nil, replaced: BlobDigest? = nil, remarks: [Remark] = [], encoding: String = ""
    ) {
        self.index = index
        self.name = name
        self.state = state
        self.geometry = geometry
        self.result = result
        self.failure = failure
        self.tasksTotal = tasksTotal
        self.tasksDone = tasksDone
        self.isFromCache = isFromCache
        self.withdrawn = withdrawn
        self.replaced = replaced
        self.remarks = remarks
        self.encoding = encoding
    }

    /// The name of the format of an image result.
    public var formatName: String {
        encoding.split(separator: " ").first.map { String($0) } ?? ImageFormats.standardOutput.name
    }

    /// The end of the name of the result's file, without the dot.
    ///
    /// - Parameter kind: what the job's results are.
    public func fileExtension(_ kind: ResultKind) -> String {
        guard kind == .image else { return kind.fileExtension }
        return ImageFormats.output(named: formatName)?.fileExtension ?? formatName
    }

    /// Whether the image ended without a result, other than by a cancellation.
    public var hasFailed: Bool { state == .failed || state == .deadLettered }
}

extension ImageStatus.State: CustomStringConvertible {
    /// The state with this name, `other` for one that this release does not know.
    public init(name: String) {
        self = Self.known.first { $0.name == name } ?? .other(name)
    }

    /// The name on the wire and in the JSON of docs/cli.md.
    public var name: String {
        switch self {
        case .waiting: ImageState.waiting.name
        case .running: ImageState.running.name
        case .done: ImageState.done.name
        case .failed: ImageState.failed.name
        case .deadLettered: ImageState.deadLettered.name
        case .cancelled: ImageState.cancelled.name
        case .other(let name): name
        }
    }

    /// Whether the image has ended.
    public var isFinal: Bool {
        switch self {
        case .waiting, .running, .other: false
        case .done, .failed, .deadLettered, .cancelled: true
        }
    }

    public var description: String { name }

    static let known: [Self] = [.waiting, .running, .done, .failed, .deadLettered, .cancelled]
}

extension ImageStatus.Remark {
    /// One sentence for a person.
    public var sentence: String {
        let parts = "\(Units.counted(count, "chunk")) of \(Units.counted(Int(clamping: byteCount), "byte"))"
        return switch ImageRemark.Code.allCases.first(where: { $0.name == code }) {
        case .metadataOverLimit:
            "\(parts) with text, a colour profile or EXIF data \(count == 1 ? "was" : "were") not carried over: above the "
                + "master's limit (max-metadata-bytes)"
        case .partsIgnored:
            "\(parts) \(count == 1 ? "was ignored: it is" : "were ignored: they are") damaged, or not where the format has "
                + (count == 1 ? "it" : "them")
        case .surplusImageData:
            "\(Units.counted(Int(clamping: byteCount), "byte")) of image data were ignored: the picture is complete without"
        case .damagedImageData:
            "the file's image data is damaged in \(Units.counted(count, "place")); what could be decoded of it was (--lenient): "
                + "look at the result"
        case .pagesLeftOut:
            "\(Units.counted(count, "page")) \(count == 1 ? "was" : "were") left out: of a file of several pages, the first is "
                + "processed unless another is asked for (--page); of a slide, the others are its thumbnail, its label and the whole glass"
        case nil: "\(parts): \(code)"
        }
    }
}

/// A failure as the master reports it.
public struct FailureReport: Hashable, Sendable {
    /// The stable code, such as `corrupt-input`.
    public var code: String
    /// One sentence for a person.
    public var reason: String
    /// The last lines that the rank wrote; empty when it wrote none.
    public var outputTail: String

    public init(code: String, reason: String, outputTail: String = "") {
        self.code = code
        self.reason = reason
        self.outputTail = outputTail
    }

    /// The cause that the code names; `nil` for a code that this release does not know.
    public var cause: FailureCause? { FailureCause.allCases.first { $0.code == code } }
}
