import ClientKit
import JobModel

/// Turns progress into a line of text. Pure: the same calls give the same lines.
struct ProgressFormatter: Sendable {
    private var estimator = ProgressEstimator()

    private var progress: JobProgress { estimator.progress }

    mutating func update(_ progress: JobProgress, at elapsed: Duration) { estimator.record(progress, at: elapsed) }

    /// `job 17 [#######-------]  52%  52/100 images  8.1 images/s  ETA 6 s  1 attempt lost: reassigned`
    ///
    /// Parts that do not fit into `width` columns are left out, the least important first.
    func bar(width: Int) -> String {
        let head = "job \(number) "
        var parts = ["\(percent)%", countText]
        if let rateText { parts.append(rateText) }
        if let remaining { parts.append("ETA \(remaining)") }
        parts += incidents
        // The last column stays free: some terminals wrap when it is written.
        let room = width - 1
        var tail = parts.joined(separator: "  ")
        while parts.count > 2, head.count + Self.barMinimum + 3 + tail.count > room {
            parts.removeLast()
            tail = parts.joined(separator: "  ")
        }
        let length = min(Self.barMaximum, room - head.count - tail.count - 3)
        guard length >= Self.barMinimum else { return String((head + tail).prefix(max(0, room))) }
        let filled = Int((fraction * Double(length)).rounded(.down))
        return head + "[" + String(repeating: "#", count: filled) + String(repeating: "-", count: length - filled)
            + "] "
            + tail
    }

    /// `job 17: 52% done, 52/100 images, 8.1 images/s, 6 s left, 1 attempt lost: reassigned`
    var plain: String {
        var parts = ["\(percent)% done", countText]
        if let rateText { parts.append(rateText) }
        if let remaining { parts.append("\(remaining) left") }
        parts += incidents
        return "job \(number): " + parts.joined(separator: ", ")
    }

    /// 1 only when every image has ended: the last step of an image, its assembly, comes after all its pixels.
    private var fraction: Double { progress.hasEnded ? 1 : min(progress.fraction, 0.99) }

    /// Rounded down: 100 means done.
    private var percent: Int { progress.hasEnded ? 100 : Int((fraction * 100 + 1e-9).rounded(.down)) }

    private var countText: String {
        let uploading = progress.isUploading ? ", \(progress.imagesSent) sent" : ""
        return "\(progress.imagesFinished)/\(Units.counted(progress.imageCount, "image"))" + uploading
    }

    /// Images when there are many, pixels when few: the number that changes more often.
    private var rateText: String? {
        if progress.imageCount >= 10 { return estimator.imagesPerSecond.flatMap { $0 > 0 ? Units.imageRate($0) : nil } }
        return estimator.pixelsPerSecond.flatMap { $0 > 0 ? Units.pixelRate($0) : nil }
    }

    private var remaining: String? {
        guard !progress.hasEnded, let (seconds, attoseconds) = estimator.remaining?.components else { return nil }
        // Rounded up: "0 s" would be said of work that continues.
        return Units.wholeSeconds(.seconds(max(1, seconds + (attoseconds > 0 ? 1 : 0))))
    }

    private var number: String { progress.job.map { "\($0)" } ?? "" }

    /// Events besides progress: `2 failed`, `1 attempt lost: reassigned`; empty when there were none.
    private var incidents: [String] {
        var incidents: [String] = []
        if progress.imagesFailed > 0 { incidents.append("\(progress.imagesFailed) failed") }
        if progress.attemptsLost > 0 {
            incidents.append(Units.counted(progress.attemptsLost, "attempt") + " lost: reassigned")
        }
        if progress.attemptsFailed > 0 {
            incidents.append(Units.counted(progress.attemptsFailed, "attempt") + " failed")
        }
        return incidents
    }

    private static let barMinimum = 10
    private static let barMaximum = 40
}

/// Lets at most one line a second through, and only when it says something new.
struct LineLimiter: Sendable {
    static let interval: Duration = .seconds(1)

    /// Nothing is said in the first second: most commands are through by then.
    private var lastShown: (line: String, at: Duration) = ("", .zero)

    /// - Returns: `line` when it may be shown now.
    mutating func offer(_ line: String, at elapsed: Duration) -> String? {
        guard line != lastShown.line, elapsed - lastShown.at >= Self.interval else { return nil }
        lastShown = (line, elapsed)
        return line
    }
}
