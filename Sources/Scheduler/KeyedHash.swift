import JobModel

/// SipHash-2-4 (Aumasson and Bernstein, 2012): a hash that nobody can predict without the key.
///
/// Chooses the tasks that are audited, and makes the fingerprints by which results are compared. Swift's own `Hasher` has another
/// key in each process; this one gives the same values when records are replayed.
struct KeyedHash {
    private var v0: UInt64
    private var v1: UInt64
    private var v2: UInt64
    private var v3: UInt64
    private var wordCount: UInt64 = 0

    init(_ key: AuditSalt) {
        v0 = key.first ^ 0x736f_6d65_7073_6575
        v1 = key.second ^ 0x646f_7261_6e64_6f6d
        v2 = key.first ^ 0x6c79_6765_6e65_7261
        v3 = key.second ^ 0x7465_6462_7974_6573
    }

    /// Adds eight bytes.
    mutating func combine(_ word: UInt64) {
        v3 ^= word
        round()
        round()
        v0 ^= word
        wordCount &+= 1
    }

    mutating func combine(_ blob: BlobReference?) {
        guard let blob else { return combine(0) }
        combine(1)
        combine(blob.digest.bytes)
        combine(blob.byteCount)
    }

    mutating func combine(_ bytes: [UInt8]?) {
        guard let bytes else { return combine(0) }
        combine(UInt64(bytes.count) + 1)
        for start in stride(from: 0, to: bytes.count, by: 8) {
            combine(bytes[start..<min(start + 8, bytes.count)].reduce(0) { $0 << 8 | UInt64($1) })
        }
    }

    /// The hash of all words so far.
    var value: UInt64 {
        var end = self
        // The last block has the number of bytes, modulo 256, in its highest byte.
        end.combine(wordCount &* 8 << 56)
        end.v2 ^= 0xff
        for _ in 0..<4 { end.round() }
        return end.v0 ^ end.v1 ^ end.v2 ^ end.v3
    }

    private mutating func round() {
        v0 &+= v1
        v1 = v1 << 13 | v1 >> 51
        v1 ^= v0
        v0 = v0 << 32 | v0 >> 32
        v2 &+= v3
        v3 = v3 << 16 | v3 >> 48
        v3 ^= v2
        v0 &+= v3
        v3 = v3 << 21 | v3 >> 43
        v3 ^= v0
        v2 &+= v1
        v1 = v1 << 17 | v1 >> 47
        v1 ^= v2
        v2 = v2 << 32 | v2 >> 32
    }
}

extension AuditSalt {
    /// Whether the task is one of that share of all.
    func selects(_ task: TaskID, _ share: AuditShare) -> Bool {
        guard share > .none else { return false }
        var hash = KeyedHash(self)
        hash.combine(task.image.job.rawValue)
        hash.combine(UInt64(task.image.index))
        switch task.step {
        case .whole: hash.combine(0)
        case .decode: hash.combine(1)
        case .chunk(let stage, let index): hash.combine(2 | UInt64(stage) << 16 | UInt64(index) << 32)
        case .reduce(let stage): hash.combine(3 | UInt64(stage) << 16)
        }
        return hash.value % UInt64(AuditShare.all.millionths) < UInt64(share.millionths)
    }

    /// What a result is compared by.
    func fingerprint(_ output: TaskOutput, bands: some Sequence<BlobReference?>) -> UInt64 {
        var hash = KeyedHash(self)
        for band in bands { hash.combine(band) }
        hash.combine(output.payload)
        hash.combine(output.summary)
        hash.combine(output.checksum?.bytes)
        hash.combine(output.metadata)
        hash.combine(UInt64(output.valueOffsets.count))
        for offset in output.valueOffsets { hash.combine(offset) }
        hash.combine(UInt64(output.remarks.count))
        for remark in output.remarks {
            hash.combine(UInt64(remark.code.rawValue))
            hash.combine(UInt64(remark.count))
            hash.combine(remark.byteCount)
        }
        return hash.value
    }
}
