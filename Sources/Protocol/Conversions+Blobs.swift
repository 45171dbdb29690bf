import FoundationEssentials
import JobModel

extension BlobDigest {
    /// - Throws: `ProtocolViolation` unless there are 32 bytes.
    public init(wire bytes: Data, field: String = "digest") throws(ProtocolViolation) {
        guard let digest = BlobDigest(bytes) else {
            throw ProtocolViolation(field: field, value: "\(bytes.count) bytes", allowed: "the 32 bytes of a SHA-256")
        }
        self = digest
    }

    public var wire: Data { Data(bytes) }
}

extension BlobReference {
    public init(wire: WireBlobReference, field: String = "BlobReference") throws(ProtocolViolation) {
        let digest = try BlobDigest(wire: wire.digest, field: field + ".digest")
        // Half of the range, so that an offset and a size always add up without overflow.
        guard wire.byteCount <= UInt64(Int64.max) else {
            throw ProtocolViolation(field + ".byte_count", wire.byteCount, allowed: "at most \(Int64.max)")
        }
        self.init(digest: digest, byteCount: wire.byteCount)
    }

    public var wire: WireBlobReference {
        var wire = WireBlobReference()
        wire.digest = digest.wire
        wire.byteCount = byteCount
        return wire
    }
}

extension BlobSlice {
    public init(wire: WireBlobSlice, field: String = "BlobSlice") throws(ProtocolViolation) {
        guard wire.hasBlob else {
            throw ProtocolViolation(field: field + ".blob", value: "nothing", allowed: "a blob reference")
        }
        let blob = try BlobReference(wire: wire.blob, field: field + ".blob")
        guard wire.offset <= blob.byteCount else {
            throw ProtocolViolation(
                field + ".offset", wire.offset, allowed: "at most the blob's \(blob.byteCount) bytes")
        }
        guard wire.byteCount <= blob.byteCount - wire.offset else {
            throw ProtocolViolation(
                field + ".byte_count", wire.byteCount,
                allowed: "at most \(blob.byteCount - wire.offset), which the blob has from offset \(wire.offset)")
        }
        self.init(blob: blob, offset: wire.offset, byteCount: wire.byteCount)
    }

    public var wire: WireBlobSlice {
        var wire = WireBlobSlice()
        wire.blob = blob.wire
        wire.offset = offset
        wire.byteCount = byteCount
        return wire
    }
}
