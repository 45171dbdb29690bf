import JSONText

/// What a webhook can be told.
package enum WebhookEvent: String, Hashable, Sendable, CaseIterable {
    case jobStarted = "job.started"
    /// The first image of a job has failed.
    case jobImagesFailed = "job.images-failed"
    case jobFinished = "job.finished"
    /// Asked for by a person, whatever events the webhook has.
    case test = "webhook.test"

    /// The events that a webhook chooses from.
    package static let chosen: [WebhookEvent] = [.jobStarted, .jobImagesFailed, .jobFinished]
}

/// A job as a message shows it.
package struct JobSighting: Hashable, Sendable {
    /// A submitter's name is cut to this many characters: a message stays below 4 KiB.
    package static let submitterLimit = 200

    package let job: UInt64
    /// The name of its state, such as `partly-failed`.
    package let state: String
    package let isFinal: Bool
    package let submitter: String
    package let imageCount: Int
    package let imagesDone: Int
    package let imagesFailed: Int
    /// Milliseconds since 1970, as is `finishedAt`.
    package let submittedAt: UInt64
    package let finishedAt: UInt64?

    package init(
        job: UInt64, state: String, isFinal: Bool, submitter: String = "", imageCount: Int = 0, imagesDone: Int = 0,
        imagesFailed: Int = 0, submittedAt: UInt64 = 0, finishedAt: UInt64? = nil
    ) {
        self.job = job
        self.state = state
        self.isFinal = isFinal
        self.submitter = submitter
        self.imageCount = imageCount
        self.imagesDone = imagesDone
        self.imagesFailed = imagesFailed
        self.submittedAt = submittedAt
        self.finishedAt = finishedAt
    }
}

/// The bodies of messages: `{"type","timestamp","data"}`, as Standard Webhooks has them.
package enum WebhookBody {
    /// - Parameter page: the address of the page, without a slash at its end, where it is known.
    package static func text(_ event: WebhookEvent, of sighting: JobSighting, page: String, now: UInt64) -> String {
        let submitter = String(sighting.submitter.prefix(JobSighting.submitterLimit))
        let data: JSON = [
            "job": .integer(sighting.job), "state": .string(sighting.state), "submitter": .string(submitter),
            "image_count": .integer(sighting.imageCount), "images_done": .integer(sighting.imagesDone),
            "images_failed": .integer(sighting.imagesFailed), "submitted_at": .integer(sighting.submittedAt),
            "finished_at": sighting.finishedAt.map { .integer($0) },
            "text": .string(sentence(event, sighting, submitter)), "link": .string("\(page)/jobs/\(sighting.job)"),
        ]
        return text(event, data, now)
    }

    package static func test(of webhook: String, page: String, now: UInt64) -> String {
        text(
            .test, ["webhook_id": .string(webhook), "text": "This is a test.", "link": .string("\(page)/settings")], now
        )
    }

    private static func text(_ event: WebhookEvent, _ data: JSON, _ now: UInt64) -> String {
        let body: JSON = ["type": .string(event.rawValue), "timestamp": .string(Timestamp.text(now)), "data": data]
        return body.text
    }

    private static func sentence(_ event: WebhookEvent, _ sighting: JobSighting, _ submitter: String) -> String {
        let name = "Job \(sighting.job) of \(submitter)"
        let counts = "\(sighting.imagesDone) images done, \(sighting.imagesFailed) failed"
        switch event {
        case .jobStarted: return "\(name) has started."
        case .jobImagesFailed: return "\(name) has failed images: \(counts)."
        case .jobFinished, .test: return "\(name) has ended as \(sighting.state): \(counts)."
        }
    }
}
