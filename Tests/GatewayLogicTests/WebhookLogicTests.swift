import GatewayLogic
import JSONText
import Testing

/// When webhooks send, and where to.
@Suite struct WebhookLogicTests {
    private let schedule = DeliverySchedule()

    // MARK: The schedule

    @Test func `a receiver that never answers is asked ten times over three days, then no more`() {
        var elapsed: UInt64 = 0
        var attempt = 1
        while case .retry(let pause) = schedule.verdict(on: .unanswered, attempt: attempt, jitter: 0) {
            elapsed += pause
            attempt += 1
        }
        #expect(attempt == 10)
        #expect((72 * 3_600_000...80 * 3_600_000).contains(elapsed))
        #expect(schedule.verdict(on: .unanswered, attempt: 10, jitter: 0) == .giveUp(.exhausted))
    }

    @Test func `an answer decides`() {
        func verdict(_ status: Int, _ retryAfter: UInt64? = nil) -> DeliverySchedule.Verdict {
            schedule.verdict(on: .answered(status: status, retryAfter: retryAfter), attempt: 1, jitter: 0)
        }
        #expect(verdict(200) == .delivered)
        #expect(verdict(204) == .delivered)
        #expect(verdict(410) == .giveUp(.gone))
        // No redirect is followed.
        for status in [302, 307, 400, 404, 500] { #expect(verdict(status) == .retry(after: 5000)) }
        #expect(verdict(429, 60) == .retry(after: 60_000))
        #expect(verdict(503, 1) == .retry(after: 5000))
        #expect(verdict(503, .max) == .retry(after: 86_400_000))
    }

    @Test func `a pause is drawn out by at most a tenth`() {
        #expect(schedule.verdict(on: .unanswered, attempt: 2, jitter: 1) == .retry(after: 330_000))
        #expect(schedule.verdict(on: .unanswered, attempt: 2, jitter: 7) == .retry(after: 330_000))
    }

    @Test func `a webhook is disabled when its receiver is gone, or took nothing since the message was made`() {
        #expect(DeliverySchedule.Reason.gone.disables(messageOf: 5, lastDeliveredAt: 9))
        #expect(DeliverySchedule.Reason.exhausted.disables(messageOf: 5, lastDeliveredAt: nil))
        #expect(DeliverySchedule.Reason.exhausted.disables(messageOf: 5, lastDeliveredAt: 4))
        #expect(!DeliverySchedule.Reason.exhausted.disables(messageOf: 5, lastDeliveredAt: 5))
    }

    @Test func `a webhook has one place, an owner a few, and all have a bound`() {
        var slots = DeliverySlots(limit: 4, limitOfOwner: 3)
        let asked = [
            ("a1", "ada"), ("a1", "ada"), ("a2", "ada"), ("a3", "ada"), ("a4", "ada"), ("b1", "bob"), ("b2", "bob"),
        ]
        let begun = asked.map { slots.begin($0, of: $1) }
        // a1 has its place, ada has three, and there are four.
        #expect(begun == [true, false, true, true, false, true, false])
        slots.ended("a2")
        let another = slots.begin("a4", of: "ada")
        #expect(another)
    }

    // MARK: Targets

    @Test(arguments: [
        ("https://example.com", true, "example.com", 443, "/", "example.com"),
        ("HTTP://a.b:8080/x?y=z", false, "a.b", 8080, "/x?y=z", "a.b:8080"),
        ("https://[2001:db8::1]:9/h", true, "2001:db8::1", 9, "/h", "[2001:db8::1]:9"),
        ("https://a?b", true, "a", 443, "/?b", "a"), ("http://a:443/", false, "a", 443, "/", "a:443"),
    ])
    func `an address is read`(
        text: String, isEncrypted: Bool, host: String, port: Int, path: String, authority: String
    ) throws {
        let target = try WebhookTarget(parsing: text)
        #expect(target.isEncrypted == isEncrypted)
        #expect(target.host == host)
        #expect(target.port == port)
        #expect(target.path == path)
        #expect(target.authority == authority)
    }

    @Test(arguments: [
        "", "example.com", "ftp://a", "https://", "https://a:0", "https://a:65536", "https://a:+1", "https://u:p@a",
        "https://a#b", "https://a b", "https://a\r\nX: y", "https://ä.de", "https://[::1", "https://a\\@b",
        "https://%31", "https://[fe80::1%25eth0]",
    ]) func `anything else is refused`(text: String) {
        #expect(throws: Problem.self) { try WebhookTarget(parsing: text) }
    }

    private static let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]

    @Test(
        arguments: [
            [127, 0, 0, 1], [10, 1, 2, 3], [169, 254, 169, 254], [172, 31, 0, 1], [192, 168, 1, 1], [100, 127, 0, 1],
            [0, 0, 0, 0], [224, 0, 0, 1], [255, 255, 255, 255], mapped + [10, 0, 0, 1], mapped + [127, 0, 0, 1],
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], [0xFE, 0x80] + Array(repeating: 1, count: 14),
            [0xFC] + Array(repeating: 1, count: 15), [0x20, 0x02, 10, 0, 0, 1] + Array(repeating: 0, count: 10),
            [0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1], [0xFF] + Array(repeating: 1, count: 15),
            [1, 2], [],
        ] as [[UInt8]]) func `an address of the inside is not public`(bytes: [UInt8])
    {
        #expect(!AddressBlock.isPublic(bytes))
        #expect(throws: WebhookReach.Refusal.inside) { try WebhookReach().check([bytes], isEncrypted: true) }
    }

    @Test(
        arguments: [
            [1, 1, 1, 1], [8, 8, 8, 8], [172, 32, 0, 1], [100, 128, 0, 1], mapped + [8, 8, 8, 8],
            [0x2A, 0x00] + Array(repeating: 1, count: 14), [0x20, 0x01, 0x04, 0x70] + Array(repeating: 0, count: 12),
        ] as [[UInt8]]) func `an address of everybody is public, and reached by TLS only`(bytes: [UInt8])
    {
        #expect(AddressBlock.isPublic(bytes))
        #expect(throws: Never.self) { try WebhookReach().check([bytes], isEncrypted: true) }
        #expect(throws: WebhookReach.Refusal.unencrypted) { try WebhookReach().check([bytes], isEncrypted: false) }
    }

    @Test func `a host is refused for any one of its addresses`() throws {
        let reach = WebhookReach(allowed: [try #require(AddressBlock(bytes: [10, 0, 0, 0], bitCount: 8))])
        #expect(throws: Never.self) { try reach.check([[10, 9, 8, 7], [8, 8, 8, 8]], isEncrypted: true) }
        #expect(throws: Never.self) { try reach.check([Self.mapped + [10, 9, 8, 7]], isEncrypted: false) }
        #expect(throws: WebhookReach.Refusal.inside) {
            try reach.check([[8, 8, 8, 8], [127, 0, 0, 1]], isEncrypted: true)
        }
        #expect(throws: WebhookReach.Refusal.unencrypted) {
            try reach.check([[10, 9, 8, 7], [8, 8, 8, 8]], isEncrypted: false)
        }
        #expect(throws: WebhookReach.Refusal.noAddress) { try reach.check([], isEncrypted: true) }
    }

    // MARK: Requests and bodies

    private func webhook(_ text: String, mayBeDisabled: Bool = false) throws -> NewWebhook {
        try NewWebhook(try JSON(parsing: Array(text.utf8)), mayBeDisabled: mayBeDisabled)
    }

    @Test func `a webhook is told of the ends of its owner's jobs, unless it asks for something else`() throws {
        let usual = try webhook(#"{"url":"https://a.example/"}"#)
        #expect(usual.events == [.jobFinished])
        #expect(usual.scope == .own)
        #expect(usual.isEnabled)
        let other = try webhook(
            #"{"url":"https://a.example/","events":["job.started","job.started","job.finished"],"jobs":"all","enabled":false}"#,
            mayBeDisabled: true)
        #expect(other.events == [.jobStarted, .jobFinished])
        #expect(other.scope == .all)
        #expect(!other.isEnabled)
        #expect(try webhook(#"{"url":"https://a.example/"}"#, mayBeDisabled: true).isEnabled)
    }

    @Test(arguments: [
        "{}", #"{"url":"gopher://a"}"#, #"{"url":"https://a","events":[]}"#, #"{"url":"https://a","events":["x"]}"#,
        #"{"url":"https://a","events":["webhook.test"]}"#, #"{"url":"https://a","jobs":"mine"}"#,
        #"{"url":"https://a","enabled":false}"#, #"{"url":"https://a","secret":"mine"}"#,
    ]) func `other requests are refused`(text: String) {
        #expect(throws: Problem.self) { try webhook(text) }
    }

    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"), (951_868_800_001, "2000-03-01T00:00:00.001Z"),
            (1_796_299_200_000, "2026-12-03T12:00:00.000Z"), (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] as [(UInt64, String)]) func `a time is written as RFC 3339 has it`(milliseconds: UInt64, text: String)
    {
        #expect(Timestamp.text(milliseconds) == text)
    }

    @Test func `a message stays short, whatever a submitter is called`() throws {
        let sighting = JobSighting(
            job: 17, state: "partly-failed", isFinal: true, submitter: String(repeating: "\u{1}", count: 100_000),
            imageCount: 3, imagesDone: 2, imagesFailed: 1, submittedAt: 5, finishedAt: 9)
        let text = WebhookBody.text(.jobFinished, of: sighting, page: "https://t.example", now: 10)
        #expect(text.utf8.count < 4096)
        #expect(text.hasPrefix(#"{"type":"job.finished","timestamp":"1970-01-01T00:00:00.010Z","data":{"job":17,"#))
        #expect(text.contains(#""link":"https://t.example/jobs/17""#))
    }
}

/// What is told of jobs, look after look.
@Suite struct JobWatchTests {
    private func job(
        _ job: UInt64, _ state: String = "running", failed: Int = 0, submittedAt: UInt64 = 1000,
        finishedAt: UInt64? = nil
    ) -> JobSighting {
        JobSighting(
            job: job, state: state, isFinal: finishedAt != nil, imagesFailed: failed, submittedAt: submittedAt,
            finishedAt: finishedAt)
    }

    private func told(_ events: [JobWatch.Event]) -> [String] {
        events.map { "\($0.sighting.job) \($0.event.rawValue)" }
    }

    @Test func `a job is told of when it starts, fails for the first time, and ends, once each`() {
        var watch = JobWatch(position: 4)
        #expect(told(watch.see([job(5)])) == ["5 job.started"])
        #expect(watch.see([job(5)]).isEmpty)
        #expect(told(watch.see([job(5, failed: 1)])) == ["5 job.images-failed"])
        #expect(watch.see([job(5, failed: 7)]).isEmpty)
        #expect(told(watch.see([job(5, "partly-failed", failed: 8, finishedAt: 9)])) == ["5 job.finished"])
        #expect(watch.see([job(5, "partly-failed", failed: 8, finishedAt: 9)]).isEmpty)
        #expect(watch == JobWatch(position: 5))
    }

    @Test func `a short job is told of as a whole, and older jobs not at all`() {
        var watch = JobWatch(position: 4)
        let seen = [
            job(6, "failed", failed: 1, finishedAt: 9), job(5), job(4, "done", finishedAt: 2),
            job(3, "done", finishedAt: 1),
        ]
        #expect(told(watch.see(seen)) == ["5 job.started", "6 job.started", "6 job.images-failed", "6 job.finished"])
        #expect(watch == JobWatch(position: 6, open: [5: 0]))
    }

    @Test func `a job that works again is followed again`() {
        var watch = JobWatch(position: 5)
        #expect(watch.see([job(3, failed: 2)]).isEmpty)
        #expect(watch.open == [3: 2])
        #expect(watch.see([job(3)]).isEmpty)
        #expect(
            told(watch.see([job(3, "failed", failed: 1, finishedAt: 9)])) == ["3 job.images-failed", "3 job.finished"])
    }

    @Test func `the first look tells what happened since somebody asked`() {
        var watch = JobWatch()
        let jobs = [
            job(1, "done", submittedAt: 10, finishedAt: 20), job(2, "done", submittedAt: 30, finishedAt: 120),
            job(3, submittedAt: 40), job(4, failed: 1, submittedAt: 130),
            job(5, "done", submittedAt: 130, finishedAt: 140),
        ]
        #expect(
            told(watch.begin(with: jobs.reversed(), since: 100)) == [
                "2 job.finished", "4 job.started", "4 job.images-failed", "5 job.started", "5 job.finished",
            ])
        #expect(watch == JobWatch(position: 5, open: [3: 0, 4: 1]))
    }

    @Test func `a master that counts from 1 again is followed from there`() {
        var watch = JobWatch(position: 500, open: [499: 0])
        watch.bound(newest: 2)
        watch.forget([499])
        #expect(told(watch.see([job(3)])) == ["3 job.started"])
        watch.bound(newest: nil)
        #expect(watch.position == 0)
    }
}
