/// SQLite's write-ahead log, examined before SQLite reads it, for damage that SQLite takes for the end of the log.
///
///     header  32 bytes: magic | version | page size | checkpoint | salt 1 | salt 2 | checksum 1 | checksum 2
///     frame   24 bytes: page | database size if it ends a transaction, else 0 | salt 1 | salt 2 | checksum 1 | checksum 2
///             and the page
///
/// All are big-endian 32-bit numbers; a frame's checksum continues the one before it; frames whose salts are not the
/// header's are left from an earlier round (https://www.sqlite.org/fileformat2.html#the_write_ahead_log).
///
/// SQLite reads up to the first wrong frame and forgets the rest. It must do so after a loss of power, when the last
/// transaction was half written, but not when a bit was flipped in the middle of the log, where it would silently undo
/// acknowledged transactions. With `synchronous=FULL` each transaction is on disk before the next begins. So at most
/// one transaction may end behind the first wrong frame; if two do, acknowledged ones are damaged.
///
/// Damage to the very last transaction looks like its interrupted writing: `AcknowledgedMark` tells them apart.
struct WriteAheadLog: ~Copyable {
    private static let headerByteCount = 32
    private static let frameHeaderByteCount = 24

    private let file: MappedFile

    init(_ file: consuming MappedFile) { self.file = file }

    /// Whether the header is what was written, or there is none yet.
    ///
    /// SQLite writes the header whenever it begins the log again, when everything in it is in the database: an interruption
    /// then loses nothing, but damage to a header that was complete makes SQLite forget the whole log.
    var isHeaderRight: Bool {
        guard file.byteCount > Self.headerByteCount else { return true }
        return number(at: 0) & ~1 == 0x377F_0682 && checksum(0..<24, from: (0, 0)) == (number(at: 24), number(at: 28))
    }

    /// - Returns: what is wrong with the log's frames, or `nil` if they are whole or were only interrupted.
    func damage() -> String? {
        guard file.byteCount > Self.headerByteCount, isHeaderRight else { return nil }
        let pageByteCount = Int(number(at: 8))
        guard pageByteCount >= 512 else { return "its write-ahead log has pages of \(pageByteCount) bytes" }

        var running = (number(at: 24), number(at: 28))
        var firstWrongFrame: Int?
        var endCount = 0
        let frameByteCount = Self.frameHeaderByteCount + pageByteCount
        for (index, start) in stride(
            from: Self.headerByteCount, through: file.byteCount - frameByteCount, by: frameByteCount
        )
        .enumerated() {
            let isOfThisRound = number(at: start + 8) == number(at: 16) && number(at: start + 12) == number(at: 20)
            if firstWrongFrame == nil {
                running = checksum(start..<start + 8, from: running)
                running = checksum(start + Self.frameHeaderByteCount..<start + frameByteCount, from: running)
                if !isOfThisRound || running != (number(at: start + 16), number(at: start + 20)) {
                    firstWrongFrame = index
                }
            }
            if firstWrongFrame != nil, isOfThisRound, number(at: start + 4) != 0 { endCount += 1 }
        }
        guard let firstWrongFrame, endCount > 1 else { return nil }
        return
            "frame \(firstWrongFrame) of its write-ahead log is not what was written, and \(endCount) transactions end after it"
    }

    private func number(at offset: Int) -> UInt32 {
        file.withUnsafeBytes { UInt32(bigEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) }
    }

    /// A Fibonacci-weighted sum of the numbers in `range`, whose byte order the magic number tells.
    private func checksum(_ range: Range<Int>, from start: (UInt32, UInt32)) -> (UInt32, UInt32) {
        let isBigEndian = number(at: 0) & 1 == 1
        var (first, second) = start
        file.withUnsafeBytes { bytes in
            for offset in stride(from: range.lowerBound, to: range.upperBound, by: 8) {
                let left = bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
                let right = bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self)
                first &+= (isBigEndian ? left.bigEndian : left.littleEndian) &+ second
                second &+= (isBigEndian ? right.bigEndian : right.littleEndian) &+ first
            }
        }
        return (first, second)
    }
}
