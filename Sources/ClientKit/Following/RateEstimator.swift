/// The speed of a growing number over the last seconds. Reads no clock: time is an argument.
struct RateEstimator: Sendable {
    /// Older samples no longer count.
    static let window: Duration = .seconds(15)
    /// Samples closer together replace each other, which bounds how many there are.
    static let resolution: Duration = .milliseconds(200)

    private var samples: [(at: Duration, value: Double)] = []

    /// - Parameter elapsed: never less than at the call before.
    mutating func record(_ value: Double, at elapsed: Duration) {
        if samples.count > 1, elapsed - samples[samples.count - 2].at < Self.resolution { samples.removeLast() }
        samples.append((elapsed, value))
        // The sample at the edge of the window stays, so that slow progress has a past.
        while samples.count > 2, elapsed - samples[1].at > Self.window { samples.removeFirst() }
    }

    /// The growth per second; `nil` until half a second has been seen.
    var perSecond: Double? {
        guard let first = samples.first, let last = samples.last else { return nil }
        let seconds = (last.at - first.at) / .seconds(1)
        guard seconds >= 0.5 else { return nil }
        return max(0, last.value - first.value) / seconds
    }

    /// The time until `goal` is reached at this speed; `nil` when it is not known.
    func remaining(until goal: Double) -> Duration? {
        guard let last = samples.last, let perSecond, perSecond > 0 else { return nil }
        let seconds = max(0, goal - last.value) / perSecond
        return seconds < 1e8 ? .seconds(seconds) : nil
    }
}
