import ClientKit
import GatewayLogic
import JobModel
import JSONText
import Logging
import Synchronization

/// Learns what changes at the master, as far as somebody watches, and publishes it.
///
/// All viewers together cost the master what one costs: a page of the newest jobs eight times a second, a subscription for each
/// job that is looked at, the workers once a second. What nobody looks at is not asked for.
struct ChangeWatcher: Sendable {
    private static let jobsInterval: Duration = .milliseconds(125)
    private static let workersInterval: Duration = .seconds(1)
    /// Jobs of one look at the newest ones.
    private static let jobCount = 100

    let link: MasterLink
    let hub: EventHub
    let views: JobViews
    let gateway: @Sendable () -> JSON

    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await hub.run() }
            group.addTask { await publishCluster() }
            group.addTask { await watchJobs() }
            group.addTask { await watchWorkers() }
            group.addTask { await watchWhatIsLookedAt() }
            group.addTask {
                while (try? await Task.sleep(for: .seconds(15))) != nil { hub.beat() }
            }
        }
    }

    // MARK: Cluster and workers

    private func publishCluster() async {
        for await _ in link.changes { hub.publish("cluster", [.cluster], "cluster", ClusterView.json(link, gateway())) }
    }

    private func watchWorkers() async {
        var known: Set<String> = []
        while await pause(Self.workersInterval) {
            guard hub.interest.contains(.workers) else { continue }
            guard let workers = try? await link.perform({ try await $0.workers() }) else { continue }
            let present = Set(workers.map { "\($0.id)" })
            let gone = known.subtracting(present)
            hub.publish(
                workers.map { EventHub.News("worker:\($0.id)", [.workers], "worker", $0.json) }
                    + gone.map { EventHub.News("worker:\($0)", [.workers], "worker-gone", ["worker": .string($0)]) })
            known = present
        }
    }

    // MARK: Jobs

    private func watchJobs() async {
        var window = JobWindow()
        while await pause(Self.jobsInterval) {
            guard hub.interest.contains(.jobs) else {
                window = JobWindow()
                continue
            }
            guard let newest = try? await link.perform({ try await $0.jobs(limit: UInt32(Self.jobCount), before: nil) })
            else { continue }
            await publish(newest.filter { window.isChanged($0) })
            for job in window.update(newest) {
                // It is older than the page, or forgotten.
                do {
                    let summary = try await link.perform { try await $0.job(job) }
                    await publish([summary])
                    window.keep(summary)
                } catch let problem as Problem where problem.status == 404 {
                    hub.publish(
                        "job:\(job)", [.jobs, .job(job.rawValue)], "job-forgotten", ["job": .integer(job.rawValue)])
                } catch {
                    break
                }
            }
        }
    }

    private func publish(_ summaries: [JobSummary]) async {
        guard !summaries.isEmpty, let shown = try? await views.json(summaries) else { return }
        hub.publish(zip(summaries, shown).map { EventHub.News($0.id, $1) })
    }

    /// Follows each job that is looked at by itself, with its images, and the rows of each image that is looked at.
    private func watchWhatIsLookedAt() async {
        let followed = FollowedTopics()
        await withDiscardingTaskGroup { group in
            for await _ in hub.interestChanges {
                for topic in hub.interest where topic.isOfOneJob && followed.insert(topic) {
                    group.addTask {
                        switch topic {
                        case .job(let job): await follow(JobID(job))
                        case .rows(let image): await followRows(of: image)
                        case .jobs, .workers, .cluster, .uploads: break
                        }
                        followed.remove(topic)
                    }
                }
            }
        }
    }

    /// Follows a job while somebody looks, across outages of the master, until it ends.
    private func follow(_ job: JobID) async {
        while !Task.isCancelled, hub.interest.contains(.job(job.rawValue)) {
            do {
                let isOver = try await link.with { session in
                    var window = ImageWindow()
                    for try await event in session.events(of: job) {
                        guard hub.interest.contains(.job(job.rawValue)) else { return true }
                        let summary: JobSummary
                        switch event {
                        case .changed(let now), .ended(let now): summary = now
                        case .imageEnded: continue
                        }
                        await publish([summary])
                        try await publishImages(of: summary, &window, session)
                        // At most five states a second.
                        if !summary.isFinal { try await Task.sleep(for: .milliseconds(200)) }
                    }
                    return true
                }
                if isOver { return }
            } catch let problem as Problem where problem.status == 404 {
                hub.publish(
                    "job:\(job)", [.jobs, .job(job.rawValue)], "job-forgotten", ["job": .integer(job.rawValue)])
                return
            } catch {
                guard await pause(.milliseconds(500)) else { return }
            }
        }
    }

    /// Follows the rows of a result while it is computed and somebody looks.
    private func followRows(of name: ImageName) async {
        let (image, topic) = (ImageID(job: JobID(name.job), index: name.index), Topic.rows(name))
        while !Task.isCancelled, hub.interest.contains(topic) {
            do {
                try await link.with { session in
                    var rows = RunningRows(image)
                    for try await event in session.events(of: image.job) {
                        guard hub.interest.contains(topic),
                            let partial = try await session.partialResult(
                                of: image, firstRow: rows.firstGap, run: rows.run)
                        else { return }
                        try rows.add(partial)
                        hub.publish("rows:\(name)", [topic], "rows", rows.json)
                        if partial.state.isFinal { return }
                        // At most ten states a second.
                        if case .changed = event { try await Task.sleep(for: .milliseconds(100)) }
                    }
                }
                return
            } catch let problem as Problem where problem.status == 404 {
                return
            } catch {
                guard await pause(.milliseconds(500)) else { return }
            }
        }
    }

    private func publishImages(
        of summary: JobSummary, _ window: inout ImageWindow, _ session: MasterSession
    ) async throws {
        var first = window.first
        // Of a very long job a part each time; the rest follows with the next summaries.
        for _ in 0..<16 {
            let from = first
            let page = try await session.perform { try await $0.images(summary.id, first: from) }
            let changed = page.images.filter { window.isChanged($0) }
            let shown = try await views.json(changed, of: summary.id, Gateway.resultKind(of: summary))
            hub.publish(
                zip(changed, shown).map { image, json in
                    EventHub.News(
                        "image:\(summary.id).\(image.index)", [.job(summary.id.rawValue)], "image", json)
                })
            first += UInt32(page.images.count)
            let isAhead = !page.images.contains { $0.state != .waiting }
            if page.images.isEmpty || first >= page.imageCount || (isAhead && !summary.isFinal) { break }
        }
    }

    /// - Returns: whether to continue.
    private func pause(_ time: Duration) async -> Bool { (try? await Task.sleep(for: time)) != nil }
}

/// The jobs that a list of the newest ones no longer shows, and that may still change.
private struct JobWindow {
    private var open: Set<JobID> = []
    /// The states that were published last.
    private var known: [JobID: JobSummary] = [:]

    /// Whether a job is to be published. The uploads of one that is not sealed change by themselves.
    mutating func isChanged(_ summary: JobSummary) -> Bool {
        let before = known.updateValue(summary, forKey: summary.id)
        if known.count > 1000 { known = [:] }
        return before != summary || !summary.isSealed
    }

    /// - Returns: open jobs that were shown before and are not among `newest`, at most 20.
    mutating func update(_ newest: [JobSummary]) -> [JobID] {
        let present = Set(newest.map(\.id))
        let missing = open.subtracting(present).sorted().prefix(20)
        open.subtract(missing)
        for summary in newest { keep(summary) }
        return Array(missing)
    }

    mutating func keep(_ summary: JobSummary) {
        if summary.isFinal { open.remove(summary.id) } else { open.insert(summary.id) }
    }
}

/// The images of a job that may still change.
private struct ImageWindow {
    private var known: [UInt32: ImageStatus] = [:]
    /// All images before it have ended, and were told.
    private(set) var first: UInt32 = 0

    mutating func isChanged(_ image: ImageStatus) -> Bool {
        let isNew = known[image.index] != image
        known[image.index] = image
        while let next = known[first], next.state.isFinal {
            known[first] = nil
            first += 1
        }
        return isNew
    }
}

/// The topics that are followed by themselves.
private final class FollowedTopics: Sendable {
    private let topics = Mutex<Set<Topic>>([])

    /// - Returns: whether the topic was not followed before.
    func insert(_ topic: Topic) -> Bool { topics.withLock { $0.insert(topic).inserted } }
    func remove(_ topic: Topic) { topics.withLock { _ = $0.remove(topic) } }
}

extension Topic {
    /// Whether it is followed by itself.
    fileprivate var isOfOneJob: Bool {
        switch self {
        case .job, .rows: true
        case .jobs, .workers, .cluster, .uploads: false
        }
    }
}
