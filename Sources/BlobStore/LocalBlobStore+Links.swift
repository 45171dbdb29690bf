import Glibc
import JobModel
import SystemCalls

extension LocalBlobStore {
    /// Gives every durable blob a second name in the directory `path`, which exists, in shelves as the store has them: a hard
    /// link, or a copy where the file system has no links. A blob that is removed later keeps its bytes there.
    ///
    /// - Returns: the number of blobs.
    public func linkDurableBlobs(into path: String) throws(BlobStoreError) -> Int {
        guard let target = OwnedDescriptor(result: Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) else {
            throw .system("opening", path)
        }
        var count = 0
        for shelf in BlobDirectory.shelves {
            var isShelfMade = false
            for digest in try directory.blobs(in: shelf) {
                let name = BlobDirectory.name(digest)
                guard try directory.status(name)?.isDurable == true else { continue }
                if !isShelfMade {
                    guard mkdirat(target.number, shelf, 0o700) == 0 || errno == EEXIST else {
                        throw .system("making", "\(path)/\(shelf)")
                    }
                    isShelfMade = true
                }
                if linkat(directory.descriptor, name, target.number, name, 0) != 0 {
                    switch errno {
                    case EEXIST: continue
                    case EPERM, EOPNOTSUPP, EMLINK, EXDEV: try copy(digest, to: "\(path)/\(name)")
                    default: throw .system("linking", directory.path(name))
                    }
                }
                count += 1
            }
        }
        return count
    }

    private func copy(_ digest: BlobDigest, to path: String) throws(BlobStoreError) {
        let reader = try directory.open(digest)
        guard let file = OwnedDescriptor(result: Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o400))
        else {
            throw .system("making", path)
        }
        let buffer = CopyBuffer(byteCount: 1 << 20)
        var offset: UInt64 = 0
        while offset < reader.byteCount {
            let part = UnsafeMutableRawBufferPointer(
                rebasing: buffer.bytes[..<Int(min(UInt64(buffer.bytes.count), reader.byteCount - offset))])
            try reader.read(into: part, at: offset)
            do { try file.writeAll(UnsafeRawBufferPointer(part)) } catch {
                throw .system("writing", path, error: error)
            }
            offset += UInt64(part.count)
        }
        guard fsync(file.number) == 0 else { throw .system("syncing", path) }
        _ = consume file
    }
}
