import ClientKit
import GatewayLogic
import GatewayStore
import JobModel
import JSONText
import NIOCore
import NIOHTTP1
import Settings
import Synchronization
import SystemCalls

extension Gateway {
    func workers() async throws -> HTTPReply {
        Self.json(["items": .array(try await link.perform { try await $0.workers() }.map(\.json))])
    }

    func changeWorker(_ call: Call, _ body: HTTPRequestBody) async throws -> HTTPReply {
        try await Self.noBody(body)
        let worker = call.values["worker"] ?? ""
        switch call.action {
        case .releaseWorker: _ = try await link.perform { try await $0.release(worker) }
        default:
            let resume = call.action == .resumeWorker
            try await link.perform { try await $0.drain(worker, resume: resume) }
        }
        return HTTPReply(204)
    }

    /// What the gateway says of itself.
    func gatewayStatus() -> JSON {
        let (store, used) = (store, desk.budget)
        return [
            "software": .string(GatewaySettings.software), "spool_bytes": .integer(used.usedByteCount),
            "spool_limit_bytes": .integer(used.limit),
            "uploads_open": .integer((try? store.uploadTotals().receiving) ?? 0),
            "event_streams": .integer(hub.readerCount),
        ]
    }

    // MARK: Dead letters

    func deadLetters(_ call: Call) async throws -> HTTPReply {
        let page = try PageRequest(call, cursors, list: "dead letters", filters: ["job"])
        let job = try call.target.integer("job", in: 1...1 << 53).map { JobID(UInt64($0)) }
        let all = try await link.perform { try await $0.deadLetters(of: job) }
        let start = Int(clamping: page.position ?? 0)
        let part = all.dropFirst(start).prefix(page.limit)
        let end = start + part.count
        return Self.list(part.map(\.json), next: end < all.count ? page.next(UInt64(end)) : nil, total: all.count)
    }

    func changeDeadLetters(_ call: Call, _ body: HTTPRequestBody) async throws -> HTTPReply {
        let request = try DeadLetterRequest(try await Self.body(body, of: call.request).json)
        let isRedrive = call.action == .redrive
        var count = 0
        switch request {
        case .images(let images):
            for image in images {
                let selection = DeadLetterSelection.image(ImageID(job: JobID(image.job), index: image.index))
                count += try await change(selection, isRedrive)
            }
        case .matching(let job, let expected):
            let job = job.map { JobID($0) }
            let present = try await link.perform { try await $0.deadLetters(of: job) }.count
            guard present == expected else {
                throw Problem(
                    409, "count-mismatch",
                    "\(present) dead letters match, not \(expected): look again, nothing was done")
            }
            if present > 0 { count = try await change(job.map { .job($0) } ?? .all, isRedrive) }
        }
        return Self.json(["count": .integer(count)])
    }

    private func change(_ selection: DeadLetterSelection, _ isRedrive: Bool) async throws -> Int {
        try await link.with { session in
            isRedrive ? try await session.redrive(selection) : try await session.purge(selection)
        }
    }

    // MARK: Tokens and sessions

    func tokens() async throws -> HTTPReply {
        let store = store
        let now = WallClock.millisecondsSince1970
        return Self.json(["items": .array(try await offCooperativePool { try store.tokens(now: now) }.map(\.json))])
    }

    func createToken(_ call: Call, _ body: HTTPRequestBody) async throws -> HTTPReply {
        let (json, _) = try await Self.body(body, of: call.request)
        guard call.request.field("Idempotency-Key") == nil else {
            throw Problem(
                422, "invalid-argument",
                "a token is shown once, so its request cannot be repeated; leave Idempotency-Key out")
        }
        var reader = try ObjectReader(json)
        let name = try reader.requiredText("name", upTo: 64)
        let role = try reader.requiredText("role")
        let lifetime = try reader.text("expires_in", upTo: 16)
        try reader.finish()
        let (store, now) = (store, WallClock.millisecondsSince1970)
        let new = try NewToken(name: name, role: role, lifetime: lifetime)
        let made = try await offCooperativePool {
            try store.createToken(
                name: new.name, role: new.role, expiresAt: new.lifetime.map { now + $0 }, now: now)
        }
        return Self.json(made.record.json.with(["token": .string(made.text)]), status: 201)
    }

    func revokeToken(_ call: Call) async throws -> HTTPReply {
        let (store, id) = (store, call.values["token_id"] ?? "")
        guard try await offCooperativePool({ try store.deleteToken(id) }) else {
            throw Problem.notFound("there is no token '\(id.prefix(40))'")
        }
        return HTTPReply(204)
    }

    func signIn(_ call: Call, _ body: HTTPRequestBody) async throws -> HTTPReply {
        var reader = try ObjectReader(try await Self.body(body, of: call.request).json)
        let (token, code) = (try reader.text("token", upTo: 256), try reader.text("code", upTo: 256))
        try reader.finish()
        let (store, now) = (store, WallClock.millisecondsSince1970)
        let opened: (caller: Caller, cookie: String)
        switch (token, code) {
        case (let token?, nil):
            opened = try await offCooperativePool {
                let caller = try store.caller(token: token, now: now)
                return (caller, try store.openSession(for: caller, now: now))
            }
        case (nil, let code?):
            guard let found = try await offCooperativePool({ try store.openSession(code: code, now: now) }) else {
                throw Problem(
                    401, "bad-token",
                    "this link was used already, or is older than ten minutes; 'tessera-web link' prints a new one, and for a "
                        + "private cluster 'tessera up' does"
                )
                .with("WWW-Authenticate", "Bearer realm=\"tessera\"")
            }
            opened = found
        default: throw Problem.invalid("", "the body has one of 'token' and 'code'")
        }
        return Self.json(
            Self.session(opened.caller, isSession: true, until: now + WebStore.sessionIdle), status: 201,
            ["Set-Cookie": Self.cookie(opened.cookie, isEncrypted: call.isEncrypted)])
    }

    func session(_ call: Call) throws -> HTTPReply {
        let caller = try call.known()
        return Self.json(Self.session(caller, isSession: caller.isSession, until: caller.expiresAt))
    }

    func signOut(_ call: Call) async throws -> HTTPReply {
        let store = store
        if let cookie = call.request.cookie(Self.cookieName(isEncrypted: call.isEncrypted)) {
            try await offCooperativePool { try store.closeSession(cookie) }
        }
        return HTTPReply(204, ["Set-Cookie": Self.cookie("", isEncrypted: call.isEncrypted) + "; Max-Age=0"])
    }

    private static func session(_ caller: Caller, isSession: Bool, until end: UInt64?) -> JSON {
        [
            "name": .string(caller.name), "role": .string(caller.role.rawValue),
            "kind": .string(isSession ? "session" : "token"), "expires_at": end.map { .integer($0) },
        ]
    }

    private static func cookie(_ value: String, isEncrypted: Bool) -> String {
        "\(cookieName(isEncrypted: isEncrypted))=\(value); HttpOnly; SameSite=Strict; Path=/"
            + (isEncrypted ? "; Secure" : "")
    }

    // MARK: Events

    func events(_ call: Call) throws -> HTTPReply {
        guard let text = call.target.value("topics") else {
            throw Problem(422, "invalid-argument", "topics is missing: name some, such as ?topics=jobs,workers")
        }
        let topics = try Topic.list(text)
        let caller = try call.known()
        if topics.contains(.uploads) { try caller.requires(.submitter, for: "the topic uploads") }
        // A browser that changes its topics opens another stream, and cannot set the field there.
        let lastID = call.request.field("Last-Event-ID") ?? call.target.value("last_event_id")
        let (hub, last) = (hub, lastID.flatMap { EventID($0) })
        let headers: HTTPHeaders = [
            "Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no",
        ]
        let audience = EventAudience(topics: topics, name: caller.name)
        return HTTPReply(
            200, headers,
            .stream(length: nil) { try await EventStreamHandler.write(audience, after: last, hub, to: $0.channel) })
    }
}

/// A token that is asked for.
struct NewToken: Sendable {
    let name: String
    let role: Role
    /// Milliseconds.
    let lifetime: UInt64?

    init(name: String, role: String, lifetime: String?) throws(Problem) {
        let allowed = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@._-")
        guard (1...64).contains(name.count), name.allSatisfy(allowed.contains),
            name.first?.isLetter == true || name.first?.isNumber == true
        else {
            throw .invalid(
                "/name", "'\(name.prefix(64))' cannot be a token's name; use letters, digits and '@._-', at most 64")
        }
        guard let parsed = Role(rawValue: role) else {
            throw .invalid(
                "/role", "there is no role '\(role.prefix(40))'; roles are viewer, submitter, operator and admin")
        }
        self.name = name
        self.role = parsed
        guard let lifetime else {
            self.lifetime = nil
            return
        }
        guard let time = Settings.duration(lifetime).map({ UInt64(clamping: $0.components.seconds) * 1000 }), time > 0
        else {
            throw .invalid("/expires_in", "'\(lifetime)' is not a length of time such as 12h or 30d")
        }
        self.lifetime = time
    }
}

extension TokenRecord {
    var json: JSON {
        [
            "token_id": .string(id), "name": .string(name), "role": .string(role.rawValue), "sign_in": .bool(isSignIn),
            "created_at": .integer(createdAt), "expires_at": expiresAt.map { .integer($0) },
            "last_used_at": lastUsedAt.map { .integer($0) },
        ]
    }
}
