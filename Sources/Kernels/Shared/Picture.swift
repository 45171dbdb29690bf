public import Pipelines
import Synchronization

/// A whole image in memory that a kernel reads besides the rows it is given: an attachment of the pipeline.
public final class Picture: Sendable {
    public let shape: ImageShape
    /// The rows one after the other without padding, 16-bit samples in the machine's byte order.
    public let pixels: [UInt8]

    public init(shape: ImageShape, pixels: [UInt8]) {
        precondition(pixels.count == shape.byteCount, "\(pixels.count) bytes are not \(shape)")
        self.shape = shape
        self.pixels = pixels
    }
}

/// The attachments of pipelines that are decoded in this process, by their content.
///
/// A kernel is made of a computation, which names an attachment; the code that runs kernels decodes attachments before, enters them
/// here, and owns them: what nobody owns any more is not here. Content is what a picture is found by, so that it does not matter
/// who entered it.
public final class PictureLibrary: Sendable {
    /// The one of this process.
    public static let shared = PictureLibrary()

    private struct Entry {
        weak var picture: Picture?
    }

    private let entries = Mutex<[AttachedImage.Content: Entry]>([:])

    init() {}

    public subscript(_ content: AttachedImage.Content) -> Picture? { entries.withLock { $0[content]?.picture } }

    /// - Returns: the picture to own: one that somebody entered before, if there is one.
    public func enter(_ picture: Picture, as content: AttachedImage.Content) -> Picture {
        entries.withLock { entries in
            if let known = entries[content]?.picture { return known }
            entries = entries.filter { $0.value.picture != nil }
            entries[content] = Entry(picture: picture)
            return picture
        }
    }
}
