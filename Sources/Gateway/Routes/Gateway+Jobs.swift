import ClientKit
import Cryptography
import GatewayLogic
import GatewayStore
import JobModel
import JSONText
import NIOCore
import NIOHTTP1
import Pipelines
import SystemCalls

extension Gateway {
    /// Characters of the text that lists are searched for.
    static let searchedLength = 256

    // MARK: Submitting

    func submitJob(_ call: Call, _ body: HTTPRequestBody) async throws -> HTTPReply {
        let (json, bytes) = try await Self.body(body, of: call.request)
        return try await once(call, bytes) { token in
            let new = try NewJob(json)
            let check = PipelineCheck(presets: try await presetBook())
            let pipeline = try Self.pipeline(new.pipeline, check, at: "/pipeline").canonicalText
            let caller = try call.known()
            try await checkNotified(new.notify, of: caller)
            let images = try await resolve(new.images, for: caller)
            let request = Self.request(new, pipeline: pipeline, submitter: caller.name, token: token)
            let (store, places) = (store, images.map { (name: $0.name, upload: $0.upload) })
            let promised = images.compactMap(\.promise)
            let (opened, isNew) = try await hooks.submissions.during {
                let opened = try await link.perform { try await $0.openJob(request) }
                let isNew = try await offCooperativePool {
                    try store.insertJob(
                        FedJob(
                            job: opened.job.rawValue, owner: caller.name, sealsWhenComplete: new.sealsWhenComplete,
                            phase: .open),
                        images: places, promised: promised, notify: new.notify)
                }
                return (opened, isNew)
            }
            let job = opened.job.rawValue
            feeders.feed(job)
            // A job that an earlier request made, whose answer was lost, has the uploads of that one.
            let stored =
                isNew ? places : try await offCooperativePool { try store.images(of: job) }.map { ($0.name, $0.upload) }
            return try await created(opened.job, stored, from: 0)
        }
    }

    func addImages(_ call: Call, _ body: HTTPRequestBody) async throws -> HTTPReply {
        let (json, bytes) = try await Self.body(body, of: call.request)
        let fed = try await fedJob(call, for: "adding images to a job")
        return try await once(call, bytes) { _ in
            var reader = try ObjectReader(json)
            guard let new = try NewJob.images(&reader), !new.isEmpty else { throw reader.missing("images") }
            try reader.finish()
            let images = try await resolve(new, for: try call.known())
            let (store, places) = (store, images.map { (name: $0.name, upload: $0.upload) })
            let promised = images.compactMap(\.promise)
            let first = try await offCooperativePool {
                try store.insertImages(places, promised: promised, into: fed.job)
            }
            guard first != nil else {
                throw Problem.wrongState("job \(fed.job) takes no more images: it is complete or has ended")
            }
            feeders.feed(fed.job)
            return try await created(JobID(fed.job), places, from: first ?? 0)
        }
    }

    /// An image of a request with the upload that it comes from.
    private struct ResolvedImage {
        let name: String
        let upload: String
        /// The upload, when it is new.
        let promise: UploadRecord?
    }

    private func resolve(_ images: [NewJobImage], for caller: Caller) async throws -> [ResolvedImage] {
        let (store, now, limits) = (store, WallClock.millisecondsSince1970, desk.limits)
        return try await offCooperativePool {
            try images.enumerated().map { position, image in
                let place = "/images/\(position)"
                switch image.origin {
                case .upload(let id):
                    guard UploadRecord.isID(id), let record = try store.upload(id),
                        record.owner == caller.name || caller.role >= .operator
                    else { throw Problem.invalid("\(place)/upload", "there is no upload '\(id.prefix(40))'") }
                    if case .rejected(_, let detail) = record.phase {
                        throw Problem.invalid("\(place)/upload", "upload \(id) was refused: \(detail)")
                    }
                    return ResolvedImage(name: image.name ?? record.name, upload: id, promise: nil)
                case .promise(let byteCount, let fingerprint):
                    try limits.accept(byteCount)
                    let record = UploadRecord(
                        id: UploadRecord.newID(), owner: caller.name, name: image.name ?? "upload",
                        fingerprint: fingerprint, byteCount: byteCount, touchedAt: now)
                    return ResolvedImage(name: record.name, upload: record.id, promise: record)
                case .source(let source):
                    guard let record = try store.source(of: source), record.file != nil else {
                        throw Problem(
                            410, "source-not-kept", "the original of image \(source) is not kept here; upload it again")
                    }
                    return ResolvedImage(name: image.name ?? record.name, upload: record.id, promise: nil)
                }
            }
        }
    }

    private static func request(_ new: NewJob, pipeline: String, submitter: String, token: String) -> JobRequest {
        JobRequest(
            pipeline: pipeline, submitter: submitter, token: token, priority: Int32(new.priority),
            mayUseCache: !new.options.noCache, chunkByteCount: new.options.chunkByteCount,
            maximumPixelCount: new.options.maximumPixelCount, maximumAttempts: new.options.attempts,
            auditShare: new.options.auditShare.map { AuditShare(millionths: $0) }, encoding: new.options.encoding,
            decoding: new.options.decoding)
    }

    private func created(
        _ job: JobID, _ images: [(name: String, upload: String)], from first: Int
    ) async throws -> StoredAnswer {
        let summary = try await link.perform { try await $0.job(job) }
        let uploads = images.map { image -> JSON in
            [
                "name": .string(image.name), "upload": .string(image.upload),
                "url": .string("/api/v1/uploads/\(image.upload)"),
            ]
        }
        let shown = try await views.json(summary)
        // It is told at once, unless a later state of it was told already.
        if hub.interest.contains(.jobs) { hub.publish([EventHub.News(job, shown)], onlyNew: true) }
        let json = shown.with(["images": .array(uploads)])
        return StoredAnswer(request: "", status: 201, location: "/api/v1/jobs/\(job)", body: json.text)
    }

    /// Answers a request with an `Idempotency-Key` once: later ones with the key get the stored answer.
    ///
    /// - Parameter body: is given the token by which the master finds a job again, so that a gateway that dies between asking the
    ///   master and storing the answer makes no second job.
    func once(
        _ call: Call, _ bytes: [UInt8], _ body: (_ token: String) async throws -> StoredAnswer
    ) async throws -> HTTPReply {
        guard let key = call.request.field("Idempotency-Key") else {
            return Self.reply(try await body(JobRequest.randomToken()))
        }
        guard (1...128).contains(key.utf8.count), key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw Problem(422, "invalid-argument", "the Idempotency-Key has 1 to 128 characters from '!' to '~'")
        }
        let (store, owner) = (store, try call.known().name)
        let scope = "\(call.request.method) \(call.target.path)\n"
        let digest = HexText.text(SHA256.hash(Array(scope.utf8) + bytes))
        guard answering.enter("\(owner)\n\(key)") else {
            throw Problem(
                409, "idempotency-key-in-use",
                "a request with the key '\(key)' is being answered; ask again in a moment"
            )
            .with("Retry-After", "1")
        }
        defer { answering.leave("\(owner)\n\(key)") }
        if let answer = try await offCooperativePool({ try store.answer(to: key, of: owner) }) {
            guard answer.request == digest else {
                throw Problem(
                    422, "idempotency-key-reused",
                    "the key '\(key)' was used for another request; make a new one for each")
            }
            return Self.reply(answer)
        }
        let token = HexText.text(Array(SHA256.hash(Array("tessera-web\n\(owner)\n\(key)\n\(digest)".utf8)).prefix(16)))
        let made = try await body(token)
        let answer = StoredAnswer(request: digest, status: made.status, location: made.location, body: made.body)
        try await offCooperativePool {
            try store.store(answer, to: key, of: owner, now: WallClock.millisecondsSince1970)
        }
        return Self.reply(answer)
    }

    private static func reply(_ answer: StoredAnswer) -> HTTPReply {
        text(answer.body, status: answer.status, answer.location.map { ["Location": $0] } ?? [:])
    }

    // MARK: Looking

    /// Jobs that are looked at for one page: filters may pass over many.
    private static let examinedJobCount = 5000

    func jobs(_ call: Call) async throws -> HTTPReply {
        let page = try PageRequest(call, cursors, list: "jobs", filters: ["state", "submitter", "q", "since"])
        let filter = try JobFilter(call.target)
        var found: [JobSummary] = []
        var before = page.position.map { JobID($0) }
        var examined = 0
        var isAtEnd = false
        while found.count < page.limit, examined < Self.examinedJobCount, !isAtEnd {
            let from = before
            // A filter may pass over most: then as many as one answer holds.
            let limit = UInt32(filter.isEmpty ? page.limit - found.count : 500)
            let jobs = try await link.perform { try await $0.jobs(limit: limit, before: from) }
            isAtEnd = jobs.isEmpty
            for summary in jobs where found.count < page.limit {
                examined += 1
                before = summary.id
                if filter.isOver(at: summary) {
                    isAtEnd = true
                    break
                }
                if filter.takes(summary) { found.append(summary) }
            }
        }
        let items = try await views.json(found)
        let next = isAtEnd ? nil : before.map { page.next($0.rawValue) }
        let total = filter.isEmpty ? link.known.status?.records.map { Int(clamping: $0.jobs) } : nil
        return Self.list(items, next: next, total: total)
    }

    func job(_ call: Call) async throws -> HTTPReply {
        let job = JobID(try call.jobNumber())
        let shown = try await shownJobs.answer(about: job) {
            ByteBuffer(bytes: try await views.json(try await link.perform { try await $0.job(job) }).utf8)
        }
        return Self.json(bytes: shown)
    }

    func images(_ call: Call) async throws -> HTTPReply {
        let job = JobID(try call.jobNumber())
        let page = try PageRequest(call, cursors, list: "images of \(job)", filters: ["state", "q"])
        let states = Set((call.target.value("state") ?? "").split(separator: ",").map(String.init))
        let text = try call.target.text("q", upTo: Self.searchedLength)?.lowercased()
        var next = UInt32(
            clamping: try page.position.map { Int(clamping: $0) } ?? call.target.integer(
                "first", in: 0...Int(UInt32.max)) ?? 0)
        var found: [ImageStatus] = []
        var total = 0
        var examined = 0
        while found.count < page.limit, examined < Self.examinedJobCount {
            let from = next
            let part = try await link.perform { try await $0.images(job, first: from) }
            total = part.imageCount
            if part.images.isEmpty { break }
            for image in part.images where found.count < page.limit {
                examined += 1
                next = image.index + 1
                guard states.isEmpty || states.contains(image.state.name) else { continue }
                guard text.map({ image.name.lowercased().contains($0) }) ?? true else { continue }
                found.append(image)
            }
        }
        let isUnfiltered = states.isEmpty && text == nil
        let summary = try await link.perform { try await $0.job(job) }
        return Self.list(
            try await views.json(found, of: job, Self.resultKind(of: summary)),
            next: Int(next) < total ? page.next(UInt64(next)) : nil,
            total: isUnfiltered ? total : nil)
    }

    func image(_ call: Call) async throws -> HTTPReply {
        let name = try call.imageName()
        let (job, image) = (JobID(name.job), try await status(of: name))
        let summary = try await link.perform { try await $0.job(job) }
        return Self.json(try await views.json(image, of: job, Self.resultKind(of: summary)))
    }

    func status(of name: ImageName) async throws -> ImageStatus {
        let image = ImageID(job: JobID(name.job), index: name.index)
        return try await link.with { session in try await session.image(image) }
    }

    func attempts(_ call: Call) async throws -> HTTPReply {
        let name = try call.imageName()
        guard try await status(of: name).state == .deadLettered else { return Self.json(["items": []]) }
        let image = ImageID(job: JobID(name.job), index: name.index)
        let letter = try await link.perform { try await $0.deadLetter(image) }
        return Self.json(["items": letter.json.member("attempts") ?? []])
    }

    // MARK: Changing

    func sealJob(_ call: Call, _ body: HTTPRequestBody) async throws -> HTTPReply {
        try await Self.noBody(body)
        let fed = try await fedJob(call, for: "sealing a job")
        let (store, job) = (store, fed.job)
        if fed.phase == .ended { throw Problem.wrongState("job \(job) has ended; nothing is left to seal") }
        try await offCooperativePool { try store.requestSeal(of: job) }
        feeders.feed(job)
        return try await self.job(call)
    }

    func cancelJob(_ call: Call, _ body: HTTPRequestBody) async throws -> HTTPReply {
        try await Self.noBody(body)
        let summary = try await ownJob(call, for: "cancelling a job")
        let (store, job) = (store, summary.id)
        try await link.perform { try await $0.cancel(job) }
        try await offCooperativePool { try store.setPhase(.ended, of: job.rawValue) }
        feeders.feed(job.rawValue)
        return try await self.job(call)
    }

    func forgetJob(_ call: Call) async throws -> HTTPReply {
        let summary = try await ownJob(call, for: "forgetting a job")
        let (store, job) = (store, summary.id)
        try await link.perform { try await $0.forget(job) }
        try await offCooperativePool { try store.forgetJob(job.rawValue) }
        hub.publish("job:\(job)", [.jobs, .job(job.rawValue)], "job-forgotten", ["job": .integer(job.rawValue)])
        return HTTPReply(204)
    }

    /// The job of the path, if the caller submitted it or is an operator.
    private func ownJob(_ call: Call, for what: String) async throws -> JobSummary {
        let job = JobID(try call.jobNumber())
        let summary = try await link.perform { try await $0.job(job) }
        try call.known().requires(own: summary.submitter, for: "\(what)")
        return summary
    }

    /// The job of the path, which was submitted through the gateway.
    private func fedJob(_ call: Call, for what: String) async throws -> FedJob {
        let (store, summary) = (store, try await ownJob(call, for: what))
        guard let fed = try await offCooperativePool({ try store.fedJob(summary.id.rawValue) }) else {
            throw Problem.wrongState(
                "job \(summary.id) was not submitted through this gateway, which has none of its uploads")
        }
        return fed
    }
}

/// Which jobs a list shows.
private struct JobFilter {
    private let states: Set<String>
    private let submitter: String?
    private let text: String?
    private let since: UInt64?

    init(_ target: RequestTarget) throws(Problem) {
        states = Set((target.value("state") ?? "").split(separator: ",").map(String.init))
        let known = Set(["open", "running", "done", "partly-failed", "failed", "cancelled"])
        if let other = states.subtracting(known).min() {
            throw Problem(
                422, "invalid-argument",
                "there is no state '\(other.prefix(40))'; states are \(known.sorted().joined(separator: ", "))")
        }
        submitter = target.value("submitter")
        text = try target.text("q", upTo: Gateway.searchedLength)?.lowercased()
        since = try target.integer("since", in: 0...Int.max).map { UInt64($0) }
    }

    var isEmpty: Bool { states.isEmpty && submitter == nil && text == nil && since == nil }

    /// Whether no older job is wanted.
    func isOver(at summary: JobSummary) -> Bool { since.map { summary.submittedAt < $0 } ?? false }

    func takes(_ summary: JobSummary) -> Bool {
        guard states.isEmpty || states.contains(summary.state.name) else { return false }
        guard submitter == nil || submitter == summary.submitter else { return false }
        guard let text else { return true }
        return summary.pipeline.lowercased().contains(text) || summary.submitter.lowercased().contains(text)
            || "\(summary.id)" == text
    }
}
