import JobModel

/// What happened, for people: the last events in words, and a digest over all of them to tell two runs apart.
struct Trace {
    private struct Line {
        let time: Instant
        let phrase: StaticString
        let subject: Int
        let lease: LeaseID?
        let detail: UInt64
    }

    private static let kept = 120
    private var lines: [Line] = []
    private var nextLine = 0
    private let start: Instant
    /// FNV-1a over every line.
    private(set) var digest: UInt64 = 14_695_981_039_346_656_037
    private(set) var count: UInt64 = 0
    private(set) var faultCounts: [String: Int] = [:]

    init(start: Instant) { self.start = start }

    mutating func note(
        _ phrase: StaticString, _ subject: Int = 0, lease: LeaseID? = nil, detail: UInt64 = 0, at time: Instant
    ) {
        count += 1
        mix(time.nanoseconds)
        mix(UInt64(phrase.utf8CodeUnitCount))
        mix(UInt64(phrase.utf8Start.pointee))
        mix(UInt64(truncatingIfNeeded: subject))
        mix(detail)
        if let lease {
            mix(lease.task.image.job.rawValue)
            mix(UInt64(lease.task.image.index))
            mix(UInt64(lease.attempt))
        }
        let line = Line(time: time, phrase: phrase, subject: subject, lease: lease, detail: detail)
        if lines.count < Self.kept { lines.append(line) } else { lines[nextLine % Self.kept] = line }
        nextLine += 1
    }

    mutating func noteFault(_ phrase: StaticString, _ subject: Int = 0, at time: Instant) {
        faultCounts["\(phrase)", default: 0] += 1
        note(phrase, subject, at: time)
    }

    private mutating func mix(_ word: UInt64) { digest = (digest ^ word) &* 1_099_511_628_211 }

    /// The last events, oldest first.
    var text: String {
        let ordered =
            lines.count < Self.kept ? lines[...] : lines[(nextLine % Self.kept)...] + lines[..<(nextLine % Self.kept)]
        return ordered.map { line in
            let milliseconds = Int((line.time - start) / .milliseconds(1))
            let lease = line.lease.map { " \($0)" } ?? ""
            let detail = line.detail == 0 ? "" : " (\(line.detail))"
            return "  \(milliseconds) ms  \(line.phrase) \(line.subject)\(lease)\(detail)"
        }.joined(separator: "\n")
    }
}
