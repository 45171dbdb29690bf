import GatewayLogic
import GatewayStore
import Testing

/// Webhooks and the outbox of their messages, over real files.
@Suite struct WebhookStoreTests {
    private let directory: OwnDirectory
    private let store: WebStore

    init() throws {
        directory = try OwnDirectory()
        store = try WebStore(path: directory.path + "/web.sqlite")
    }

    private func webhook(
        _ owner: String = "ada", events: [WebhookEvent] = [.jobFinished], scope: WebhookScope = .own, now: UInt64 = 1000
    ) throws -> WebhookRecord {
        try store.createWebhook(
            NewWebhook(url: "https://hooks.example/\(owner)", events: events, scope: scope), owner: owner, now: now
        ).record
    }

    private func ended(_ job: UInt64, of submitter: String = "ada") -> JobWatch.Event {
        JobWatch.Event(
            event: .jobFinished,
            sighting: JobSighting(job: job, state: "done", isFinal: true, submitter: submitter, finishedAt: 2000))
    }

    /// Tells an event, as a look at the jobs would.
    @discardableResult
    private func tell(_ events: [JobWatch.Event], now: UInt64 = 2000) throws -> Int {
        let watch = try store.jobWatch()
        return try store.advance(from: watch, to: watch, events, now: now) { "job \($0.sighting.job)" }
    }

    @Test func `events are told to those who asked for them`() throws {
        let mine = try webhook()
        let all = try webhook("bob", scope: .all)
        let named = try webhook("cleo", scope: .named)
        _ = try webhook("dan")
        _ = try webhook("eve", events: [.jobStarted], scope: .all)
        let job = FedJob(job: 7, owner: "ada", sealsWhenComplete: true, phase: .open)
        #expect(try store.insertJob(job, images: [], promised: [], notify: [named.id, "aaaaaaaaaaaaaaaa"]))
        #expect(try tell([ended(7)]) == 3)
        #expect(Set(try store.dueDeliveries(now: 2000).map(\.webhook)) == [mine.id, all.id, named.id])
        #expect(try tell([ended(8)]) == 2)
        #expect(try tell([ended(9, of: "zoe")]) == 1)
    }

    @Test func `what was seen and what is told of it are stored together`() throws {
        let mine = try webhook()
        let seen = JobWatch(position: 9, open: [8: 0, 9: 2])
        #expect(try store.advance(from: JobWatch(), to: seen, [ended(7)], now: 2000) { _ in "body" } == 1)
        #expect(try store.jobWatch() == seen)
        let later = JobWatch(position: 12, open: [9: 3, 12: 0])
        #expect(try store.advance(from: seen, to: later, [], now: 2000) { _ in "" } == 0)
        try store.close()
        let again = try WebStore(path: store.path)
        #expect(try again.jobWatch() == later)
        #expect(try again.dueDeliveries(now: 2000).map(\.webhook) == [mine.id])
        #expect(try again.advance(from: later, to: JobWatch(), [], now: 0) { _ in "" } == 0)
        #expect(try again.jobWatch() == JobWatch())
    }

    @Test func `a message that fails is sent again later, by the same id`() throws {
        _ = try webhook()
        try tell([ended(7)])
        let first = try #require(try store.dueDeliveries(now: 2000).first)
        #expect(first.attempt == 1)
        #expect(first.body == "job 7")
        try store.ended(first, .retry(after: 5000), status: 503, problem: "it answered 503", now: 3000)
        #expect(try store.dueDeliveries(now: 7999).isEmpty)
        let second = try #require(try store.dueDeliveries(now: 8000).first)
        #expect((second.id, second.attempt) == (first.id, 2))
        try store.ended(second, .delivered, status: 204, problem: nil, now: 8500)
        #expect(try store.dueDeliveries(now: .max / 2).isEmpty)
        let record = try #require(try store.delivery(first.id))
        #expect(record.state == .delivered)
        #expect((record.attempts, record.status, record.triedAt) == (2, 204, 8500))
        #expect(record.problem == nil)
    }

    @Test func `messages of one webhook go one after the other, the oldest first`() throws {
        let (mine, other) = (try webhook(), try webhook("bob", scope: .all))
        try tell([ended(7), ended(8)])
        let due = try store.dueDeliveries(now: 2000)
        #expect(due.map(\.body) == ["job 7", "job 7"])
        #expect(Set(due.map(\.webhook)) == [mine.id, other.id])
        let first = try #require(due.first { $0.webhook == mine.id })
        try store.ended(first, .retry(after: 5000), status: nil, problem: "away", now: 2000)
        #expect(try store.dueDeliveries(now: 2000).first { $0.webhook == mine.id }?.body == "job 8")
    }

    @Test func `a webhook whose receiver is gone is disabled, and what waits is sent when it is enabled`() throws {
        let mine = try webhook()
        try tell([ended(7), ended(8)])
        let first = try #require(try store.dueDeliveries(now: 2000).first)
        #expect(try store.ended(first, .giveUp(.gone), status: 410, problem: "it answered 410", now: 3000))
        let disabled = try #require(try store.webhook(mine.id))
        #expect(!disabled.isEnabled)
        #expect(disabled.disabledBecause == .gone)
        #expect(try store.dueDeliveries(now: 9000).isEmpty)
        #expect(try tell([ended(9)]) == 0, "it gets no new ones")
        let new = NewWebhook(url: mine.url, events: mine.events, scope: mine.scope)
        #expect(
            try store.putWebhook(mine.id, new) { $0.revision == mine.revision } == .some(nil), "it was changed since")
        let enabled = try #require(try store.putWebhook(mine.id, new) { $0.revision == disabled.revision } ?? nil)
        #expect(enabled.isEnabled)
        #expect(enabled.disabledBecause == nil)
        #expect(try store.dueDeliveries(now: 9000).map(\.body) == ["job 8"])
        #expect(try store.putWebhook("none", new) { _ in true } == nil)
    }

    @Test func `one message that is refused to the end disables only what takes nothing else`() throws {
        let mine = try webhook()
        try tell([ended(7)])
        let first = try #require(try store.dueDeliveries(now: 2000).first)
        try tell([ended(8)], now: 2500)
        let second = try #require(try store.deliveries(of: mine.id, state: .waiting, before: nil, limit: 1).first)
        try store.ended(first, .retry(after: 1), status: 400, problem: "", now: 2600)
        let due = try #require(try store.dueDeliveries(now: 2600).first)
        #expect(due.id == second.id)
        try store.ended(due, .delivered, status: 200, problem: nil, now: 2700)
        let last = try #require(try store.dueDeliveries(now: 9000).first)
        #expect(try !store.ended(last, .giveUp(.exhausted), status: 400, problem: "", now: 9000))
        #expect(try store.webhook(mine.id)?.isEnabled == true)
        try tell([ended(9)], now: 9500)
        let newer = try #require(try store.dueDeliveries(now: 9500).first)
        #expect(try store.ended(newer, .giveUp(.exhausted), status: nil, problem: "", now: 9900))
        #expect(try store.webhook(mine.id)?.disabledBecause == .exhausted)
    }

    @Test func `a message is delivered again by its id, from the beginning of the schedule`() throws {
        _ = try webhook()
        try tell([ended(7)])
        let first = try #require(try store.dueDeliveries(now: 2000).first)
        try store.ended(first, .delivered, status: 200, problem: nil, now: 3000)
        #expect(try store.redeliver(first.id, now: 4000)?.state == .waiting)
        let again = try #require(try store.dueDeliveries(now: 4000).first)
        #expect((again.id, again.attempt, again.body) == (first.id, 1, first.body))
        #expect(try store.redeliver("msg_none", now: 4000) == nil)
    }

    @Test func `a new secret signs beside the former one, for a day`() throws {
        let made = try store.createWebhook(
            NewWebhook(url: "https://hooks.example/", events: [.jobFinished], scope: .own), owner: "ada", now: 0)
        _ = try store.insertTest(of: made.record.id, body: "{}", now: 0)
        func signatures(now: UInt64) throws -> [String] {
            let due = try #require(try store.dueDeliveries(now: now).first)
            return due.secrets.signature(id: "msg_1", timestamp: 5, body: due.body).split(separator: " ").map(
                String.init)
        }
        let first = try signatures(now: 0)
        #expect(first.count == 1)
        let rotated = try #require(try store.rotateWebhookSecret(made.record.id, now: 1000))
        #expect(rotated.secret != made.secret)
        #expect(rotated.formerUntil == 1000 + 86_400_000)
        let both = try signatures(now: 1000 + 86_399_999)
        #expect(both.count == 2)
        #expect(both[1] == first[0])
        #expect(try signatures(now: 1000 + 86_400_000) == [both[0]])
        #expect(try store.rotateWebhookSecret("none", now: 0) == nil)
    }

    /// The key is that of the examples in Svix's documentation, the signature what Python's hmac makes of it.
    @Test func `a signature is that of Standard Webhooks`() throws {
        // MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw in Base64.
        let key = try #require(HexText.bytes("31f290f6bf06298aab4f08d43c3f082cf648a362da2da4b0"))
        let signature = WebhookSecrets(all: [key]).signature(
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: 1_614_265_330, body: #"{"test": 2432232314}"#)
        #expect(signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
    }

    @Test func `webhooks and messages have bounds`() throws {
        let mine = try webhook()
        for _ in 1..<WebhookLimits.perOwner { _ = try webhook() }
        #expect(throws: Problem.self) { try webhook() }
        _ = try webhook("bob")
        for number in 0..<WebhookLimits.waiting + 5 {
            _ = try store.insertTest(of: mine.id, body: "\(number)", now: UInt64(number))
        }
        #expect(try store.webhook(mine.id)?.waitingCount == WebhookLimits.waiting)
        #expect(try store.dueDeliveries(now: 5000).map(\.body) == ["5"], "the oldest gave way")
        #expect(try store.deliveries(of: mine.id, state: .failed, before: nil, limit: 10).count == 5)
        for _ in 0..<WebhookLimits.waiting {
            let due = try #require(try store.dueDeliveries(now: 5000).first)
            try store.ended(due, .delivered, status: 200, problem: nil, now: 5000)
        }
        let shown = try store.deliveries(of: mine.id, state: nil, before: nil, limit: 10_000)
        #expect(shown.count == WebhookLimits.ended)
        #expect(shown.first?.state == .delivered)
        let page = try store.deliveries(of: mine.id, state: .delivered, before: shown[2].sequence, limit: 2)
        #expect(page == [shown[3], shown[4]])
        #expect(try store.deleteWebhook(mine.id) { _ in false } == false)
        #expect(try store.deleteWebhook(mine.id) { _ in true } == true)
        #expect(try store.delivery(shown[0].id) == nil, "its messages go with it")
        #expect(try store.deleteWebhook(mine.id) { _ in true } == nil)
    }
}
