import JobModel
import Testing

@testable import Scheduler

@Suite struct SpeedTests {
    @Test(.timeLimit(.minutes(5)))
    func `a thousand workers work a hundred thousand tasks off`() throws {
        let result = try run(workers: 1_000, images: 100_000)
        print("1,000 workers, 100,000 tasks:", result)
    }

    @Test(.enabled(if: isOptimised), .timeLimit(.minutes(5)))
    func `ten thousand workers work a million tasks off`() throws {
        let result = try run(workers: 10_000, images: 1_000_000)
        print("10,000 workers, 1,000,000 tasks:", result)
    }

    /// Whole images on 4-slot workers that finish 64 tasks between two beats of all workers.
    private func run(workers: Int, images: Int) throws -> String {
        let clock = ContinuousClock()
        var scheduler = try Scheduler(configuration: SchedulerConfiguration(), planner: ScriptedPlanner())
        var now = Moment(Instant(nanoseconds: 1), wallClockMilliseconds: 0)
        var held: [[LeaseID]] = Array(repeating: [], count: workers + 1)
        var events = 0
        var doneCount = 0
        var longest = Duration.zero

        func event(_ body: (inout Scheduler, inout Decision) throws -> Void) rethrows {
            var decision = Decision()
            let start = clock.now
            try body(&scheduler, &decision)
            longest = max(longest, clock.now - start)
            events += 1
            for case .grant(let lease, _, let worker) in decision.actions { held[Int(worker.rawValue)].append(lease) }
            for case .revoke(let lease, let worker, _) in decision.actions {
                held[Int(worker.rawValue)].removeAll { $0 == lease }
            }
        }

        let start = clock.now
        for number in 1...workers {
            try event { scheduler, decision in
                let registration = WorkerRegistration(name: "w\(number)", slotCount: 4)
                _ = try scheduler.workerRegistered(registration, at: now, into: &decision)
            }
        }
        var job = JobID(0)
        try event { scheduler, decision in
            let opening = JobOpening(token: "t", submitter: "s", pipeline: "whole")
            job = try scheduler.jobOpened(opening, at: now, into: &decision)
        }
        let admission = ImageDescription.Admission.accepted(
            ImageGeometry(width: 10, height: 8, channelCount: 1, bitsPerSample: 8))
        for first in stride(from: 0, to: images, by: 250) {
            let offers = (first..<first + 250).map {
                ImageOffer(name: "\($0)", input: .named("\($0)"), admission: admission)
            }
            try event { try $0.imagesAdded(to: job, firstIndex: UInt32(first), offers, at: now, into: &$1) }
        }
        try event { try $0.jobSealed(job, imageCount: UInt32(images), at: now, into: &$1) }

        var next = 1
        while doneCount < images {
            now.instant = now.instant + .milliseconds(1)
            for _ in 0..<64 {
                let worker = WorkerID(UInt64(next))
                next = next % workers + 1
                guard let lease = held[Int(worker.rawValue)].first else { continue }
                held[Int(worker.rawValue)].removeFirst()
                let output = TaskOutput(payload: .named("\(lease.task.image.index)r"))
                event { $0.taskFinished(lease, by: worker, output: output, at: now, into: &$1) }
                doneCount += 1
            }
            if next % 8 < 2 {
                let worker = WorkerID(UInt64(next))
                let list = held[next].map { HeldLease($0) }
                event { _ = $0.workerHeartbeat(worker, held: list, residentBytes: 0, at: now, into: &$1) }
            }
            if let deadline = scheduler.nextDeadline, deadline <= now.instant {
                event { $0.timePassed(at: now, into: &$1) }
            }
        }
        let elapsed = clock.now - start
        #expect(scheduler.jobSummary(job)?.state == .done)
        let seconds = elapsed.seconds
        return "\(events) events in \(elapsed), \(Int(Double(events) / seconds)) events/s, the longest took \(longest)"
    }
}

/// Whether the tests were built with optimisation.
private let isOptimised: Bool = {
    var isDebug = false
    assert(
        {
            isDebug = true; return true
        }())
    return !isDebug
}()
