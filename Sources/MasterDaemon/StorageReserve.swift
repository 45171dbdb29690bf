import Protocol

/// The free space that uploads have to leave: running jobs may use it, so that a disk that fills up stops new work first.
///
///     |<---------------------- free space ---------------------->|
///     |  journal  |  running jobs  |  uploads                    |
///     0       byteCount/4      byteCount
///
/// The last quarter is the journal's: were it used up, the master could not go on.
struct StorageReserve {
    let byteCount: UInt64
    /// When space may have come back.
    static let retryAfter = Duration.seconds(10)
    /// After so many bytes of a transfer its space is looked at again: others write too.
    static let checkInterval: UInt64 = 4 << 20

    /// What nothing but the journal may use.
    var journalByteCount: UInt64 { byteCount / 4 }

    /// Why a blob can not be taken with `available` bytes free; `nil` when it can.
    func objection(to put: WirePutBlob, available: UInt64) -> WireRefusal? {
        let reserve = put.fromTask ? journalByteCount : byteCount
        if available >= put.byteCount, available - put.byteCount >= reserve { return nil }
        return refusal(of: put.byteCount, put, available)
    }

    /// Why a transfer can not go on that was begun with more space; `nil` when it can.
    func objection(toRest byteCount: UInt64, of put: WirePutBlob, available: UInt64) -> WireRefusal? {
        // Between what was asked for at its beginning and what is the journal's, so that two transfers do not stop each other.
        let reserve = put.fromTask ? journalByteCount : self.byteCount / 2
        return available >= reserve ? nil : refusal(of: byteCount, put, available)
    }

    private func refusal(of byteCount: UInt64, _ put: WirePutBlob, _ available: UInt64) -> WireRefusal {
        let rule =
            put.fromTask
            ? "\(journalByteCount) of them are kept for the journal; free some space"
            : "--min-free-bytes keeps \(self.byteCount) of them for running jobs; free some space or lower it"
        return WireRefusal(
            code: "no-space",
            message: "the master can not keep \(byteCount) more bytes: \(available) are free; \(rule)",
            retryAfter: Self.retryAfter)
    }
}
