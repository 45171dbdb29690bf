import JobModel
import SeededFaults

/// Results that can answer identical requests, for as long as their blobs are kept.
public struct ResultCache {
    /// What makes requests identical: the same input bytes, the same pipeline, read and written in the same way, the same
    /// release's pixels. The chunk size is not among it: no output depends on it.
    public struct Key: Hashable, Sendable {
        let input: BlobDigest
        let pipeline: String
        let coding: ImageCoding
        let revision: UInt32

        public init(input: BlobDigest, pipeline: String, coding: ImageCoding = .standard, revision: UInt32) {
            self.input = input
            self.pipeline = pipeline
            self.coding = seeded(.keptResultOfOtherFormat, .standard, else: coding)
            self.revision = seeded(.keptResultOfOtherRelease, 0, else: revision)
        }
    }

    private var results: [Key: BlobReference] = [:]
    private var keys: [BlobDigest: Set<Key>] = [:]

    public init() {}

    var count: Int { results.count }

    public subscript(key: Key) -> BlobReference? { results[key] }

    public mutating func insert(_ result: BlobReference, for key: Key) {
        if let old = results.updateValue(result, forKey: key), old != result { keys[old.digest]?.remove(key) }
        keys[result.digest, default: []].insert(key)
    }

    public mutating func remove(_ digest: BlobDigest) {
        for key in keys.removeValue(forKey: digest) ?? [] { results[key] = nil }
    }
}
