import Glibc
import JobModel
import Synchronization

/// Puts one blob, part by part. The blob is in the store once `finish` has returned; without that nothing remains of it.
///
/// For one caller at a time, on any thread; blocks on the disk. Its memory does not grow with the blob. After an error the
/// writer has ended and its temporary file is removed.
public final class BlobWriter: Sendable {
    private let file: Mutex<IncomingFile?>

    init(_ file: consuming sending IncomingFile) {
        self.file = Mutex(file)
    }

    /// Bytes written so far.
    public var byteCount: UInt64 {
        file.withLock { file in file?.byteCount ?? 0 }
    }

    public func write(_ bytes: UnsafeRawBufferPointer) throws(BlobStoreError) {
        try file.withLock { file throws(BlobStoreError) in
            // Only success keeps the file: an error drops it.
            guard var taken = file.take() else { throw Self.ended }
            try taken.write(bytes)
            file = consume taken
        }
    }

    public func write(_ bytes: [UInt8]) throws(BlobStoreError) {
        try bytes.withUnsafeBufferPointer { bytes throws(BlobStoreError) in try write(UnsafeRawBufferPointer(bytes)) }
    }

    /// Writes all of `blob`, through `buffer`.
    func append(_ blob: BlobReader, through buffer: UnsafeMutableRawBufferPointer) throws(BlobStoreError) {
        var offset: UInt64 = 0
        while offset < blob.byteCount {
            let count = Int(min(UInt64(buffer.count), blob.byteCount - offset))
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
            try blob.read(into: part, at: offset)
            try write(UnsafeRawBufferPointer(part))
            offset += UInt64(count)
        }
    }

    /// Makes the blob exist, with the durability that `makeWriter` was given.
    /// - Parameter expected: the digest that the sender announced, if any.
    /// - Throws: `wrongDigest` when the blob has another digest; then nothing is kept.
    public func finish(expected: BlobDigest? = nil) throws(BlobStoreError) -> BlobReference {
        try file.withLock { file throws(BlobStoreError) in
            guard let taken = file.take() else { throw Self.ended }
            return try taken.finish(expected: expected)
        }
    }

    /// Removes what was written. Has no effect when the writer has ended.
    public func abandon() {
        file.withLock { file in file = nil }
    }

    private static var ended: BlobStoreError {
        BlobStoreError(.writerEnded, "the blob was finished or abandoned before, or writing it failed")
    }
}
