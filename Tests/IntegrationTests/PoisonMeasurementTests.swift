import Foundation
import JobModel
import TestBasics
import TestSupport
import Testing

extension Campaigns {
    /// What poison costs those who share a batch with it. `FAULT_SAMPLES=100` measures in earnest, and prints the figures.
    @Suite struct PoisonMeasurement {
        private static let samples = ProcessInfo.processInfo.environment["FAULT_SAMPLES"].flatMap(Int.init) ?? 4
        private static let pipeline = "gaussian-blur sigma=5 | sobel"
        private static let image = TestImage(width: 1_200, height: 900, .rgb)

        /// One image in a hundred kills every rank that opens it, four times, and each time a world has to be started again.
        @Test func `one poisoned image in a hundred slows the others little`() async throws {
            let goodCount = Self.samples * 10
            try await withTemporaryDirectory { directory in
                let poison = try Poison(in: directory)
                try await Cluster.with(
                    workers: 2, ranks: 1, workerArguments: ["--rank-program", poison.rankProgram]
                ) { cluster in
                    let good = try cluster.file("good.png", Self.image.png)
                    let bad = try cluster.file("bad.png", Poison.mark(Self.image.png, .crash))
                    let plain = [String](repeating: good, count: goodCount)
                    var poisoned = plain
                    for hundred in 0..<max(1, goodCount / 100) {
                        poisoned.insert(bad, at: hundred * 101 + min(50, goodCount / 2))
                    }

                    let before = try await Self.rate(of: plain, goodCount: goodCount, cluster)
                    let during = try await Self.rate(of: poisoned, goodCount: goodCount, cluster)
                    let after = try await Self.rate(of: plain, goodCount: goodCount, cluster)
                    let loss = 1 - during / ((before + after) / 2)
                    let rates = [before, during, after].map { String(format: "%.1f", $0) }.joined(separator: ", ")
                    print(
                        "good images a second before, with and after 1 % of poison: \(rates) of \(goodCount); "
                            + String(format: "%.0f %% lost", 100 * loss))
                }
            }
        }

        /// The good images that are done in a second, from the first to the last.
        private static func rate(of files: [String], goodCount: Int, _ cluster: Cluster) async throws -> Double {
            let job = try await cluster.submit(pipeline, files, "--no-cache")
            func reach(_ count: Int) async throws -> (done: Int, at: ContinuousClock.Instant) {
                try await eventually("\(count) images are done", within: .seconds(600), every: .milliseconds(5)) {
                    let done = Int(try await cluster.summary(of: job).imagesDone)
                    return done >= count ? (done, ContinuousClock.now) : nil
                }
            }
            let first = try await reach(1)
            let last = try await reach(goodCount)
            let end = try await cluster.waitForEnd(of: job)
            #expect(Int(end.imagesDone) == goodCount)
            #expect(Int(end.imagesFailed) == files.count - goodCount, "poison, and nothing else")
            return Double(last.done - first.done) / ((last.at - first.at) / .seconds(1))
        }
    }
}
