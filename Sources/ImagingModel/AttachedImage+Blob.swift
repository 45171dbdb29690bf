public import JobModel
public import Pipelines

extension BlobReference {
    /// The blob that a pipeline attaches.
    public init(_ content: AttachedImage.Content) {
        guard let digest = BlobDigest(hex: content.digest) else {
            preconditionFailure("the parser of pipelines took '\(content.digest)' for a digest")
        }
        self.init(digest: digest, byteCount: content.byteCount)
    }
}

extension AttachedImage.Content {
    public init(_ blob: BlobReference) { self.init(digest: "\(blob.digest)", byteCount: blob.byteCount) }
}
