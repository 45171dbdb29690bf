import JobModel
import Scheduler
import Testing

@testable import MasterDaemon

/// What watching costs a master, whatever its clients do.
@Suite struct WatchersTests {
    private let start = Instant(nanoseconds: 1_000_000_000_000)

    private func refusal(_ body: () throws -> Void) throws -> SchedulerRefusal {
        try #require(#expect(throws: SchedulerRefusal.self) { try body() })
    }

    /// Flushes until nothing is left.
    ///
    /// - Returns: the watchers that each flush told.
    private func flushes(
        of watchers: inout Watchers<Int>, from now: Instant, isBehind: (Int) -> Bool = { _ in false }
    ) -> [Int] {
        var counts: [Int] = []
        var now = now
        while watchers.nextFlush != nil, counts.count < 100 {
            now = now + Watchers<Int>.interval
            counts.append(watchers.flush(at: now, isBehind: isBehind).reduce(0) { $0 + $1.watchers.count })
        }
        return counts
    }

    @Test func `a stream watches one job, once`() throws {
        var watchers = Watchers<Int>()
        try watchers.add(1, stream: 7, to: JobID(1))
        for job in [JobID(1), JobID(2)] {
            let refusal = try refusal { try watchers.add(1, stream: 7, to: job) }
            #expect("\(refusal)".contains("stream 7 watches job 1"), "\(refusal)")
        }
        #expect(watchers.count == 1)
        // The same stream of another connection is another one, and so is another stream of this one.
        try watchers.add(2, stream: 7, to: JobID(1))
        try watchers.add(1, stream: 8, to: JobID(1))
        watchers.changed(JobID(1))
        let told = watchers.flush(at: start, isBehind: { _ in false })
        #expect(told.count == 1 && told[0].watchers.map(\.stream) == [7, 7, 8])
    }

    @Test func `watches are bounded for each connection and for each job`() throws {
        var watchers = Watchers<Int>()
        for stream in 0..<UInt32(Watchers<Int>.maximumPerConnection) {
            try watchers.add(1, stream: stream, to: JobID(UInt64(stream % 5) + 1))
        }
        var refusal = try refusal { try watchers.add(1, stream: 9_999, to: JobID(1)) }
        #expect("\(refusal)".contains("\(Watchers<Int>.maximumPerConnection) watches"))
        watchers.remove(1, from: JobID(1))
        try watchers.add(1, stream: 9_999, to: JobID(2))
        for connection in 2...Watchers<Int>.maximumPerJob + 1 {
            try watchers.add(connection, stream: 1, to: JobID(100))
        }
        refusal = try self.refusal { try watchers.add(100_000, stream: 1, to: JobID(100)) }
        #expect("\(refusal)".contains("job 100 has \(Watchers<Int>.maximumPerJob) watchers"))
        // All that was taken is given back.
        for connection in 1...Watchers<Int>.maximumPerJob + 1 { watchers.remove(connection) }
        #expect(watchers.count == 0 && watchers.nextFlush == nil)
    }

    @Test func `a flush tells a bounded number, and nobody is left out`() throws {
        var watchers = Watchers<Int>()
        for job in 1...100 {
            for connection in 0..<100 {
                try watchers.add(connection, stream: UInt32(job), to: JobID(UInt64(job)))
            }
            watchers.changed(JobID(UInt64(job)))
        }
        let counts = flushes(of: &watchers, from: start)
        #expect(counts.allSatisfy { $0 <= Watchers<Int>.maximumPerFlush + 100 }, "\(counts)")
        #expect(counts.reduce(0, +) == 10_000)
        #expect(counts.count >= 4)
    }

    @Test func `changes in between are told together, and not before their time`() throws {
        var watchers = Watchers<Int>()
        try watchers.add(1, stream: 1, to: JobID(1))
        watchers.changed(JobID(1))
        #expect(watchers.flush(at: start, isBehind: { _ in false }).count == 1)
        for _ in 0..<1_000 { watchers.changed(JobID(1)) }
        #expect(watchers.flush(at: start + .milliseconds(99), isBehind: { _ in false }).isEmpty)
        #expect(watchers.flush(at: start + .milliseconds(100), isBehind: { _ in false }).count == 1)
        #expect(watchers.nextFlush == nil)
    }

    @Test func `a client that does not read gets the newest state when it reads again, and holds up nobody`() throws {
        var watchers = Watchers<Int>()
        for connection in 1...3 { try watchers.add(connection, stream: 1, to: JobID(1)) }
        var now = start
        var told: [Int: Int] = [:]
        for round in 0..<50 {
            now = now + Watchers<Int>.interval
            if round < 40 { watchers.changed(JobID(1)) }
            for (_, audience) in watchers.flush(at: now, isBehind: { $0 == 2 && round < 45 }) {
                for watcher in audience { told[watcher.connection, default: 0] += 1 }
            }
        }
        #expect(told == [1: 40, 2: 1, 3: 40])
        #expect(watchers.nextFlush == nil)
    }

    @Test func `the end of a job is told at once to all, and nothing after it`() throws {
        var watchers = Watchers<Int>()
        for connection in 1...3 { try watchers.add(connection, stream: 1, to: JobID(1)) }
        watchers.changed(JobID(1))
        #expect(watchers.ended(JobID(1)).count == 3)
        #expect(watchers.nextFlush == nil && watchers.count == 0)
        watchers.changed(JobID(1))
        #expect(watchers.nextFlush == nil)
        #expect(watchers.ended(JobID(1)).isEmpty)
        try watchers.add(1, stream: 1, to: JobID(2))
    }

    @Test func `a client that leaves while others wait leaves nothing behind`() throws {
        var watchers = Watchers<Int>()
        try watchers.add(1, stream: 1, to: JobID(1))
        watchers.changed(JobID(1))
        _ = watchers.flush(at: start, isBehind: { _ in true })
        watchers.remove(1)
        #expect(watchers.nextFlush == nil && watchers.count == 0)
    }
}
