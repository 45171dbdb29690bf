import Protocol

/// The free space that uploads must leave. Running jobs may use it, so that a disk that fills up stops new work first.
///
///     |<---------------------- free space ---------------------->|
///     |  journal  |  running jobs  |  uploads                    |
///     0       byteCount/4      byteCount
///
/// The last quarter is reserved for the journal: without it the master could not continue.
struct StorageReserve {
    let byteCount: UInt64
    /// The time after which space may be free again.
    static let retryAfter = Duration.seconds(3)
    /// The time between two looks at the free space.
    static let lookInterval = Duration.seconds(1)
    /// Bytes of a transfer between two looks at the free space: others write too.
    static let checkInterval: UInt64 = 4 << 20

    /// The bytes that only the journal may use.
    var journalByteCount: UInt64 { byteCount / 4 }

    /// The refusal of a blob with `available` bytes free; `nil` when there is room.
    func objection(to put: WirePutBlob, available: UInt64) -> WireRefusal? {
        let reserve = put.fromTask ? journalByteCount : byteCount
        if available >= put.byteCount, available - put.byteCount >= reserve { return nil }
        return refusal(of: put.byteCount, put, available)
    }

    /// The refusal to continue a transfer that was begun with more space; `nil` when it may continue.
    func objection(toRest byteCount: UInt64, of put: WirePutBlob, available: UInt64) -> WireRefusal? {
        // Between the reserve at the beginning and the journal's, so that two transfers do not stop each other.
        let reserve = put.fromTask ? journalByteCount : self.byteCount / 2
        return available >= reserve ? nil : refusal(of: byteCount, put, available)
    }

    private func refusal(of byteCount: UInt64, _ put: WirePutBlob, _ available: UInt64) -> WireRefusal {
        let rule =
            put.fromTask
            ? "\(journalByteCount) of them are kept for the journal; free some space"
            : "--min-free-bytes keeps \(self.byteCount) of them for running jobs; free some space or lower it"
        return WireRefusal(
            .noSpace,
            "the master cannot keep \(byteCount) more bytes: \(available) are free; \(rule)",
            retryAfter: Self.retryAfter)
    }
}
