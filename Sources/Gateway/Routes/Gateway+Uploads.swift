import ClientKit
import GatewayLogic
import GatewayStore
import JSONText
import NIOCore
import NIOHTTP1
import SystemCalls

extension Gateway {
    private var uploadAge: UInt64 { UInt64(desk.limits.ageSeconds) * 1000 }

    func uploadOptions() -> HTTPReply {
        var headers = tusOptions()
        headers.add(name: "Upload-Limit", value: desk.limits.field)
        headers.add(name: "Accept-Patch", value: "application/partial-upload, \(TusDialect.mediaType)")
        headers.add(name: "Allow", value: "GET, HEAD, OPTIONS, POST")
        return HTTPReply(204, headers)
    }

    func createUpload(_ call: Call, _ body: HTTPRequestBody) async throws -> HTTPReply {
        let (request, caller, store) = (call.request, try call.known(), store)
        if try Self.isTus(request) { return try await createTusUpload(call, body) }
        let isLast = try Self.isLast(request) ?? true
        let announced = try Self.count("Upload-Length", request)
        for count in [announced, request.contentLength] { try desk.limits.accept(count ?? 0) }
        let name = request.field("Content-Disposition").flatMap { FieldValues.fileName(inDisposition: $0) } ?? "upload"
        try Self.checkFileName(name)
        let record = UploadRecord(
            id: UploadRecord.newID(), owner: caller.name, name: name, byteCount: announced,
            touchedAt: WallClock.millisecondsSince1970)
        try await offCooperativePool { try store.insert(record) }
        let path = "/api/v1/uploads/\(record.id)"
        // Some clients know no interim response but 100; a short body gains nothing by it.
        let isLong = (request.contentLength ?? (request.hasBody ? .max : 0)) > UploadWriting.longByteCount
        let wantsProgress = request.field("Upload-Complete") != nil && isLong
        if wantsProgress {
            try await body.inform(
                HTTPStatusNames.uploadResumptionSupported, ["Location": path, "Upload-Limit": desk.limits.field])
        }
        let append = UploadDesk.Append(
            upload: record.id, offset: 0, isLast: isLast, announced: announced,
            contentLength: request.contentLength ?? (request.hasBody ? nil : 0), wantsProgress: wantsProgress)
        let now = try await desk.receive(append, body, of: request)
        var headers = headers(of: now)
        headers.add(name: "Location", value: path)
        return Self.json(now.json(place: nil, age: uploadAge), status: now.file == nil ? 201 : 200, headers)
    }

    func appendUpload(_ call: Call, _ body: HTTPRequestBody) async throws -> HTTPReply {
        let request = call.request
        let record = try await ownUpload(call)
        let type = request.field("Content-Type")?.split(separator: ";").first.map { $0.trimmingSpaces().lowercased() }
        let isTus = try Self.isTus(request)
        let wanted = isTus ? TusDialect.mediaType : "application/partial-upload"
        guard type == wanted else {
            throw Problem(
                415, "unsupported-media-type", "the body is '\((type ?? "nothing").prefix(60))'; send \(wanted)"
            ).with("Accept-Patch", wanted)
        }
        if isTus { return try await appendTusUpload(record, call, body) }
        guard let offset = try Self.count("Upload-Offset", request) else {
            throw Problem.malformed("the field Upload-Offset is missing: where do the bytes belong?")
        }
        guard let isLast = try Self.isLast(request) else {
            throw Problem.malformed("the field Upload-Complete is missing: ?1 if the file ends with this body, else ?0")
        }
        let append = UploadDesk.Append(
            upload: record.id, offset: offset, isLast: isLast, announced: try Self.count("Upload-Length", request),
            contentLength: request.contentLength ?? (request.hasBody ? nil : 0), wantsProgress: true)
        let now = try await desk.receive(append, body, of: request)
        guard now.file != nil else { return HTTPReply(204, headers(of: now)) }
        return Self.json(now.json(place: try await place(of: now), age: uploadAge), headers(of: now))
    }

    func uploadOffset(_ call: Call, _ body: HTTPRequestBody) async throws -> HTTPReply {
        await desk.settle(try await ownUpload(call).id)
        let record = try await ownUpload(call)
        if case .rejected(let code, let detail) = record.phase {
            throw Problem(410, "upload-gone", "upload \(record.id) was refused (\(code)): \(detail)")
        }
        if try Self.isTus(call.request) { return try await tusOffset(record, body, of: call.request) }
        var headers = headers(of: record)
        headers.replaceOrAdd(name: "Cache-Control", value: "no-store")
        return HTTPReply(204, headers)
    }

    func upload(_ call: Call) async throws -> HTTPReply {
        let record = try await ownUpload(call)
        return Self.json(record.json(place: try await place(of: record), age: uploadAge), headers(of: record))
    }

    func deleteUpload(_ call: Call) async throws -> HTTPReply {
        let record = try await ownUpload(call)
        let store = store
        let images = try await offCooperativePool { try store.isBeingAdded(record.id) }
        guard !images else {
            throw Problem.wrongState("upload \(record.id) is on its way to the master; cancel its job instead")
        }
        try await desk.delete(record.id)
        return HTTPReply(204, try Self.isTus(call.request) ? [TusDialect.versionField: TusDialect.version] : [:])
    }

    func uploads(_ call: Call) async throws -> HTTPReply {
        let caller = try call.known()
        let page = try PageRequest(call, cursors, list: "uploads \(caller.name)", filters: ["state"])
        let (store, phase) = (store, try Self.uploadState(call))
        let found = try await offCooperativePool {
            try store.uploads(
                of: caller.name, phase: phase, after: Int64(clamping: page.position ?? 0), limit: page.limit)
        }
        var items: [JSON] = []
        for (record, _) in found { items.append(record.json(place: try await place(of: record), age: uploadAge)) }
        let next = found.count == page.limit ? found.last.map { UInt64(clamping: $0.1) } : nil
        return Self.list(items, next: next.map(page.next))
    }

    func jobUploads(_ call: Call) async throws -> HTTPReply {
        let job = try call.jobNumber()
        let page = try PageRequest(call, cursors, list: "uploads of \(job)", filters: ["state"])
        let (store, phase) = (store, try Self.uploadState(call))
        let after = page.position.map { Int64(clamping: $0) } ?? -1
        let found = try await offCooperativePool { () throws -> [(upload: UploadRecord, image: FedImage)]? in
            guard try store.fedJob(job) != nil else { return nil }
            return try store.uploads(of: job, phase: phase, after: after, limit: page.limit)
        }
        guard let found else {
            _ = try await link.perform { try await $0.job(.init(job)) }
            return Self.list([], next: nil)
        }
        let items = found.map { $0.upload.json(place: (job, $0.image.position), age: uploadAge) }
        let next = found.count == page.limit ? found.last.map { UInt64($0.image.ordinal) } : nil
        return Self.list(items, next: next.map(page.next))
    }

    // MARK: Parts

    private static func uploadState(_ call: Call) throws(Problem) -> String? {
        try call.target.choice("state", of: ["receiving", "complete", "rejected"])
    }

    private func headers(of record: UploadRecord) -> HTTPHeaders {
        var headers: HTTPHeaders = [
            "Upload-Offset": "\(record.offset)", "Upload-Complete": record.file == nil ? "?0" : "?1",
            "Upload-Limit": desk.limits.field,
        ]
        if let count = record.byteCount { headers.add(name: "Upload-Length", value: "\(count)") }
        return headers
    }

    /// The upload of the path, if it is the caller's or the caller is an operator.
    private func ownUpload(_ call: Call) async throws -> UploadRecord {
        try await ownUpload(call.values["upload"] ?? "", call)
    }

    func ownUpload(_ id: String, _ call: Call) async throws -> UploadRecord {
        let (store, caller) = (store, try call.known())
        let record = UploadRecord.isID(id) ? try await offCooperativePool { try store.upload(id) } : nil
        guard let record, record.owner == caller.name || caller.role >= .operator else {
            throw Problem.notFound("there is no upload '\(id.prefix(40))', or its time is over")
        }
        return record
    }

    private func place(of record: UploadRecord) async throws -> (job: UInt64, position: UInt32?)? {
        let (store, id) = (store, record.id)
        return try await offCooperativePool { try store.place(of: id) }
    }

    private static func isLast(_ request: HTTPRequest) throws(Problem) -> Bool? {
        guard let text = request.field("Upload-Complete") else { return nil }
        guard let flag = FieldValues.boolean(text) else {
            throw .malformed("Upload-Complete is '\(text.prefix(20))'; it is ?1 or ?0")
        }
        return flag
    }

    static func checkFileName(_ name: String) throws(Problem) {
        guard name.utf8.count <= 1024, !name.utf8.contains(0) else {
            throw Problem(
                422, "invalid-argument", "the file's name has \(name.utf8.count) bytes; at most 1024 are allowed")
        }
    }

    static func count(_ name: String, _ request: HTTPRequest) throws(Problem) -> UInt64? {
        guard let text = request.field(name) else { return nil }
        guard let count = FieldValues.count(text) else {
            throw .malformed("\(name) is '\(text.prefix(40))'; it is a whole number of at most 15 digits")
        }
        return count
    }
}
