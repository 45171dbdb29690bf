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
        let digits = Array(hex.utf8)
        guard digits.count == 64 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(32)
        for index in stride(from: 0, to: 64, by: 2) {
            guard let high = Self.nibble(digits[index]), let low = Self.nibble(digits[index + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        self.init(bytes)
    }

    /// The 32 bytes, in the order SHA-256 defines.
    public var bytes: [UInt8] {
        [words.0, words.1, words.2, words.3].flatMap { word in
            stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> UInt64($0)) }
        }
    }

    /// 64 lower-case hexadecimal digits.
    public var description: String {
        let digits = Array("0123456789abcdef".utf8)
        let text = bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return String(decoding: text, as: UTF8.self)
    }

    public static func == (left: BlobDigest, right: BlobDigest) -> Bool { left.words == right.words }
    public static func < (left: BlobDigest, right: BlobDigest) -> Bool { left.words < right.words }

    /// One word will do: the digest is a hash already, and the hasher's seed keeps anyone from choosing where it falls.
    public func hash(into hasher: inout Hasher) { hasher.combine(words.0) }

    private static func nibble(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
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
