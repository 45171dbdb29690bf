import GatewayLogic
import GatewayStore
import Logging
import TLS
import TestSupport
import Testing

@testable import Gateway

/// Messages on their way out of the outbox.
@Suite struct WebhookSenderTests {
    private let directory: OwnDirectory
    private let store: WebStore

    init() throws {
        directory = try OwnDirectory()
        store = try WebStore(path: directory.path + "/web.sqlite")
    }

    private func sender(pauses: [UInt64] = [1000]) throws -> WebhookSender {
        let post = WebhookPost(reach: CannedReceiver.reach, tls: try TLSContext(verifyingBy: .ofSystem))
        return WebhookSender(
            store: store, post: post, schedule: DeliverySchedule(pauses: pauses), logger: Logger(label: "test"))
    }

    private func webhook(_ owner: String, _ receiver: CannedReceiver) throws -> String {
        try store.createWebhook(
            NewWebhook(url: "http://127.0.0.1:\(receiver.port)/\(owner)", events: [.jobFinished], scope: .own),
            owner: owner,
            now: 0
        ).record.id
    }

    /// Sends until `isDone`.
    private func send(
        with sender: WebhookSender, until isDone: @escaping @Sendable () throws -> Bool
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await sender.run() }
            defer { group.cancelAll() }
            try await eventually("the messages have arrived", within: .seconds(50), isTrue: isDone)
        }
    }

    @Test(.timeLimit(.minutes(2))) func `each message is sent once while nothing goes wrong`() async throws {
        let receiver = try await CannedReceiver.start("HTTP/1.1 204 No Content\r\n\r\n")
        let hooks = try ["ada", "bob", "cleo"].map { try webhook($0, receiver) }
        for number in 0..<40 {
            for hook in hooks { _ = try store.insertTest(of: hook, body: "{\"a\":\"\(number)\"}", now: 0) }
        }
        let store = store
        try await send(with: try sender()) {
            try hooks.allSatisfy { try store.deliveries(of: $0, state: .waiting, before: nil, limit: 1).isEmpty }
        }
        try await receiver.stop()
        let requests = receiver.requests.withLock { $0 }
        #expect(requests.count == 120)
        for hook in hooks {
            let records = try store.deliveries(of: hook, state: .delivered, before: nil, limit: 100)
            #expect(records.count == 40)
            #expect(records.allSatisfy { $0.attempts == 1 && $0.status == 204 })
            // Those of one webhook in their order.
            let bodies = requests.filter { $0.hasPrefix("POST /\(owner(of: hook, hooks)) ") }.compactMap {
                $0.split(separator: "\r\n").last
            }
            #expect(bodies.map(String.init) == (0..<40).map { "{\"a\":\"\($0)\"}" })
        }
    }

    private func owner(of hook: String, _ hooks: [String]) -> String {
        hooks.firstIndex(of: hook).map { ["ada", "bob", "cleo"][$0] } ?? ""
    }

    @Test(.timeLimit(.minutes(1))) func `an attempt that is cut short leaves its message as it was`() async throws {
        let receiver = try await CannedReceiver.start("")
        let hook = try webhook("ada", receiver)
        _ = try store.insertTest(of: hook, body: #"{"a":"b"}"#, now: 0)
        try await send(with: try sender()) { !receiver.requests.withLock { $0.isEmpty } }
        try await receiver.stop()
        let record = try #require(try store.deliveries(of: hook, state: nil, before: nil, limit: 1).first)
        #expect(record.state == .waiting)
        #expect(record.attempts == 0)
        #expect(try store.dueDeliveries(now: 1).count == 1)
    }

    @Test(.timeLimit(.minutes(1))) func `a message is tried again by the schedule, and given up after it`() async throws
    {
        let receiver = try await CannedReceiver.start("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
        let hook = try webhook("ada", receiver)
        _ = try store.insertTest(of: hook, body: #"{"a":"b"}"#, now: 0)
        let store = store
        try await send(with: try sender(pauses: [1, 1])) { try store.webhook(hook)?.isEnabled == false }
        try await receiver.stop()
        #expect(receiver.requests.withLock { $0.count } == 3)
        let record = try #require(try store.deliveries(of: hook, state: .failed, before: nil, limit: 1).first)
        #expect(record.attempts == 3)
        #expect(record.problem == "it answered 500")
    }

    @Test(.timeLimit(.minutes(1))) func `a stored address that is not a target is a failure like others`() async throws
    {
        let id = try store.createWebhook(
            NewWebhook(url: "https://", events: [.jobFinished], scope: .own), owner: "ada", now: 0
        ).record.id
        _ = try store.insertTest(of: id, body: "{}", now: 0)
        let store = store
        try await send(with: try sender(pauses: [])) { try store.webhook(id)?.isEnabled == false }
        #expect(try store.deliveries(of: id, state: .failed, before: nil, limit: 1).first?.attempts == 1)
    }
}
