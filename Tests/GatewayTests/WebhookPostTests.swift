import GatewayLogic
import NIOCore
import TLS
import Testing

@testable import Gateway

/// Messages on their way to receivers, over real connections.
@Suite struct WebhookPostTests {
    private static let local = CannedReceiver.reach

    private func post(
        _ url: String, reach: WebhookReach = local, limit: TimeAmount = .minutes(5)
    ) async throws -> WebhookPost.Reply {
        var post = WebhookPost(reach: reach, tls: try TLSContext(verifyingBy: .ofSystem))
        post.limit = limit
        return try await post.send(#"{"a":"b"}"#, to: try WebhookTarget(parsing: url), fields: ["webhook-id": "msg_1"])
    }

    /// The reason for which a message does not arrive.
    private func failure(
        _ url: String, reach: WebhookReach = local, limit: TimeAmount = .minutes(5)
    ) async -> String {
        do {
            let reply = try await post(url, reach: reach, limit: limit)
            return "answered \(reply.status)"
        } catch {
            return WebhookPost.words(error)
        }
    }

    /// Starts a receiver, for the time of `body`.
    private func with<Result>(
        _ answer: String, closes: Bool = false, _ body: (CannedReceiver) async throws -> Result
    ) async throws -> Result {
        let receiver = try await CannedReceiver.start(answer, closes: closes)
        let result: Result
        do {
            result = try await body(receiver)
        } catch {
            try await receiver.stop()
            throw error
        }
        try await receiver.stop()
        return result
    }

    @Test func `a message is one request, with its fields`() async throws {
        try await with("HTTP/1.1 204 No Content\r\n\r\n") { receiver in
            let reply = try await post("http://127.0.0.1:\(receiver.port)/hook?a=1")
            #expect(reply.status == 204)
            let requests = receiver.requests.withLock { $0 }
            #expect(requests.count == 1)
            let lines = requests[0].split(separator: "\r\n", omittingEmptySubsequences: false).map(String.init)
            #expect(lines.first == "POST /hook?a=1 HTTP/1.1")
            #expect(lines.last == #"{"a":"b"}"#)
            for line in [
                "Host: 127.0.0.1:\(receiver.port)", "Content-Type: application/json", "Content-Length: 9",
                "Connection: close", "webhook-id: msg_1",
            ] {
                #expect(lines.filter { $0 == line }.count == 1, "\(line)")
            }
        }
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200), ("HTTP/1.0 500 No\r\n\r\n", 500),
        ("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", 202),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", 200),
        ("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", 302),
        // Its body ends early, but its status is known.
        ("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nok", 200),
    ]) func `an answer is its status`(answer: String, status: Int) async throws {
        try await with(answer, closes: true) { receiver in
            let reply = try await post("http://127.0.0.1:\(receiver.port)/")
            #expect(reply.status == status)
            #expect(receiver.requests.withLock { $0.count } == 1)
        }
    }

    @Test func `a receiver that asks for a pause is heard`() async throws {
        try await with("HTTP/1.1 429 Slow\r\nRetry-After: 17\r\nContent-Length: 0\r\n\r\n") { receiver in
            let reply = try await post("http://127.0.0.1:\(receiver.port)/")
            #expect(reply == WebhookPost.Reply(status: 429, retryAfter: 17))
        }
        try await with("HTTP/1.1 503 Away\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\nContent-Length: 0\r\n\r\n") {
            receiver in
            let reply = try await post("http://127.0.0.1:\(receiver.port)/")
            #expect(reply.retryAfter == nil)
        }
    }

    @Test(arguments: ["", "SSH-2.0-x\r\n", "HTTP/1.1 200 OK\r\nx: "]) func `no answer is a failure`(
        answer: String
    ) async throws {
        try await with(answer, closes: true) { receiver in
            let reason = await failure("http://127.0.0.1:\(receiver.port)/")
            #expect(
                reason == "the connection ended before an answer" || reason.hasPrefix("its answer is not HTTP"),
                "\(reason)")
        }
    }

    @Test(.timeLimit(.minutes(1))) func `a receiver that does not answer is given up in time`() async throws {
        // A busy machine may take all of it to connect.
        let reasons = [
            "it did not answer in time", "its name was not resolved in time", "no connection to it: it does not answer",
            "no connection to it: it did not answer in time",
        ]
        try await with("") { receiver in
            let reason = await failure("http://127.0.0.1:\(receiver.port)/", limit: .seconds(2))
            #expect(reasons.contains(reason), "\(reason)")
        }
    }

    @Test func `an answer without end is not read to its end`() async throws {
        let long = String(repeating: "x", count: 1 << 20)
        try await with("HTTP/1.1 200 OK\r\nContent-Length: \(long.count)\r\n\r\n\(long)") { receiver in
            let reply = try await post("http://127.0.0.1:\(receiver.port)/")
            #expect(reply.status == 200)
        }
        try await with("HTTP/1.1 200 OK\r\n" + String(repeating: "x: y\r\n", count: 100_000)) { receiver in
            let reason = await failure("http://127.0.0.1:\(receiver.port)/")
            #expect(reason == "its answer is too long" || reason.hasPrefix("its answer is not HTTP"), "\(reason)")
        }
    }

    @Test func `nothing connects to an address that is not allowed`() async throws {
        try await with("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") { receiver in
            for host in ["127.0.0.1", "localhost", "127.1", "2130706433", "[::ffff:127.0.0.1]", "0"] {
                let reason = await failure("http://\(host):\(receiver.port)/", reach: WebhookReach())
                #expect(reason == WebhookReach.Refusal.inside.message, "\(host): \(reason)")
            }
            #expect(receiver.connectionCount.withLock { $0 } == 0)
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `a receiver that does not speak TLS, or has no accepted certificate, is told nothing`() async throws {
        try await with("HTTP/1.1 400 Bad Request\r\n\r\n", closes: true) { receiver in
            let reason = await failure("https://127.0.0.1:\(receiver.port)/")
            #expect(!reason.hasPrefix("answered"), "\(reason)")
            #expect(receiver.requests.withLock { $0 }.isEmpty)
        }
    }

    @Test func `a receiver that cannot be reached is a failure that says why`() async {
        // Nothing is listening there; a port that was free a moment ago may be another test's.
        #expect(await failure("http://127.0.0.1:1/") == "no connection to it: Connection refused")
        let reason = await failure("http://no-such-name.invalid/")
        #expect(reason.hasPrefix("its name cannot be resolved: "), "\(reason)")
    }

    @Test(.timeLimit(.minutes(1))) func `an attempt ends when its task is cancelled`() async throws {
        try await with("") { receiver in
            let url = "http://127.0.0.1:\(receiver.port)/"
            await withTaskGroup(of: String.self) { group in
                group.addTask { await failure(url, limit: .hours(1)) }
                group.cancelAll()
                #expect(await group.next() == "\(CancellationError())")
            }
        }
    }
}
