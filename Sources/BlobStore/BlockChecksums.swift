import Checksums
import JobModel
import Synchronization

/// A checksum for each block of a blob: what a part of it is compared with, where its digest would take reading all.
struct BlockChecksums: Sendable {
    /// The last block may be shorter.
    static let blockByteCount = 128 << 10

    /// Of the complete blocks.
    private(set) var values: [UInt64] = []
    /// Of the block that is not complete yet.
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

    /// No bytes follow.
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

/// The checksums of the blobs that were put or read lately.
///
/// They are in memory only: what was written before the master started is compared with its digest when it is first read.
/// Bounded: eight bytes for 128 KiB of blob, and the oldest go first.
final class ChecksumTable: Sendable {
    /// 8 MiB of checksums, of 128 GiB of blobs.
    static let maximumCount = 1 << 20

    private struct Contents {
        var values: [BlobDigest: [UInt64]] = [:]
        /// In the order in which they were added; some may have been removed since.
        var order: [BlobDigest] = []
        var first = 0
        var count = 0
    }

    private let contents = Mutex(Contents())

    subscript(digest: BlobDigest) -> [UInt64]? { contents.withLock { $0.values[digest] } }

    func insert(_ checksums: BlockChecksums, for digest: BlobDigest) {
        contents.withLock { contents in
            guard contents.values.updateValue(checksums.values, forKey: digest) == nil else { return }
            contents.order.append(digest)
            // An entry costs more than its checksums.
            contents.count += checksums.values.count + 8
            while contents.count > Self.maximumCount, contents.first < contents.order.count - 1 {
                let oldest = contents.order[contents.first]
                contents.first += 1
                if let values = contents.values.removeValue(forKey: oldest) { contents.count -= values.count + 8 }
            }
            if contents.first > contents.order.count / 2 {
                contents.order.removeFirst(contents.first)
                contents.first = 0
            }
        }
    }

    func remove(_ digest: BlobDigest) {
        contents.withLock { contents in
            if let values = contents.values.removeValue(forKey: digest) { contents.count -= values.count + 8 }
        }
    }
}
