/// The speed and the remaining time of a job. Reads no clock: time is an argument.
public struct ProgressEstimator: Sendable {
    private var fraction = RateEstimator()
    private var images = RateEstimator()
    private var pixels = RateEstimator()
    /// The progress that was recorded last.
    public private(set) var progress = JobProgress()

    public init() {}

    /// - Parameter elapsed: the time since any fixed moment; never less than at the call before.
    public mutating func record(_ progress: JobProgress, at elapsed: Duration) {
        self.progress = progress
        fraction.record(progress.fraction, at: elapsed)
        images.record(Double(progress.imagesFinished), at: elapsed)
        pixels.record(Double(progress.pixelsDone), at: elapsed)
    }

    /// Images that ended per second, over the last 15 seconds; `nil` until half a second has been seen.
    public var imagesPerSecond: Double? { images.perSecond }

    /// Pixels done per second, over the last 15 seconds; `nil` until half a second has been seen.
    public var pixelsPerSecond: Double? { pixels.perSecond }

    /// The time until the end at the present speed; `nil` when it is not known, or the job has ended.
    public var remaining: Duration? { progress.fraction < 1 ? fraction.remaining(until: 1) : nil }
}
