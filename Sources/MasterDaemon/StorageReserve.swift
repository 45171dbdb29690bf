import Protocol

/// The free space that uploads have to leave: running jobs may use it, so that a disk that fills up stops new work first.
struct StorageReserve {
    let byteCount: UInt64
    /// When space may have come back.
    static let retryAfter = Duration.seconds(10)

    /// Why a blob can not be taken with `available` bytes free; `nil` when it can.
    func objection(to put: WirePutBlob, available: UInt64) -> WireRefusal? {
        let reserve = put.fromTask ? 0 : byteCount
        if available >= put.byteCount, available - put.byteCount >= reserve { return nil }
        let rule =
            put.fromTask
            ? "free some space"
            : "--min-free-bytes keeps \(reserve) of them for running jobs; free some space or lower it"
        return WireRefusal(
            code: "no-space",
            message: "the master can not keep \(put.byteCount) more bytes: \(available) are free; \(rule)",
            retryAfter: Self.retryAfter)
    }
}
