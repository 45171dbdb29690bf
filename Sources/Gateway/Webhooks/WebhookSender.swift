import ClientKit
import GatewayLogic
import GatewayStore
import Logging
import NIOHTTP1
import Synchronization
import SystemCalls

/// Sends the messages of webhooks when they are due, and stores what became of them.
final class WebhookSender: Sendable {
    private static let interval: Duration = .seconds(1)

    private let store: WebStore
    private let post: WebhookPost
    private let schedule: DeliverySchedule
    private let logger: Logger
    private let slots = Mutex(DeliverySlots())
    private let wakes: AsyncStream<Void>
    private let waker: AsyncStream<Void>.Continuation

    init(store: WebStore, post: WebhookPost, schedule: DeliverySchedule, logger: Logger) {
        self.store = store
        self.post = post
        self.schedule = schedule
        self.logger = logger
        (wakes, waker) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Has it look at once: there is a new message.
    func wake() { waker.yield() }

    /// Sends until cancelled. An attempt that is cut short is made again by the next run.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask {
                repeat { self.wake() } while (try? await Task.sleep(for: Self.interval)) != nil
            }
            for await _ in wakes {
                // Taken before the messages are read: a message whose attempt ends during that may be read as it was before.
                let busy = slots.withLock { $0.busy }
                for delivery in await due() where !busy.contains(delivery.webhook) {
                    guard slots.withLock({ $0.begin(delivery.webhook, of: delivery.owner) }) else { continue }
                    group.addTask {
                        await self.attempt(delivery)
                        self.slots.withLock { $0.ended(delivery.webhook) }
                        self.wake()
                    }
                }
            }
        }
    }

    private func due() async -> [DueDelivery] {
        let (store, now) = (store, WallClock.millisecondsSince1970)
        do {
            return try await offCooperativePool { try store.dueDeliveries(now: now) }
        } catch {
            logger.error("cannot read the messages of webhooks", metadata: ["reason": "\(error)"])
            return []
        }
    }

    private func attempt(_ delivery: DueDelivery) async {
        let outcome: DeliverySchedule.Outcome
        var problem: String?
        do {
            let reply = try await send(delivery)
            outcome = .answered(status: reply.status, retryAfter: reply.retryAfter)
            if !(200..<300).contains(reply.status) { problem = "it answered \(reply.status)" }
        } catch let error where error is CancellationError || Task.isCancelled {
            return
        } catch {
            outcome = .unanswered
            problem = (error as? Problem)?.detail ?? WebhookPost.words(error)
        }
        let verdict = schedule.verdict(on: outcome, attempt: delivery.attempt, jitter: .random(in: 0...1))
        await store(delivery, outcome, verdict, problem)
    }

    private func send(_ delivery: DueDelivery) async throws -> WebhookPost.Reply {
        let target = try WebhookTarget(parsing: delivery.url)
        // The time of this attempt: a receiver refuses old ones.
        let timestamp = WallClock.millisecondsSince1970 / 1000
        let signature = delivery.secrets.signature(id: delivery.id, timestamp: timestamp, body: delivery.body)
        let fields: HTTPHeaders = [
            "webhook-id": delivery.id, "webhook-timestamp": "\(timestamp)", "webhook-signature": signature,
        ]
        return try await post.send(delivery.body, to: target, fields: fields)
    }

    private func store(
        _ delivery: DueDelivery, _ outcome: DeliverySchedule.Outcome, _ verdict: DeliverySchedule.Verdict,
        _ problem: String?
    ) async {
        var status: Int?
        if case .answered(let code, _) = outcome { status = code }
        let (store, now, answered) = (store, WallClock.millisecondsSince1970, status)
        var metadata: Logger.Metadata = [
            "webhook": "\(delivery.webhook)", "message": "\(delivery.id)", "attempt": "\(delivery.attempt)",
        ]
        if let problem { metadata["reason"] = "\(problem)" }
        do {
            let isDisabled = try await offCooperativePool {
                try store.ended(delivery, verdict, status: answered, problem: problem, now: now)
            }
            logger.debug(problem == nil ? "delivered a message" : "a message was not delivered", metadata: metadata)
            if isDisabled { logger.warning("disabled a webhook", metadata: metadata) }
        } catch {
            metadata["reason"] = "\(error)"
            logger.error("cannot store what became of a message", metadata: metadata)
            // It is sent again; not at once, for its receiver's sake.
            try? await Task.sleep(for: .seconds(10))
        }
    }
}
