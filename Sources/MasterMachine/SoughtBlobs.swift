import JobModel

/// Blobs of the store that clients asked for without a job, and may be about to refer to: they are pinned for `duration`, but not
/// beyond the connection on which they were sought.
///
/// A client's share is bounded, and so are all together: beyond that a client gets an answer and no pin. Should the blob be gone when the
/// client refers to it, it is told to upload it again.
struct SoughtBlobs<Client: Hashable> {
    static var duration: Duration { BlobPins.duration }
    static var maximumCountPerClient: Int { 65_536 }
    /// The bound of all clients together.
    static var maximumCount: Int { 1 << 20 }

    private struct Share {
        /// Each blob, and until when it is pinned.
        var untils: [BlobDigest: Instant] = [:]
        /// One entry for each, which is looked at when it is due: it may have been renewed since.
        var ends = Queue<(digest: BlobDigest, due: Instant)>()
    }

    private var shares: [Client: Share] = [:]
    /// How many clients have each blob pinned.
    private var holders: [BlobDigest: Int] = [:]
    /// Blobs that nobody has pinned since the latest `expired`.
    private var released: [BlobDigest] = []

    /// Pins of all clients.
    private(set) var count = 0
    /// Entries of the queues, for the tests of their bound.
    var endCount: Int { shares.values.reduce(0) { $0 + $1.ends.count } }

    mutating func pin(_ digest: BlobDigest, by client: Client, at now: Instant) {
        let until = now + Self.duration
        if shares[client]?.untils[digest] != nil {
            shares[client]?.untils[digest] = until
        } else if (shares[client]?.untils.count ?? 0) < Self.maximumCountPerClient, count < Self.maximumCount {
            count += 1
            shares[client, default: Share()].untils[digest] = until
            shares[client]?.ends.append((digest, until))
            holders[digest, default: 0] += 1
        }
    }

    func isPinned(_ digest: BlobDigest) -> Bool { holders[digest] != nil }

    /// The client's connection ended.
    mutating func left(_ client: Client) {
        guard var share = shares.removeValue(forKey: client) else { return }
        count -= share.untils.count
        while let end = share.ends.first {
            share.ends.removeFirst()
            release(end.digest)
        }
    }

    /// Takes out the blobs that nobody has pinned any longer.
    mutating func expired(at now: Instant) -> [BlobDigest] {
        for client in Array(shares.keys) {
            while let end = shares[client]?.ends.first, end.due <= now {
                shares[client]?.ends.removeFirst()
                guard let until = shares[client]?.untils[end.digest] else { continue }
                if until > now {
                    shares[client]?.ends.append((end.digest, until))
                } else {
                    shares[client]?.untils[end.digest] = nil
                    count -= 1
                    release(end.digest)
                }
            }
            if shares[client]?.untils.isEmpty == true { shares[client] = nil }
        }
        defer { released = [] }
        return released.filter { holders[$0] == nil }
    }

    private mutating func release(_ digest: BlobDigest) {
        let rest = holders[digest, default: 1] - 1
        holders[digest] = rest == 0 ? nil : rest
        if rest == 0 { released.append(digest) }
    }
}
