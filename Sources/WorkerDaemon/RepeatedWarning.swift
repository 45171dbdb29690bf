/// Decides which repetitions of a warning are logged. Reads no clock.
///
/// A worker that waits for its master tries often, and each failure is the same: the first one is told, then one in half a
/// minute with the number of those between, and at once any that has another reason.
struct RepeatedWarning {
    static let interval = Duration.seconds(30)

    private var latest: (reason: String, at: Duration)?
    private var leftOutCount = 0

    /// - Parameter now: the time since any fixed moment.
    /// - Returns: the number of repetitions that were left out before, when this one is to be logged; else `nil`.
    mutating func happened(_ reason: String, at now: Duration) -> Int? {
        if let latest, latest.reason == reason, now - latest.at < Self.interval {
            leftOutCount += 1
            return nil
        }
        latest = (reason, now)
        defer { leftOutCount = 0 }
        return leftOutCount
    }

    /// It went well for a time: the next failure is told.
    mutating func ended() { latest = nil }
}
