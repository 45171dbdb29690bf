import ClientKit
import GatewayLogic
import GatewayStore
import JobModel
import JSONText
import NIOHTTP1
import Settings
import SystemCalls

extension Gateway {
    // MARK: Opening

    /// Answers a request for the path of a presigned link: what `GET` of the path behind it would answer to a viewer.
    func openLink(_ request: HTTPRequest, _ target: RequestTarget, isEncrypted: Bool) async throws -> HTTPReply {
        guard ["GET", "HEAD"].contains(request.method) else {
            throw Problem(
                405, "method-not-allowed", "a link opens by GET and HEAD, not by \(request.method.prefix(20))"
            )
            .with("Allow", "GET, HEAD")
        }
        guard let address = LinkAddress(target) else {
            throw WebStore.invalidLink(
                "the link is not complete, or was changed; copy all of it, or ask the sender for it again")
        }
        let (store, now) = (store, WallClock.millisecondsSince1970)
        try await offCooperativePool { try store.open(address, now: now) }
        if IIIFAddress.identifier(in: address.segments) != nil {
            var reply = try await image(
                request, try IIIFAddress(address.segments), below: address.prefix, isEncrypted: isEncrypted)
            Self.limit(&reply, to: address, now: now)
            return reply
        }
        let (route, values) = try Route.find(request.method, address.segments)
        let call = Call(
            request: request, target: target, action: route.action, values: values, caller: nil,
            isEncrypted: isEncrypted)
        var reply = try await read(call)
        Self.limit(&reply, to: address, now: now)
        return reply
    }

    private static func limit(_ reply: inout HTTPReply, to address: LinkAddress, now: UInt64) {
        // A result does not change, but nobody may keep it for longer than the link is good.
        if !reply.headers["ETag"].isEmpty {
            let rest = (address.expiry * 1000 - min(now, address.expiry * 1000)) / 1000
            reply.headers.replaceOrAdd(name: "Cache-Control", value: "private, max-age=\(rest)")
        }
        // Pages of others may show the picture: the address is all that it takes, so it hides nothing.
        reply.headers.replaceOrAdd(name: "Cross-Origin-Resource-Policy", value: "cross-origin")
    }

    /// What links open; `Route.isLinkable` names the same.
    private func read(_ call: Call) async throws -> HTTPReply {
        switch call.action {
        case .job: try await job(call)
        case .images: try await images(call)
        case .image: try await image(call)
        case .result: try await result(call)
        case .source: try await source(call)
        case .thumbnail: try await thumbnail(call)
        case .archive: try await archive(call)
        default: throw Problem.notFound("a link does not open '\(call.action.rawValue)'")
        }
    }

    // MARK: Links

    func createLink(_ call: Call, _ body: HTTPRequestBody) async throws -> HTTPReply {
        var reader = try ObjectReader(try await Self.body(body, of: call.request).json)
        let path = try reader.requiredText("path", upTo: 256)
        let lifetime = try reader.requiredText("expires_in", upTo: 16)
        let isPrefix = try reader.flag("prefix")
        try reader.finish()
        let new = try NewLink(
            scope: try LinkScope(path: path, isPrefix: isPrefix),
            lifetime: Settings.duration(lifetime).map { UInt64(clamping: $0.components.seconds) }, as: lifetime)
        let caller = try call.known()
        try await checkThere(new.scope, caller)
        let (store, now) = (store, WallClock.millisecondsSince1970)
        let made = try await offCooperativePool { try store.createLink(new, owner: caller.name, now: now) }
        return Self.json(made.json(isOwn: true), status: 201)
    }

    /// Whether the job and the image of a new link are there, and the job is the caller's.
    private func checkThere(_ scope: LinkScope, _ caller: Caller) async throws {
        guard let (job, image) = scope.subject else { throw Problem.notFound("there is no such image") }
        let summary = try await link.perform { try await $0.job(JobID(job)) }
        try caller.requires(own: summary.submitter, for: "sharing a job")
        if let image { _ = try await status(of: ImageName(job: job, index: image)) }
    }

    func links(_ call: Call) async throws -> HTTPReply {
        let store = store
        return try await ownedList("links", call) { try store.links(of: $0, after: $1, limit: $2) }
    }

    func revokeLink(_ call: Call) async throws -> HTTPReply {
        let (store, id, caller) = (store, call.values["link_id"] ?? "", try call.known())
        guard let owner = try await offCooperativePool({ try store.ownerOfLink(id) }) else {
            throw Problem.notFound("there is no link '\(id.prefix(40))'")
        }
        try caller.requires(own: owner, for: "revoking a link")
        _ = try await offCooperativePool { try store.deleteLink(id) }
        return HTTPReply(204)
    }

    func rotateLinkKey(_ call: Call, _ body: HTTPRequestBody) async throws -> HTTPReply {
        try await Self.noBody(body)
        let (store, now) = (store, WallClock.millisecondsSince1970)
        guard let made = try await offCooperativePool({ try store.rotateLinkKey(now: now) }) else {
            preconditionFailure("a rotation without an age is never too early")
        }
        logger.notice("links have a new key", metadata: ["key": "\(made.key)", "ended-links": "\(made.ended)"])
        return Self.json(["key": .string(made.key), "ended": .integer(made.ended)])
    }
}

extension LinkRecord: OwnedRecord {
    /// - Parameter isOwn: whether the reader made it; others do not get to see the address.
    func json(isOwn: Bool) -> JSON {
        [
            "link_id": .string(id), "owner": .string(owner), "path": .string(path), "prefix": .bool(isPrefix),
            "created_at": .integer(createdAt), "expires_at": .integer(expiresAt),
            "last_used_at": lastUsedAt.map { .integer($0) }, "url": isOwn ? .string(url) : nil,
        ]
    }
}
