import GatewayLogic
import NIOCore
import NIOHTTP1

extension Gateway {
    /// Carries out a request that is permitted.
    /// How an action is carried out.
    private enum Handler {
        /// Without waiting.
        case brief((Call) throws -> HTTPReply)
        case plain((Call) async throws -> HTTPReply)
        case withBody((Call, HTTPRequestBody) async throws -> HTTPReply)
    }

    // One call for all actions: with a call in each case, the frame of this function has room for the answers of all of them, 6 KiB that
    // a stream of events would keep for as long as it runs.
    func carryOut(_ call: Call, _ body: HTTPRequestBody) async throws -> HTTPReply {
        switch handler(of: call.action) {
        case .brief(let answer): try answer(call)
        case .plain(let answer): try await answer(call)
        case .withBody(let answer): try await answer(call, body)
        }
    }

    private func handler(of action: Action) -> Handler {
        switch action {
        case .operations: .brief(operations)
        case .operation: .brief(operation)
        case .checkPipeline: .withBody(checkPipeline)
        case .preview: .withBody(preview)
        case .presets: .plain { _ in try await presets() }
        case .preset: .plain(preset)
        case .putPreset: .withBody(putPreset)
        case .deletePreset: .plain(deletePreset)
        case .uploadOptions: .brief { _ in uploadOptions() }
        case .uploads: .plain(uploads)
        case .createUpload: .withBody(createUpload)
        case .uploadOffset: .withBody(uploadOffset)
        case .upload: .plain(upload)
        case .appendUpload: .withBody(appendUpload)
        case .deleteUpload: .plain(deleteUpload)
        case .jobs: .plain(jobs)
        case .submitJob: .withBody(submitJob)
        case .job: .plain(job)
        case .forgetJob: .plain(forgetJob)
        case .images: .plain(images)
        case .addImages: .withBody(addImages)
        case .jobUploads: .plain(jobUploads)
        case .sealJob: .withBody(sealJob)
        case .cancelJob: .withBody(cancelJob)
        case .image: .plain(image)
        case .attempts: .plain(attempts)
        case .finishedRows: .plain(finishedRows)
        case .result: .plain(result)
        case .source: .plain(source)
        case .thumbnail: .plain(thumbnail)
        case .archive: .plain(archive)
        case .workers: .plain { _ in try await workers() }
        case .drainWorker, .resumeWorker, .releaseWorker: .withBody(changeWorker)
        case .cluster: .brief { _ in Self.json(ClusterView.json(link, gatewayStatus())) }
        case .deadLetters: .plain(deadLetters)
        case .redrive, .purge: .withBody(changeDeadLetters)
        case .signIn: .withBody(signIn)
        case .session: .brief(session)
        case .signOut: .plain(signOut)
        case .tokens: .plain { _ in try await tokens() }
        case .createToken: .withBody(createToken)
        case .revokeToken: .plain(revokeToken)
        case .links: .plain(links)
        case .createLink: .withBody(createLink)
        case .revokeLink: .plain(revokeLink)
        case .rotateLinkKey: .withBody(rotateLinkKey)
        case .webhooks: .plain(webhooks)
        case .createWebhook: .withBody(createWebhook)
        case .webhook: .plain(webhook)
        case .putWebhook: .withBody(putWebhook)
        case .deleteWebhook: .plain(deleteWebhook)
        case .testWebhook: .withBody(testWebhook)
        case .rotateWebhookSecret: .withBody(rotateWebhookSecret)
        case .deliveries: .plain(deliveries)
        case .redeliver: .withBody(redeliver)
        case .events: .brief(events)
        case .openAPI: .brief { assets.description(for: $0.request) }
        }
    }
}
