import GatewayLogic
import NIOCore
import NIOHTTP1

extension Gateway {
    /// Carries out a request that is permitted.
    func carryOut(_ call: Call, _ body: HTTPRequestBody) async throws -> HTTPReply {
        switch call.action {
        case .operations: operations(call)
        case .operation: try operation(call)
        case .checkPipeline: try await checkPipeline(call, body)
        case .preview: try await preview(call, body)
        case .presets: try await presets()
        case .preset: try await preset(call)
        case .putPreset: try await putPreset(call, body)
        case .deletePreset: try await deletePreset(call)
        case .uploadOptions: uploadOptions()
        case .uploads: try await uploads(call)
        case .createUpload: try await createUpload(call, body)
        case .uploadOffset: try await uploadOffset(call, body)
        case .upload: try await upload(call)
        case .appendUpload: try await appendUpload(call, body)
        case .deleteUpload: try await deleteUpload(call)
        case .jobs: try await jobs(call)
        case .submitJob: try await submitJob(call, body)
        case .job: try await job(call)
        case .forgetJob: try await forgetJob(call)
        case .images: try await images(call)
        case .addImages: try await addImages(call, body)
        case .jobUploads: try await jobUploads(call)
        case .sealJob: try await sealJob(call, body)
        case .cancelJob: try await cancelJob(call, body)
        case .image: try await image(call)
        case .attempts: try await attempts(call)
        case .result: try await result(call)
        case .source: try await source(call)
        case .thumbnail: try await thumbnail(call)
        case .archive: try await archive(call)
        case .workers: try await workers()
        case .drainWorker, .resumeWorker, .releaseWorker: try await changeWorker(call, body)
        case .cluster: Self.json(ClusterView.json(link, gatewayStatus()))
        case .deadLetters: try await deadLetters(call)
        case .redrive, .purge: try await changeDeadLetters(call, body)
        case .signIn: try await signIn(call, body)
        case .session: try session(call)
        case .signOut: try await signOut(call)
        case .tokens: try await tokens()
        case .createToken: try await createToken(call, body)
        case .revokeToken: try await revokeToken(call)
        case .links: try await links(call)
        case .createLink: try await createLink(call, body)
        case .revokeLink: try await revokeLink(call)
        case .rotateLinkKey: try await rotateLinkKey(call, body)
        case .events: try events(call)
        case .openAPI: assets.description(for: call.request)
        }
    }
}
