import JobModel
import Scheduler

/// How soon a worker that computes wrongly is found: one of four workers, in a batch of small images, while nothing else goes
/// wrong. A task takes up to 100 ms, 50 ms on average.
public struct AuditTrial: Sendable {
    static let workerCount = 4
    static let longestTask = Duration.milliseconds(100)

    /// The share of the tasks that is audited, in millionths.
    public let shareMillionths: UInt32
    /// One in that many of the faulty worker's results is wrong.
    public let wrongOnceIn: Int
    /// What came of each seed in which the worker was found, in the order of seeds.
    public private(set) var findings: [Finding] = []
    public private(set) var seedCount = 0
    /// What was granted for audits, and in all.
    public private(set) var auditCount: UInt64 = 0
    public private(set) var leaseCount: UInt64 = 0
    /// The first promise that was broken.
    public private(set) var violation: Violation?

    public struct Finding: Sendable {
        /// From the worker's first wrong result until it was quarantined.
        public let time: Duration
        /// Its wrong results until then, all of which are withdrawn.
        public let wrongCount: Int
        /// All of its results until then.
        public let resultCount: Int
    }

    public init(shareMillionths: UInt32, wrongOnceIn: Int) {
        self.shareMillionths = shareMillionths
        self.wrongOnceIn = wrongOnceIn
    }

    public mutating func run(seed: UInt64) {
        let simulation = Simulation(seed: seed)
        seedCount += 1
        if let finding = simulation.findFaultyWorker(
            AuditShare(millionths: shareMillionths), onceIn: wrongOnceIn, imageCount: imageCount)
        {
            findings.append(finding)
        }
        violation = violation ?? simulation.violation
        guard let counters = simulation.master?.machine.scheduler.counters else { return }
        auditCount += counters.auditsGranted
        leaseCount += counters.leasesGranted
    }

    /// Twelve times the images after which the worker is found on average.
    private var imageCount: Int {
        12 * Self.workerCount * wrongOnceIn * Int(1_000_000 / max(1, UInt64(shareMillionths)))
    }

    /// For people: the median, the 90th and the 99th of a hundred findings, and the worst.
    public var table: String {
        func row(_ name: String, _ values: [Int]) -> String {
            let sorted = values.sorted()
            func part(_ share: Int) -> Int {
                sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, sorted.count * share / 100)]
            }
            return "\(name.padded(to: 40)) p50 \(part(50)), p90 \(part(90)), p99 \(part(99)), worst \(sorted.last ?? 0)"
        }
        return [
            "found in \(findings.count) of \(seedCount) seeds; \(auditCount) of \(leaseCount) leases were audits",
            row("milliseconds after the first wrong result", findings.map { Int($0.time / .milliseconds(1)) }),
            row("wrong results until then", findings.map(\.wrongCount)),
            row("results of the worker until then", findings.map(\.resultCount)),
        ].joined(separator: "\n")
    }
}

extension Simulation {
    fileprivate func findFaultyWorker(
        _ share: AuditShare, onceIn times: Int, imageCount: Int
    ) -> AuditTrial.Finding? {
        isFaulty = false
        isAuditTrial = true
        options.beAuditTrial(share)
        observer = Observer(options.schedulerConfiguration)
        observer.auditBook.faulty = [AuditTrial.workerCount - 1]
        setUpWorkers(AuditTrial.workerCount)
        workers[AuditTrial.workerCount - 1].miscomputes = .rarely(onceIn: times)
        let geometry = ImageGeometry(width: 1_024, height: 64, channelCount: 1, bitsPerSample: 8)
        let offers = (0..<imageCount).map { index in
            ImageOffer(
                name: "image \(index)", input: .named("input \(index)", byteCount: 500),
                admission: .accepted(geometry))
        }
        let opening = JobOpening(
            token: "trial", submitter: "ann", pipeline: "invert", options: JobOptions(auditShare: share))
        clients = [
            SimulatedClient(number: 0, opening: opening, offers: offers, vanishesAfter: nil, cancels: false)
        ]
        timeline.arrange(.client(0, .connects), after: .seconds(5))
        let start = timeline.now
        while violation == nil, observer.auditBook.quarantined.isEmpty,
            !(timeline.now - start > .seconds(30) && isSettled)
        {
            pass(until: timeline.now + .milliseconds(100))
        }
        guard let firstWrongAt, !observer.auditBook.quarantined.isEmpty else { return nil }
        let counts = resultCounts[AuditTrial.workerCount - 1] ?? (all: 0, wrong: 0)
        return AuditTrial.Finding(
            time: timeline.now - firstWrongAt, wrongCount: counts.wrong, resultCount: counts.all)
    }
}

extension SimulationOptions {
    /// Nothing goes wrong but one worker's results.
    fileprivate mutating func beAuditTrial(_ share: AuditShare) {
        workerCount = AuditTrial.workerCount
        maximumSlots = 1
        longestTask = AuditTrial.longestTask
        longestDelay = .milliseconds(1)
        longestCommit = .milliseconds(1)
        rankLossEvery = 0
        hangEvery = 0
        poisonEvery = 0
        corruptEvery = 0
        liarCount = 0
        changesReleases = false
        auditShare = share
        faultyCount = 1
        schedulerConfiguration.maximumOpenJobs = 10
        schedulerConfiguration.auditWindow = .seconds(36_000)
        schedulerConfiguration.auditWait = .seconds(30)
    }
}
