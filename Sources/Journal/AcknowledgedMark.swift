import Checksums
import Glibc

/// The sequence of the last transaction that was acknowledged, in a file beside the database.
///
/// SQLite takes damage at the end of its log for a transaction that was interrupted, and a missing log for one that was
/// written back: it continues without the transactions, though they were acknowledged. The mark tells the two apart. It
/// is written, but not synced, after each transaction is durable: after a loss of power it can be behind the database, but
/// never ahead of it.
///
///     i64 little-endian sequence | u64 little-endian CRC-64 of it
///
/// A mark that is missing or damaged says nothing; the log is trusted then, as SQLite trusts it.
struct AcknowledgedMark: ~Copyable {
    private static let byteCount = 16
    private let path: String
    private let descriptor: CInt

    init(path: String) throws(JournalError) {
        self.path = path
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw .databaseUnusable(path: path, reason: String(cString: strerror(errno)))
        }
    }

    deinit { close(descriptor) }

    /// - Returns: `nil` when the mark is missing or damaged.
    borrowing func read() -> Int64? {
        var values: (sequence: Int64, checksum: UInt64) = (0, 0)
        let count = withUnsafeMutableBytes(of: &values) { pread(descriptor, $0.baseAddress, $0.count, 0) }
        let sequence = Int64(littleEndian: values.sequence)
        guard count == Self.byteCount, UInt64(littleEndian: values.checksum) == Self.checksum(sequence) else {
            return nil
        }
        return sequence
    }

    borrowing func write(_ sequence: Int64) throws(JournalError) {
        var values = (sequence: sequence.littleEndian, checksum: Self.checksum(sequence).littleEndian)
        let count = withUnsafeBytes(of: &values) { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
        guard count == Self.byteCount else {
            throw .failed(reason: "writing \(path): \(String(cString: strerror(errno)))")
        }
    }

    private static func checksum(_ sequence: Int64) -> UInt64 {
        var checksum = CRC64()
        checksum.update(UInt64(bitPattern: sequence))
        return checksum.value
    }
}
