/// Something that was done to an image without refusing it, and that its owner should know: a part of the file was left out.
///
/// Found while the file is decoded, so that it depends on the file and the job's options alone.
public struct ImageRemark: Hashable, Sendable {
    /// The stable code of a remark; it is stored and sent. Numbers are never reused.
    public enum Code: UInt8, Hashable, Sendable, CaseIterable {
        /// Text, a colour profile or EXIF data above the limit of metadata was not carried over.
        case metadataOverLimit = 1
        /// Chunks that are damaged, malformed, or not where they count were left out, as decoders do.
        case partsIgnored = 2
        /// The file has more image data than its pixels need.
        case surplusImageData = 3
        /// Image data are damaged or missing, and were decoded leniently: a part of the picture is not as it was.
        case damagedImageData = 4
        /// The file has more pages than the one that was decoded.
        case pagesLeftOut = 5

        /// The code as people and programs read it.
        public var name: String {
            switch self {
            case .metadataOverLimit: "metadata-over-limit"
            case .partsIgnored: "parts-ignored"
            case .surplusImageData: "surplus-image-data"
            case .damagedImageData: "damaged-image-data"
            case .pagesLeftOut: "pages-left-out"
            }
        }
    }

    public let code: Code
    /// Parts of the file that the remark is about.
    public let count: UInt32
    /// Their bytes.
    public let byteCount: UInt64

    public init(_ code: Code, count: UInt32, byteCount: UInt64) {
        self.code = code
        self.count = count
        self.byteCount = byteCount
    }

    /// An image has at most this many: one of each code.
    public static let maximumCount = Code.allCases.count
}
