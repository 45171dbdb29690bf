/// What a request is for.
package enum Action: String, Hashable, Sendable, CaseIterable {
    case operations, operation, checkPipeline, preview
    case presets, preset, putPreset, deletePreset
    case uploadOptions, uploads, createUpload, uploadOffset, upload, appendUpload, deleteUpload
    case jobs, submitJob, job, forgetJob, images, addImages, jobUploads, sealJob, cancelJob
    case image, attempts, finishedRows, result, source, thumbnail, archive
    case workers, drainWorker, resumeWorker, releaseWorker, cluster
    case deadLetters, redrive, purge
    case signIn, session, signOut
    case tokens, createToken, revokeToken
    case links, createLink, revokeLink, rotateLinkKey
    case webhooks, createWebhook, webhook, putWebhook, deleteWebhook, testWebhook, rotateWebhookSecret
    case deliveries, redeliver
    case events, openAPI
}

/// One method of one path of the API, and who may use it. share/tessera/openapi.json describes the same; a test compares.
package struct Route: Hashable, Sendable {
    package let method: String
    /// Below `/api/v1`, with names in braces for segments that vary.
    package let path: String
    /// The least role; `nil`: everybody.
    package let role: Role?
    package let action: Action
    private let segments: [Segment]

    private enum Segment: Hashable {
        case word(String)
        /// Anything but nothing; its name.
        case value(String)
    }

    init(_ method: String, _ path: String, _ role: Role?, _ action: Action) {
        self.method = method
        self.path = path
        self.role = role
        self.action = action
        segments = path.dropFirst().split(separator: "/").map { part in
            part.first == "{" ? .value(String(part.dropFirst().dropLast())) : .word(String(part))
        }
    }

    package static let base = ["api", "v1"]

    /// Whether a presigned link may open it: it shows one job or its files, and changes nothing.
    package var isLinkable: Bool {
        switch action {
        case .job, .images, .image, .result, .source, .thumbnail, .archive: true
        case .operations, .operation, .checkPipeline, .preview, .presets, .preset, .putPreset, .deletePreset,
            .uploadOptions,
            .uploads,
            .createUpload, .uploadOffset, .upload, .appendUpload, .deleteUpload, .jobs, .submitJob, .forgetJob,
            .addImages,
            .jobUploads, .sealJob, .cancelJob, .attempts, .finishedRows, .workers, .drainWorker, .resumeWorker,
            .releaseWorker,
            .cluster,
            .deadLetters, .redrive, .purge, .signIn, .session, .signOut, .tokens, .createToken, .revokeToken, .links,
            .createLink, .revokeLink, .rotateLinkKey, .webhooks, .createWebhook, .webhook, .putWebhook, .deleteWebhook,
            .testWebhook, .rotateWebhookSecret, .deliveries, .redeliver, .events, .openAPI:
            false
        }
    }

    package static let all: [Route] = [
        Route("GET", "/operations", .viewer, .operations),
        Route("GET", "/operations/{name}", .viewer, .operation),
        Route("POST", "/pipelines/check", .viewer, .checkPipeline),
        Route("POST", "/previews", .submitter, .preview),
        Route("GET", "/presets", .viewer, .presets),
        Route("GET", "/presets/{name}", .viewer, .preset),
        Route("PUT", "/presets/{name}", .submitter, .putPreset),
        Route("DELETE", "/presets/{name}", .submitter, .deletePreset),
        Route("OPTIONS", "/uploads", nil, .uploadOptions),
        Route("GET", "/uploads", .submitter, .uploads),
        Route("POST", "/uploads", .submitter, .createUpload),
        Route("HEAD", "/uploads/{upload}", .submitter, .uploadOffset),
        Route("GET", "/uploads/{upload}", .submitter, .upload),
        Route("PATCH", "/uploads/{upload}", .submitter, .appendUpload),
        Route("DELETE", "/uploads/{upload}", .submitter, .deleteUpload),
        Route("GET", "/jobs", .viewer, .jobs),
        Route("POST", "/jobs", .submitter, .submitJob),
        Route("GET", "/jobs/{job}", .viewer, .job),
        Route("DELETE", "/jobs/{job}", .submitter, .forgetJob),
        Route("GET", "/jobs/{job}/images", .viewer, .images),
        Route("POST", "/jobs/{job}/images", .submitter, .addImages),
        Route("GET", "/jobs/{job}/uploads", .viewer, .jobUploads),
        Route("POST", "/jobs/{job}/seal", .submitter, .sealJob),
        Route("POST", "/jobs/{job}/cancel", .submitter, .cancelJob),
        Route("GET", "/jobs/{job}/images/{image}", .viewer, .image),
        Route("GET", "/jobs/{job}/images/{image}/attempts", .viewer, .attempts),
        Route("GET", "/jobs/{job}/images/{image}/rows", .viewer, .finishedRows),
        Route("GET", "/jobs/{job}/images/{image}/result", .viewer, .result),
        Route("GET", "/jobs/{job}/images/{image}/source", .viewer, .source),
        Route("GET", "/jobs/{job}/images/{image}/thumbnail", .viewer, .thumbnail),
        Route("GET", "/jobs/{job}/results.zip", .viewer, .archive),
        Route("GET", "/workers", .viewer, .workers),
        Route("POST", "/workers/{worker}/drain", .operator, .drainWorker),
        Route("POST", "/workers/{worker}/resume", .operator, .resumeWorker),
        Route("POST", "/workers/{worker}/release", .operator, .releaseWorker),
        Route("GET", "/cluster", .viewer, .cluster),
        Route("GET", "/dead-letters", .viewer, .deadLetters),
        Route("POST", "/dead-letters/redrive", .operator, .redrive),
        Route("POST", "/dead-letters/purge", .operator, .purge),
        Route("POST", "/session", nil, .signIn),
        Route("GET", "/session", .viewer, .session),
        Route("DELETE", "/session", nil, .signOut),
        Route("GET", "/tokens", .admin, .tokens),
        Route("POST", "/tokens", .admin, .createToken),
        Route("DELETE", "/tokens/{token_id}", .admin, .revokeToken),
        Route("GET", "/links", .submitter, .links),
        Route("POST", "/links", .submitter, .createLink),
        Route("DELETE", "/links/{link_id}", .submitter, .revokeLink),
        Route("POST", "/link-keys", .admin, .rotateLinkKey),
        Route("GET", "/webhooks", .submitter, .webhooks),
        Route("POST", "/webhooks", .submitter, .createWebhook),
        Route("GET", "/webhooks/{webhook_id}", .submitter, .webhook),
        Route("PUT", "/webhooks/{webhook_id}", .submitter, .putWebhook),
        Route("DELETE", "/webhooks/{webhook_id}", .submitter, .deleteWebhook),
        Route("POST", "/webhooks/{webhook_id}/test", .submitter, .testWebhook),
        Route("POST", "/webhooks/{webhook_id}/rotate-secret", .submitter, .rotateWebhookSecret),
        Route("GET", "/webhooks/{webhook_id}/deliveries", .submitter, .deliveries),
        Route("POST", "/deliveries/{delivery_id}/redeliver", .submitter, .redeliver),
        Route("GET", "/events", .viewer, .events),
        Route("GET", "/openapi.json", nil, .openAPI),
    ]

    /// The route of a request, and what its path has in the place of each name.
    ///
    /// HEAD is taken for GET where it has no route of its own.
    /// - Parameter segments: of the path below `/api/v1`.
    package static func find(
        _ method: String, _ segments: [String]
    ) throws(Problem) -> (route: Route, values: [String: String]) {
        let candidates = all.compactMap { route in route.values(in: segments).map { (route: route, values: $0) } }
        guard !candidates.isEmpty else {
            throw .notFound("there is no '/\(segments.joined(separator: "/").prefix(200))' in this API")
        }
        for wanted in method == "HEAD" ? ["HEAD", "GET"] : [method] {
            if let found = candidates.first(where: { $0.route.method == wanted }) { return found }
        }
        var allowed = Set(candidates.map(\.route.method))
        if allowed.contains("GET") { allowed.insert("HEAD") }
        let list = allowed.sorted().joined(separator: ", ")
        throw Problem(405, "method-not-allowed", "\(method.prefix(20)) is not allowed here; \(list) are").with(
            "Allow", list)
    }

    private func values(in given: [String]) -> [String: String]? {
        guard segments.count == given.count else { return nil }
        var values: [String: String] = [:]
        for (segment, text) in zip(segments, given) {
            switch segment {
            case .word(let word): guard word == text else { return nil }
            case .value(let name):
                guard !text.isEmpty else { return nil }
                values[name] = text
            }
        }
        return values
    }
}
