/// A SHA-256 digest: the name of a blob.
public struct BlobDigest: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The digest's 32 bytes as four big-endian words, most significant first.
    let words: (UInt64, UInt64, UInt64, UInt64)

    init(words: (UInt64, UInt64, UInt64, UInt64)) { self.words = words }

    /// - Returns: `nil` unless there are exactly 32 bytes.
    public init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == 32 else { return nil }
        var iterator = bytes.makeIterator()
        func word() -> UInt64 {
            var value: UInt64 = 0
            for _ in 0..<8 { value = value << 8 | UInt64(iterator.next() ?? 0) }
            return value
        }
        words = (word(), word(), word(), word())
    }

    /// - Returns: `nil` unless `hex` is 64 lower- or upper-case hexadecimal digits.
    public init?(hex: some StringProtocol) {
        // Without the bytes in between: a master reads the names of a million blobs when it starts.
        var digits = hex.utf8.makeIterator()
        func word() -> UInt64? {
            var value: UInt64 = 0
            for _ in 0..<16 {
                guard let digit = digits.next().flatMap(Hexadecimal.value) else { return nil }
                value = value << 4 | UInt64(digit)
            }
            return value
        }
        guard let first = word(), let second = word(), let third = word(), let fourth = word(), digits.next() == nil
        else { return nil }
        words = (first, second, third, fourth)
    }

    /// The 32 bytes, in the order SHA-256 defines.
    public var bytes: [UInt8] {
        [words.0, words.1, words.2, words.3].flatMap { word in
            stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> UInt64($0)) }
        }
    }

    /// 64 lower-case hexadecimal digits.
    public var description: String { Hexadecimal.text(bytes) }

    public static func == (left: BlobDigest, right: BlobDigest) -> Bool { left.words == right.words }
    public static func < (left: BlobDigest, right: BlobDigest) -> Bool { left.words < right.words }

    /// One word will do: the digest is a hash already, and the hasher's seed keeps anyone from choosing where it falls.
    public func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}

/// Names a blob and its size in bytes.
public struct BlobReference: Hashable, Sendable {
    public let digest: BlobDigest
    public let byteCount: UInt64

    public init(digest: BlobDigest, byteCount: UInt64) {
        self.digest = digest
        self.byteCount = byteCount
    }
}

/// A run of bytes within a blob: how a task names the rows it needs of a band.
public struct BlobSlice: Hashable, Sendable {
    public let blob: BlobReference
    public let offset: UInt64
    public let byteCount: UInt64

    public init(blob: BlobReference, offset: UInt64, byteCount: UInt64) {
        self.blob = blob
        self.offset = offset
        self.byteCount = byteCount
    }

    /// The whole of `blob`.
    public init(_ blob: BlobReference) {
        self.init(blob: blob, offset: 0, byteCount: blob.byteCount)
    }
}
