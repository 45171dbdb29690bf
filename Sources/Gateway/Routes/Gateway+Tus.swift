import ClientKit
import GatewayLogic
import GatewayStore
import NIOHTTP1
import SystemCalls

/// The tus protocol 1.0 over the same uploads as `Gateway+Uploads`.
extension Gateway {
    /// Whether a request speaks tus.
    /// - Throws: for a version that is not spoken.
    static func isTus(_ request: HTTPRequest) throws(Problem) -> Bool {
        guard let version = request.field(TusDialect.versionField) else { return false }
        try TusDialect.check(version: version)
        return true
    }

    func createTusUpload(_ call: Call, _ body: HTTPRequestBody) async throws -> HTTPReply {
        let (request, caller, store) = (call.request, try call.known(), store)
        guard let length = try Self.count("Upload-Length", request) else {
            throw Problem.malformed("the field Upload-Length is missing: how many bytes has the file?")
        }
        try desk.limits.accept(length)
        let name = try request.field("Upload-Metadata").flatMap { try TusDialect.fileName(inMetadata: $0) } ?? "upload"
        try Self.checkFileName(name)
        try await Self.noBody(body)
        let record = UploadRecord(
            id: UploadRecord.newID(), owner: caller.name, name: name, byteCount: length,
            touchedAt: WallClock.millisecondsSince1970)
        try await offCooperativePool { try store.insert(record) }
        var headers = Self.tusHeaders(record)
        headers.add(name: "Location", value: "/api/v1/uploads/\(record.id)")
        return HTTPReply(201, headers)
    }

    func appendTusUpload(_ record: UploadRecord, _ call: Call, _ body: HTTPRequestBody) async throws -> HTTPReply {
        let request = call.request
        guard let offset = try Self.count("Upload-Offset", request) else {
            throw Problem.malformed("the field Upload-Offset is missing: where do the bytes belong?")
        }
        let length = request.contentLength ?? (request.hasBody ? nil : 0)
        let append = UploadDesk.Append(
            upload: record.id, offset: offset,
            isLast: TusDialect.isLast(offset: offset, contentLength: length, of: record.byteCount), announced: nil,
            contentLength: length, wantsProgress: false)
        return HTTPReply(
            204, Self.tusHeaders(try await finish(try await desk.receive(append, body, of: request), body, of: request))
        )
    }

    func tusOffset(_ record: UploadRecord, _ body: HTTPRequestBody, of request: HTTPRequest) async throws -> HTTPReply {
        var headers = Self.tusHeaders(try await finish(record, body, of: request))
        headers.add(name: "Cache-Control", value: "no-store")
        return HTTPReply(204, headers)
    }

    /// Ends an upload whose bytes are all there: a body without a length, or a kill at its end, leaves it open.
    private func finish(
        _ record: UploadRecord, _ body: HTTPRequestBody, of request: HTTPRequest
    ) async throws -> UploadRecord {
        guard record.phase == .receiving, record.offset == record.byteCount else { return record }
        let end = UploadDesk.Append(
            upload: record.id, offset: record.offset, isLast: true, announced: nil, contentLength: 0,
            wantsProgress: false)
        return try await desk.receive(end, body, of: request)
    }

    func tusOptions() -> HTTPHeaders {
        [
            TusDialect.versionField: TusDialect.version, "Tus-Version": TusDialect.version,
            "Tus-Extension": TusDialect.extensions, "Tus-Max-Size": "\(desk.limits.maximumByteCount)",
        ]
    }

    private static func tusHeaders(_ record: UploadRecord) -> HTTPHeaders {
        var headers: HTTPHeaders = [TusDialect.versionField: TusDialect.version, "Upload-Offset": "\(record.offset)"]
        if let count = record.byteCount { headers.add(name: "Upload-Length", value: "\(count)") }
        return headers
    }
}
