import ClientKit
import GatewayLogic
import GatewayStore
import JSONText
import NIOCore
import NIOHTTP1
import Pipelines

extension Gateway {
    func preview(_ call: Call, _ body: HTTPRequestBody) async throws -> HTTPReply {
        let request = try PreviewRequest(try await Self.body(body, of: call.request).json)
        let pipeline = try Self.pipeline(
            request.pipeline, PipelineCheck(presets: try await presetBook()), at: "/pipeline")
        guard pipeline.attachments.isEmpty else {
            throw Problem(
                422, "not-previewed", "the pipeline names another image, which the gateway does not have; submit a job")
        }
        let file = try await file(of: request.source, call)
        let start = ContinuousClock.now
        let preview = try await previews.preview(of: file, pipeline, request.view, call.request.departure)
        let milliseconds = Int((ContinuousClock.now - start) / .milliseconds(1))
        let result = preview.result
        return HTTPReply(
            200,
            [
                "Content-Type": "image/png", "Cache-Control": "no-store",
                "Content-Security-Policy": SecurityHeaders.filePolicy,
                "Tessera-Preview": preview.approximation.map { "approximate;reason=\($0)" } ?? "exact",
                "Tessera-Result":
                    "width=\(result.width), height=\(result.height), bits=\(result.format.depth.rawValue)",
                "Server-Timing": "preview;dur=\(milliseconds)",
            ], .bytes(ByteBuffer(bytes: preview.png)))
    }

    private func file(of source: PreviewRequest.Source, _ call: Call) async throws -> PreviewDesk.File {
        let (record, file, spooled) =
            switch source {
            case .original(let image): try await keptSource(image)
            case .upload(let id): try await completeUpload(try await ownUpload(id, call))
            }
        let byteCount = record.offset
        return PreviewDesk.File(digest: file.digest, byteCount: byteCount) {
            try spooled.read(at: 0, count: Int(byteCount))
        }
    }

    private func completeUpload(_ record: UploadRecord) async throws -> (UploadRecord, UploadedFile, SpoolFile) {
        guard let file = record.file else {
            throw Problem(
                409, "not-ready", "upload \(record.id) is \(record.phase.name); a preview needs the whole file")
        }
        let spool = desk.spool
        guard let spooled = await offCooperativePool({ spool.reading(record.id) }) else {
            throw Problem(
                410, "source-not-kept", "the file of upload \(record.id) is not kept any longer (keep-sources)")
        }
        return (record, file, spooled)
    }
}
