/// Counts how often something took how long.
package struct DurationHistogram: Sendable, Equatable {
    /// Upper bounds of the buckets, inclusive, ascending.
    package let bounds: [Duration]
    /// How often in each bucket, and in the last one what is above all bounds.
    package private(set) var counts: [UInt64]
    package private(set) var sum = Duration.zero

    package init(_ bounds: [Duration]) {
        precondition(zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 }, "the bounds of buckets ascend")
        self.bounds = bounds
        counts = [UInt64](repeating: 0, count: bounds.count + 1)
    }

    package var count: UInt64 { counts.reduce(0, +) }

    /// - Parameter duration: a negative one, which a clock that was set can give, counts as none.
    package mutating func add(_ duration: Duration) {
        let duration = max(.zero, duration)
        counts[bounds.firstIndex { duration <= $0 } ?? bounds.count] += 1
        sum += duration
    }

    /// For steps of the master, which are to take milliseconds: 100 µs to 10 s.
    package static let ofSteps = DurationHistogram([
        .microseconds(100), .microseconds(250), .microseconds(500), .milliseconds(1), .microseconds(2_500),
        .milliseconds(5), .milliseconds(10), .milliseconds(25), .milliseconds(50), .milliseconds(100),
        .milliseconds(250), .milliseconds(500), .seconds(1), .milliseconds(2_500), .seconds(10),
    ])

    /// For tasks, from those of small images to those of hours: 10 ms to 1 h.
    package static let ofTasks = DurationHistogram([
        .milliseconds(10), .milliseconds(25), .milliseconds(50), .milliseconds(100), .milliseconds(250),
        .milliseconds(500), .seconds(1), .milliseconds(2_500), .seconds(5), .seconds(10), .seconds(30), .seconds(60),
        .seconds(300), .seconds(900), .seconds(3_600),
    ])
}

extension Duration {
    package var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }
}
