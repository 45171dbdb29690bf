import Glibc
import JobModel
import SystemCalls

/// The files of one lease's inputs and outputs in shared memory.
///
/// ```
///   SCRATCH/files/17.0-chunk-0-3#1/
///       input       the encoded file, or parts of it, or the raw rows, or the summaries one after the other
///       value       the value that opens the stage, if there is one; or which parts of the file are needed
///       raw         all decoded rows, for a whole image; those of a chunk that reads the file by its pieces
///       payload     written by the ranks
///       summary     written by the ranks
///       DIGEST      an image that the pipeline attaches
///       metadata    written by rank 0, when it finds the pieces of a file
/// ```
struct LeaseFiles: Sendable {
    let directory: String

    init(_ lease: LeaseID, in parent: String) {
        directory = parent + "/" + "\(lease)".map { $0 == "/" ? "-" : String($0) }.joined()
    }

    var input: String { directory + "/input" }
    var value: String { directory + "/value" }
    var raw: String { directory + "/raw" }
    var payload: String { directory + "/payload" }
    var summary: String { directory + "/summary" }
    var metadata: String { directory + "/metadata" }

    /// All bytes of a small file.
    static func contents(of path: String) throws(LeaseFileError) -> [UInt8] {
        guard let file = OwnedDescriptor(result: open(path, O_RDONLY | O_CLOEXEC)) else {
            throw LeaseFileError("cannot open", path)
        }
        var status = stat()
        guard fstat(file.number, &status) == 0 else { throw LeaseFileError("cannot examine", path) }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeMutableBytes {
                pread(file.number, $0.baseAddress.unsafelyUnwrapped + done, $0.count - done, done)
            }
            guard count > 0 || errno == EINTR else { throw LeaseFileError("cannot read", path) }
            done += max(count, 0)
        }
        return bytes
    }

    func create() throws(LeaseFileError) {
        guard mkdir(directory, 0o700) == 0 || errno == EEXIST else { throw LeaseFileError("cannot create", directory) }
    }

    func attachment(_ blob: BlobReference) -> String { TaskSpec.path(of: blob, beside: payload) }

    func remove() {
        emptyDirectory(directory)
        rmdir(directory)
    }
}

/// A file or directory for a lease's data could not be used.
struct LeaseFileError: Error, CustomStringConvertible {
    let description: String
    /// Bytes that found no room; 0 when room is not the cause.
    let missingByteCount: UInt64

    init(_ action: String, _ path: String, byteCount: UInt64 = 0, _ error: SystemError = .last) {
        description = "\(action) \(path): \(error)"
        missingByteCount = error.isForWantOfRoom ? max(1, byteCount) : 0
    }
}

extension SystemError {
    /// Whether the file system, or the user's share of it, is full.
    var isForWantOfRoom: Bool { code == ENOSPC || code == EDQUOT }

    /// Whether `text` tells such an error of a rank.
    static func isForWantOfRoom(_ text: String) -> Bool {
        [ENOSPC, EDQUOT].contains { text.contains(SystemError(code: $0).description) }
    }
}

/// Removes the files in a directory, which contains no directories.
func emptyDirectory(_ path: String) {
    for name in (try? directoryEntries(at: path)) ?? [] { unlink("\(path)/\(name)") }
}

/// Creates a file of this size, backed by allocated memory: a full scratch directory is an error here, not
/// a SIGBUS later.
func createFile(_ path: String, byteCount: UInt64) throws(LeaseFileError) -> Int32 {
    let descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw LeaseFileError("cannot create", path) }
    let code = byteCount == 0 ? 0 : posix_fallocate(descriptor, 0, Int(byteCount))
    guard code == 0 else {
        close(descriptor)
        unlink(path)
        throw LeaseFileError(
            "cannot reserve \(byteCount) bytes for", path, byteCount: byteCount, SystemError(code: code))
    }
    return descriptor
}
