import NIOCore

/// Decides which refused connections get a line in the log, so that a crowd of strangers does not hide other lines. Reads no
/// clock.
struct RefusalThrottle {
    enum Verdict: Hashable {
        /// Write it, with the number of refusals before it that were left out.
        case log(leftOut: Int)
        case leaveOut
    }

    /// Lines per period.
    static let linesPerPeriod = 20
    static let period = TimeAmount.seconds(10)

    private var periodEnd: NIODeadline?
    private var lines = 0
    private var leftOut = 0

    /// A connection was refused.
    mutating func refused(at now: NIODeadline) -> Verdict {
        if periodEnd.map({ now >= $0 }) ?? true {
            periodEnd = now + Self.period
            lines = 0
        }
        guard lines < Self.linesPerPeriod else {
            leftOut += 1
            return .leaveOut
        }
        lines += 1
        defer { leftOut = 0 }
        return .log(leftOut: leftOut)
    }
}
