import Checksums
import JobModel
import Synchronization

/// A checksum for each block of a blob, with which a part is compared; its digest would require reading all of it.
struct BlockChecksums: Sendable {
    /// The last block may be shorter.
    static let blockByteCount = 128 << 10

    /// The checksums of the complete blocks.
    private(set) var values: [UInt64] = []
    /// The checksum of the block that is not complete yet.
    private var current = CRC64()
    private var currentByteCount = 0

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes
        while !rest.isEmpty {
            let part = rest.prefix(Self.blockByteCount - currentByteCount)
            current.update(UnsafeRawBufferPointer(rebasing: part))
            currentByteCount += part.count
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(part.count))
            if currentByteCount == Self.blockByteCount { endBlock() }
        }
    }

    /// Ends the last block: no bytes follow.
    mutating func finish() { if currentByteCount > 0 { endBlock() } }

    private mutating func endBlock() {
        values.append(current.value)
        current = CRC64()
        currentByteCount = 0
    }

    static func value(of block: UnsafeRawBufferPointer) -> UInt64 {
        var checksum = CRC64()
        checksum.update(block)
        return checksum.value
    }
}

/// The checksums of the blobs that were put or read recently.
///
/// In memory only: a blob that was written before the master started is compared with its digest when it is first read.
/// Bounded: eight bytes per 128 KiB of blob, in two generations; when the younger one is full, the older one is dropped.
final class ChecksumTable: Sendable {
    /// 8 MiB of checksums, for 128 GiB of blobs.
    static let maximumCount = 1 << 20

    private struct Contents {
        var younger: [BlobDigest: [UInt64]] = [:]
        var older: [BlobDigest: [UInt64]] = [:]
        /// The cost of the younger generation.
        var youngerCount = 0
    }

    private let maximumCount: Int
    private let contents = Mutex(Contents())

    init(maximumCount: Int = ChecksumTable.maximumCount) { self.maximumCount = maximumCount }

    /// The number of blobs whose checksums are known.
    var blobCount: Int { contents.withLock { $0.younger.count + $0.older.count } }

    subscript(digest: BlobDigest) -> [UInt64]? {
        contents.withLock { $0.younger[digest] ?? $0.older[digest] }
    }

    func insert(_ checksums: BlockChecksums, for digest: BlobDigest) {
        contents.withLock { contents in
            contents.older[digest] = nil
            guard contents.younger.updateValue(checksums.values, forKey: digest) == nil else { return }
            contents.youngerCount += Self.cost(of: checksums.values)
            if contents.youngerCount > maximumCount / 2 {
                (contents.older, contents.younger, contents.youngerCount) = (contents.younger, [:], 0)
            }
        }
    }

    func remove(_ digest: BlobDigest) {
        contents.withLock { contents in
            contents.older[digest] = nil
            if let values = contents.younger.removeValue(forKey: digest) {
                contents.youngerCount -= Self.cost(of: values)
            }
        }
    }

    /// The cost of an entry, in checksums; its key and storage count as eight.
    private static func cost(of values: [UInt64]) -> Int { values.count + 8 }
}
