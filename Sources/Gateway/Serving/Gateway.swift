import ClientKit
import GatewayLogic
import GatewayStore
import JobModel
import JSONText
import Logging
import NIOCore
import NIOHTTP1
import Synchronization
import SystemCalls

/// Answers every request: finds the caller and the route, checks the right to it, and carries it out.
struct Gateway: HTTPResponder {
    static let maximumBodyByteCount = 1 << 20

    let settings: GatewaySettings
    let store: WebStore
    let desk: UploadDesk
    let feeders: JobFeeders
    let link: MasterLink
    let hub: EventHub
    let views: JobViews
    let assets: Assets
    let origins: OriginCheck
    let cursors: CursorKey
    /// Keys of requests that are being answered.
    let answering = KeysInUse()
    /// Jobs that are asked for, as they are shown.
    let shownJobs = SharedQuestions<JobID, ByteBuffer>()
    /// Thumbnails that are made at once.
    let thumbnails: Thumbnails
    let previews: PreviewDesk
    let pictures: PictureDesk
    let hooks: WebhookDesk
    let logger: Logger

    /// A request whose target, route and caller are known.
    struct Call {
        let request: HTTPRequest
        let target: RequestTarget
        let action: Action
        let values: [String: String]
        /// `nil` for what everybody may do.
        let caller: Caller?
        let isEncrypted: Bool

        /// The caller, where there has to be one.
        func known() throws(Problem) -> Caller {
            guard let caller else { throw Gateway.noToken }
            return caller
        }
    }

    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPReply {
        let isEncrypted = isEncrypted(request)
        var reply: HTTPReply
        do {
            reply = try await answer(request, body, isEncrypted: isEncrypted)
        } catch let problem as Problem {
            reply = self.reply(problem, to: request)
        } catch is HTTPRequestBody.Truncated {
            reply = self.reply(.malformed("the body ended before its end"), to: request)
        } catch is CancellationError {
            reply = self.reply(Problem(503, "overloaded", "the gateway stops").with("Retry-After", "5"), to: request)
        } catch {
            logger.error("a request failed", metadata: ["request": "\(request.id)", "reason": "\(error)"])
            reply = self.reply(.internalError(), to: request)
        }
        if Self.isShared(request.head.uri) { SecurityHeaders.share(&reply.headers) }
        SecurityHeaders.add(to: &reply.headers, isEncrypted: isEncrypted)
        return reply
    }

    func answered(_ request: HTTPRequest, status: Int, byteCount: Int, after time: Duration) {
        logger.debug(
            "answered",
            metadata: [
                "request": "\(request.id)", "method": "\(request.method)",
                "path": "\(LinkAddress.loggable(request.head.uri))", "status": "\(status)",
                "milliseconds": "\(Int(time / .milliseconds(1)))",
            ])
    }

    // MARK: Before the route

    private func answer(_ request: HTTPRequest, _ body: HTTPRequestBody, isEncrypted: Bool) async throws -> HTTPReply {
        if let peer = request.peer?.ipAddress, !settings.proxies.isEmpty,
            !settings.proxies.contains(where: { $0.contains(peer) })
        {
            throw Problem(403, "foreign-host", "connections from \(peer) are not accepted (behind-proxy)")
        }
        if request.head.uri == "*" { throw Problem(400, "malformed", "OPTIONS * is not answered; name a path") }
        let target = try RequestTarget(parsing: request.head.uri)
        if target.path == "/healthz" {
            return HTTPReply(200, ["Content-Type": "text/plain"], .bytes(ByteBuffer(string: "ok\n")))
        }
        try origins.checkHost(request.field("Host"))
        if request.method == "OPTIONS", Self.isShared(request.head.uri) { return Self.sharedOptions }
        if LinkAddress.isLink(path: target.path) {
            return try await openLink(request, target, isEncrypted: isEncrypted)
        }
        if target.segments.starts(with: IIIFAddress.base) {
            return try await image(request, target, isEncrypted: isEncrypted)
        }
        guard target.segments.starts(with: Route.base) else {
            guard ["GET", "HEAD"].contains(request.method) else {
                throw Problem(405, "method-not-allowed", "\(request.method) is not allowed here").with(
                    "Allow", "GET, HEAD")
            }
            guard let reply = assets.reply(to: request, target) else {
                throw Problem.notFound("there is nothing at '\(target.path.prefix(200))'")
            }
            return reply
        }
        let (route, values) = try Route.find(request.method, Array(target.segments.dropFirst(Route.base.count)))
        let caller = try await caller(of: request, isNeeded: route.role != nil, isEncrypted: isEncrypted)
        try origins.check(
            isSafe: ["GET", "HEAD", "OPTIONS"].contains(request.method),
            isSession: caller?.isSession ?? (route.action == .signOut || route.action == .signIn),
            fetchSite: request.field("Sec-Fetch-Site"), origin: request.field("Origin"),
            isBrowser: ["Sec-Fetch-Site", "Origin", "Cookie"].contains { request.field($0) != nil })
        if let role = route.role {
            guard let caller else { throw Self.noToken }
            try caller.requires(role, for: "this")
        }
        let call = Call(
            request: request, target: target, action: route.action, values: values, caller: caller,
            isEncrypted: isEncrypted)
        return try await carryOut(call, body)
    }

    static let noToken = Problem(
        401, "no-token", "this needs a token: send 'Authorization: Bearer tsw_...', or sign in"
    ).with("WWW-Authenticate", "Bearer realm=\"tessera\"")

    /// - Throws: `bad-token` for a token that is not accepted, where one is needed.
    func caller(of request: HTTPRequest, isNeeded: Bool, isEncrypted: Bool) async throws -> Caller? {
        guard isNeeded else { return nil }
        let store = store
        let now = WallClock.millisecondsSince1970
        do {
            if let field = request.field("Authorization") {
                let words = field.split(separator: " ", maxSplits: 1)
                guard words.count == 2, words[0].lowercased() == "bearer" else {
                    throw Problem(401, "bad-token", "the Authorization field is not 'Bearer TOKEN'")
                }
                let token = String(words[1].trimmingSpaces())
                if let caller = store.knownCaller(token: token, now: now) { return caller }
                return try await offCooperativePool { try store.caller(token: token, now: now) }
            }
            guard let cookie = request.cookie(Self.cookieName(isEncrypted: isEncrypted)) else { return nil }
            if let caller = store.knownCaller(session: cookie, now: now) { return caller }
            return try await offCooperativePool { try store.caller(session: cookie, now: now) }
        } catch let problem as Problem where problem.status == 401 {
            throw problem.with("WWW-Authenticate", "Bearer realm=\"tessera\", error=\"invalid_token\"")
        }
    }

    static func cookieName(isEncrypted: Bool) -> String { isEncrypted ? "__Host-tessera_session" : "tessera_session" }

    /// Whether the browser speaks TLS, to the proxy in front of us.
    private func isEncrypted(_ request: HTTPRequest) -> Bool {
        !settings.proxies.isEmpty && request.field("X-Forwarded-Proto")?.lowercased() == "https"
    }

    // MARK: Answers

    func reply(_ problem: Problem, to request: HTTPRequest) -> HTTPReply {
        var headers: HTTPHeaders = ["Content-Type": "application/problem+json", "Cache-Control": "no-store"]
        for (name, value) in problem.headers { headers.add(name: name, value: value) }
        return HTTPReply(problem.status, headers, .bytes(ByteBuffer(string: problem.json(requestID: request.id).text)))
    }

    static func json(_ json: JSON, status: Int = 200, _ headers: HTTPHeaders = [:]) -> HTTPReply {
        self.json(bytes: ByteBuffer(bytes: json.utf8), status: status, headers)
    }

    /// JSON that is text already.
    static func text(_ text: String, status: Int = 200, _ headers: HTTPHeaders = [:]) -> HTTPReply {
        json(bytes: ByteBuffer(string: text), status: status, headers)
    }

    /// JSON that is bytes already.
    static func json(bytes: ByteBuffer, status: Int = 200, _ headers: HTTPHeaders = [:]) -> HTTPReply {
        var headers = headers
        headers.replaceOrAdd(name: "Content-Type", value: "application/json")
        if !headers.contains(name: "Cache-Control") { headers.add(name: "Cache-Control", value: "no-store") }
        return HTTPReply(status, headers, .bytes(bytes))
    }

    /// A page of a list.
    static func list(_ items: [JSON], next: String?, total: Int? = nil) -> HTTPReply {
        json(
            [
                "items": .array(items), "next": next.map { .string($0) }, "total": total.map { .integer($0) },
            ], next.map { ["Link": "<\($0)>; rel=\"next\""] } ?? [:])
    }

    /// The JSON body of a request.
    static func body(_ body: HTTPRequestBody, of request: HTTPRequest) async throws -> (json: JSON, bytes: [UInt8]) {
        let type = request.field("Content-Type")?.split(separator: ";").first.map { $0.trimmingSpaces().lowercased() }
        guard type == "application/json" else {
            throw Problem(
                415, "unsupported-media-type",
                "the body is '\((type ?? "nothing").prefix(60))'; send application/json")
        }
        let bytes = try await body.collect(upTo: maximumBodyByteCount)
        do throws(MalformedJSON) {
            return (try JSON(parsing: bytes), bytes)
        } catch {
            throw Problem.malformed("the body is not JSON: \(error)")
        }
    }

    /// Reads and passes over the body of a request that takes none.
    static func noBody(_ body: HTTPRequestBody) async throws {
        guard try await body.collect(upTo: maximumBodyByteCount).isEmpty else {
            throw Problem.malformed("this takes no body; leave it out")
        }
    }
}

/// The keys of requests that are under way, so that two with the same key do not run at once.
final class KeysInUse: Sendable {
    private let keys = Mutex<Set<String>>([])

    func enter(_ key: String) -> Bool { keys.withLock { $0.insert(key).inserted } }
    func leave(_ key: String) { keys.withLock { _ = $0.remove(key) } }
}
