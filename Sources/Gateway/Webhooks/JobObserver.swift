import ClientKit
import GatewayLogic
import GatewayStore
import JobModel
import Logging
import MasterClient
import SystemCalls

/// Sees what becomes of the master's jobs, and writes the messages of webhooks.
///
/// It asks for the newest jobs once a second, and for older ones that have not ended in turn; without webhooks it asks nothing. What
/// it has seen is stored with the messages: what happens while the gateway is away is told after its start.
struct JobObserver: Sendable {
    private static let interval: Duration = .seconds(1)
    /// Jobs of the first page; more are asked for only when all of them are new.
    private static let jobCount = 100
    /// Older jobs that are asked for by one look.
    private static let olderJobCount = 50

    let store: WebStore
    let link: MasterLink
    let submissions: SubmissionsUnderWay
    let sender: WebhookSender
    /// The address of the page, without a slash at its end.
    let page: String
    let logger: Logger

    func run() async {
        let store = store
        guard var watch = await reading({ try store.jobWatch() }) else { return }
        /// The last of the older jobs that was asked for.
        var last: UInt64 = 0
        repeat {
            do {
                watch = try await look(watch, after: &last)
            } catch is CancellationError {
                return
            } catch {
                // The master is away, or the disk is full: the next look sees what this one has missed.
                logger.debug("cannot look at jobs for webhooks", metadata: ["reason": "\(error)"])
            }
        } while (try? await Task.sleep(for: Self.interval)) != nil
    }

    /// Reads, again and again while that fails.
    private func reading<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async -> Value? {
        repeat {
            do {
                return try await offCooperativePool(body)
            } catch {
                logger.error("cannot read what webhooks were told", metadata: ["reason": "\(error)"])
            }
        } while (try? await Task.sleep(for: Self.interval)) != nil
        return nil
    }

    // MARK: One look

    /// - Returns: what is stored then.
    private func look(_ watch: JobWatch, after last: inout UInt64) async throws -> JobWatch {
        let store = store
        guard let since = try await offCooperativePool({ try store.firstWebhookTime() }) else {
            guard watch != JobWatch() else { return watch }
            return try await advance(from: watch, to: JobWatch(), [])
        }
        var next = watch
        var events: [JobWatch.Event]
        if let position = watch.position {
            let newest = try await jobs(newerThan: position)
            next.bound(newest: newest.map(\.job).max())
            events = next.see(newest)
            let older = next.open.keys.filter { job in !newest.contains { $0.job == job } }.sorted()
            let asked = Self.turn(older, after: last)
            last = asked.last ?? 0
            let found = try await jobs(asked)
            events += next.see(found)
            next.forget(Set(asked).subtracting(found.map(\.job)))
        } else {
            events = next.begin(with: try await jobs(newerThan: 0), since: since)
        }
        await submissions.ended(asOf: submissions.now)
        return try await advance(from: watch, to: next, events)
    }

    /// The jobs that are asked for next, of those in order.
    private static func turn(_ jobs: [UInt64], after last: UInt64) -> [UInt64] {
        let start = jobs.firstIndex { $0 > last } ?? 0
        return Array(jobs[start...].prefix(olderJobCount))
    }

    /// The newest jobs, among them all above `position`.
    private func jobs(newerThan position: UInt64) async throws -> [JobSighting] {
        var sightings: [JobSighting] = []
        var before: JobID?
        while true {
            let from = before
            let limit = UInt32(from == nil && position > 0 ? Self.jobCount : 500)
            let page = try await link.perform { try await $0.jobs(limit: limit, before: from) }
            sightings += page.map(\.sighting)
            guard let oldest = page.last, oldest.id.rawValue > position + 1 else { return sightings }
            before = oldest.id
        }
    }

    /// Those of the jobs that are still at the master.
    private func jobs(_ jobs: [UInt64]) async throws -> [JobSighting] {
        var sightings: [JobSighting] = []
        for job in jobs {
            do {
                sightings.append(try await link.perform { try await $0.job(JobID(job)) }.sighting)
            } catch let problem as Problem where problem.status == 404 {
                continue
            }
        }
        return sightings
    }

    private func advance(from watch: JobWatch, to next: JobWatch, _ events: [JobWatch.Event]) async throws -> JobWatch {
        let (store, page, now) = (store, page, WallClock.millisecondsSince1970)
        let count = try await offCooperativePool {
            try store.advance(from: watch, to: next, events, now: now) { event in
                WebhookBody.text(event.event, of: event.sighting, page: page, now: now)
            }
        }
        if count > 0 { sender.wake() }
        return next
    }
}

extension JobSummary {
    fileprivate var sighting: JobSighting {
        JobSighting(
            job: id.rawValue, state: state.name, isFinal: isFinal, submitter: submitter, imageCount: imageCount,
            imagesDone: imagesDone, imagesFailed: imagesFailed, submittedAt: submittedAt, finishedAt: finishedAt)
    }
}
